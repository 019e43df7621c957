"""Conversion factors from the units of gaunt-md (Å, eV, fs) to those of people.

Values are those of CODATA 2018, as far as ASE's default set of units agrees with it to 1e-6.
"""

from __future__ import annotations

EV_PER_CUBIC_ANGSTROM_TO_GPA = 160.21766208
"""Stress in eV/Å^3 times this is stress in GPa."""

EV_TO_MEV = 1000.0
"""Energy in eV times this is energy in meV."""

ANGSTROM_TO_NM = 0.1
"""Length in Å times this is length in nm."""

FS_TO_PS = 1e-3
"""Time in fs times this is time in ps."""

EV_TO_KJ_PER_MOL = 96.48533212331
"""Energy in eV times this is energy in kJ/mol."""
