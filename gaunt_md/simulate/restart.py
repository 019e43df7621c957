"""Restart files: all numbers of a run in JSON, which holds floats exactly and runs no code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ase.io.jsonio import decode, encode

from ..errors import InputError
from ..files import write_whole

FORMAT = 1


def write_restart(path: Path, state: dict[str, Any], options: dict[str, Any]) -> None:
    """Write a restart file; a crash leaves either the old or the new one.

    Parameters
    ----------
    path : Path
    state : dict
        Of `gaunt_md.simulate.dynamics.Dynamics`.
    options : dict
        What the run was asked for; `read_restart` compares it.
    """
    content = {"format": FORMAT, "options": options, "state": state}
    write_whole(path, encode(content).encode())


def read_restart(path: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a run, if it was asked for the same.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or an option has another value.
    """
    try:
        content = decode(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"there is no run to resume: '{path}' is missing. Start it without --resume."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' is no restart file, or damaged: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"'{path}' is no restart file of this version of gaunt-md")
    before = content["options"]
    for name in sorted({*options, *before}):
        if options.get(name) != before.get(name):
            flag = name.replace("_", "-")
            raise InputError(
                f"the run in '{path.parent}' has {flag} {before.get(name)}, and {flag} "
                f"{options.get(name)} is asked for; a run goes on with the options it started "
                "with. Give the same, or start another run with another --output."
            )
    return content["state"]
