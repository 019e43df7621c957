"""What errors are called, in files and to people, and their units; needs no torch."""

from __future__ import annotations

UNITS = {
    "energy_mae_meV_per_atom": ("energy MAE", "meV/atom"),
    "energy_rmse_meV_per_atom": ("energy RMSE", "meV/atom"),
    "force_mae_eV_per_A": ("force MAE", "eV/Å"),
    "force_rmse_eV_per_A": ("force RMSE", "eV/Å"),
    "stress_rmse_GPa": ("stress RMSE", "GPa"),
}
"""Names of errors in files and JSON, with what people call them and their units."""


def words(name: str) -> str:
    """Return the name of an error as people write it, e.g. "force RMSE, eV/Å"."""
    return ", ".join(UNITS.get(name, (name,)))


def sentence(name: str, value: float) -> str:
    """Return an error with its unit, e.g. "force RMSE 0.0794 eV/Å"."""
    quantity, unit = UNITS.get(name, (name, ""))
    return f"{quantity} {value:.4g} {unit}".rstrip()
