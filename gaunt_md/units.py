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

SQUARE_ANGSTROM_PER_FS_TO_SQUARE_CM_PER_S = 0.1
"""Diffusion coefficient in Å^2/fs times this is it in cm^2/s."""

THZ_TO_PER_CM = 33.35640951981521
"""Frequency in THz times this is wavenumber in 1/cm."""

EV_TO_KJ_PER_MOL = 96.48533212331
"""Energy in eV times this is energy in kJ/mol."""
