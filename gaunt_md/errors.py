"""Errors that gaunt-md raises on purpose.

Every message says what was found, what was expected and what to do next. The command line
prints them as one line; anything else that escapes is a bug of gaunt-md.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GauntError(Exception):
    """Base class of all errors raised on purpose."""


class InputError(GauntError, ValueError):
    """A structure, label, option or configuration value that cannot be used."""


class PotentialFileError(GauntError):
    """A potential file that is missing, damaged, foreign or from a future version."""


class BuildError(GauntError):
    """The kernels or the LAMMPS plugin could not be built or loaded."""


class LammpsError(GauntError):
    """LAMMPS is not installed or a run of it ended with an error."""


class UnstableRunError(GauntError):
    """Molecular dynamics that has left what makes sense."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that names the known word nearest to ``name``, or nothing."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{matches[0]}'?" if matches else ""
