"""Checkpoints that survive a crash: written beside and renamed, sealed with their own digest.

A checkpoint is a file of `torch.save` whose zip comment holds the sha256 of all before it, so
that `torch.load(weights_only=True)` reads it and a flipped bit does not go unseen.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO

from ..errors import GauntError
from ..files import write_whole

_SEAL = b"sha256 "
_LENGTH = len(_SEAL) + 64


class CheckpointError(GauntError):
    """A checkpoint that is missing, damaged or none of ours."""


class SealedCheckpoints(CheckpointIO):
    """How Lightning writes and reads checkpoints here."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint whole or not at all."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_whole(Path(path), _seal(buffer.getvalue()))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Verify and read a checkpoint."""
        return load_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; nothing in it is run.

    Raises
    ------
    CheckpointError
        If it is missing, damaged or not a checkpoint of gaunt-md.
    """
    if path.is_dir():
        raise CheckpointError(
            f"'{path}' is a folder; give a checkpoint in it, such as checkpoints/best.ckpt"
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint '{path}'") from None
    if content[-_LENGTH:] != _seal(_unseal(content))[-_LENGTH:]:
        raise CheckpointError(f"checkpoint '{path}' is damaged, or not one of gaunt-md")
    try:
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, ValueError, EOFError) as error:
        raise CheckpointError(f"checkpoint '{path}' cannot be read: {error}") from None
    if "gaunt_md" not in checkpoint:
        raise CheckpointError(f"checkpoint '{path}' is not one of gaunt-md")
    return checkpoint


def _seal(archive: bytes) -> bytes:
    # The last two bytes of a zip file are the length of the comment that follows.
    comment = _SEAL + hashlib.sha256(archive).hexdigest().encode()
    return archive[:-2] + _LENGTH.to_bytes(2, "little") + comment


def _unseal(content: bytes) -> bytes:
    return content[: -_LENGTH - 2] + b"\0\0"
