"""The same structure in every unit style."""

from __future__ import annotations

from pathlib import Path

import ase.units
import numpy as np
import pytest
from lammps_runs import (
    MEASURE,
    evaluate,
    read_evaluation,
    run_to_end,
    setup,
    style,
    to_lammps_orientation,
)
from samples import silicon_oxide


@pytest.mark.parametrize(
    ("units", "length", "energy"),
    [
        ("real", 1.0, 23.060549),
        ("si", 1e-10, 1.602176634e-19),
        ("cgs", 1e-8, 1.602176634e-12),
        ("electron", 1 / ase.units.Bohr, 1 / ase.units.Hartree),
        ("micro", 1e-4, 1.602176634e-4),
        ("nano", 0.1, 160.2176634),
    ],
)
def test_units(
    units: str, length: float, energy: float, potential_file_float64: Path, tmp_path: Path
) -> None:
    """Same structure in other units: Å is `length` and eV is `energy` of them."""
    atoms = to_lammps_orientation(silicon_oxide())
    metal = evaluate(tmp_path, atoms, potential_file_float64)
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell * length, scale_atoms=True)
    lines = setup(tmp_path, scaled)
    lines[0] = f"units {units}"
    # The skin is a length too, and LAMMPS's default for some styles is larger than the box.
    lines.insert(3, f"neighbor {length} bin")
    lines += [
        *style(potential_file_float64),
        *MEASURE[:-1],
        'print "$(pe:%.17g) $(pxx*vol:%.17g) $(pyy*vol:%.17g) $(pzz*vol:%.17g) '
        '$(pyz*vol:%.17g) $(pxz*vol:%.17g) $(pxy*vol:%.17g)" file results.txt screen no',
    ]
    run_to_end(tmp_path, lines)
    got = read_evaluation(tmp_path)
    # LAMMPS's constants are those of 2006: the last digits of today's differ.
    np.testing.assert_allclose(got.energy / energy, metal.energy, rtol=2e-6)
    np.testing.assert_allclose(got.forces * length / energy, metal.forces, rtol=2e-6, atol=1e-6)
    ratio = got.stress[0] / metal.stress[0]
    np.testing.assert_allclose(got.stress, ratio * metal.stress, rtol=1e-5, atol=1e-6 * abs(ratio))
