"""Silence for libraries that print what nobody asked for."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_output() -> Iterator[None]:
    """Keep off stdout what is printed meanwhile, also by C code, which Python cannot redirect.

    mdtraj's reader of DCD files tells their byte order there, in the midst of our JSON.
    """
    _flush()
    stdout = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        _flush()
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(nowhere)


def _flush() -> None:
    """Write out what Python and C keep for stdout."""
    sys.stdout.flush()
    ctypes.CDLL(None).fflush(None)
