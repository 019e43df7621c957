"""Gaunt tensor product interatomic potentials for ASE and LAMMPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calculator import GauntCalculator
    from .committee import CommitteeCalculator

__version__ = "0.1.0"
__all__ = ["CommitteeCalculator", "GauntCalculator", "__version__"]


def __getattr__(name: str) -> Any:
    # Importing torch takes seconds; the command line's help and the LAMMPS entry point
    # should not pay for it.
    if name == "GauntCalculator":
        from .calculator import GauntCalculator

        return GauntCalculator
    if name == "CommitteeCalculator":
        from .committee import CommitteeCalculator

        return CommitteeCalculator
    raise AttributeError(f"module 'gaunt_md' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
