from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import central_forces
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.eos import birchmurnaghan

from gaunt_md.errors import InputError
from gaunt_md.simulate.elasticity import compute_elasticity
from gaunt_md.simulate.equation_of_state import (
    compute_equation_of_state,
    fit_equation_of_state,
    relax_at_volumes,
)
from gaunt_md.units import EV_PER_CUBIC_ANGSTROM_TO_GPA


def test_springs_between_neighbours_have_the_modulus_of_the_textbook():
    """B = 4/3 k/a, and the volume is that of the minimum."""
    equation = compute_equation_of_state(
        central_forces.crystal(), central_forces.calculator(), strain=0.01
    )
    assert equation.volume == pytest.approx(central_forces.LATTICE_CONSTANT**3 / 4, rel=1e-5)
    stiffness = central_forces.STIFFNESS / central_forces.LATTICE_CONSTANT
    expected = 4 / 3 * stiffness * EV_PER_CUBIC_ANGSTROM_TO_GPA
    assert equation.bulk_modulus == pytest.approx(expected, rel=5e-3)


def test_modulus_is_that_of_the_elastic_tensor():
    start = bulk("Cu", a=3.5899)
    equation = compute_equation_of_state(start, EMT(), strain=0.01)
    relaxed = start.copy()
    relaxed.set_cell(
        start.cell * (equation.volume / start.get_volume()) ** (1 / 3), scale_atoms=True
    )
    assert compute_elasticity(relaxed, EMT()).voigt.bulk == pytest.approx(
        equation.bulk_modulus, rel=5e-3
    )


@pytest.mark.parametrize("offset", [0.0, -1e5])
def test_parameters_of_a_known_curve_are_found_whatever_its_zero(offset: float):
    parameters = (offset - 3.5, 0.8, 4.6, 40.0)
    structures = []
    for volume in np.linspace(36.0, 44.0, 7):
        structures.append(Atoms("Si2", cell=[volume ** (1 / 3)] * 3, pbc=True))
        energy = birchmurnaghan(volume, *parameters)
        structures[-1].calc = SinglePointCalculator(structures[-1], energy=energy)
    equation = fit_equation_of_state(structures)
    assert equation.volume == pytest.approx(40.0, rel=1e-5)
    assert equation.energy == pytest.approx(offset - 3.5, abs=1e-6)
    expected = 0.8 * EV_PER_CUBIC_ANGSTROM_TO_GPA
    assert equation.bulk_modulus == pytest.approx(expected, rel=1e-4)
    assert equation.bulk_modulus_derivative == pytest.approx(4.6, rel=1e-3)
    assert equation.error < 1e-8
    assert equation.energies_at(equation.volumes) == pytest.approx(equation.energies, abs=1e-7)


def test_atoms_relax_at_every_volume():
    start = bulk("Cu", cubic=True)
    start.rattle(0.05, seed=1)
    relaxations = relax_at_volumes(start, EMT(), [0.95, 1.0])
    assert [found.atoms.get_volume() for found in relaxations] == pytest.approx(
        [0.95 * start.get_volume(), start.get_volume()]
    )
    assert all(found.largest_force < 1e-5 for found in relaxations)


def test_the_command_of_phonopy_reads_the_file(tmp_path: Path):
    equation = compute_equation_of_state(bulk("Cu", a=3.59), EMT(), strain=0.01)
    equation.write(tmp_path / "e-v.dat")
    finished = subprocess.run(
        [
            str(Path(sys.executable).parent / "phonopy-qha"),
            *("-b", "--eos", "birch_murnaghan", "e-v.dat"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    (line,) = [line for line in finished.stdout.splitlines() if "Bulk modulus" in line]
    found = float(line.split(":")[1].split()[0])
    assert found == pytest.approx(equation.bulk_modulus, rel=1e-3)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match=r"no minimum between the volumes 10.* and 1.* Å\^3"):
        compute_equation_of_state(bulk("Cu", a=3.5), EMT(), strain=0.01)
    with pytest.raises(InputError, match=r"points is 4; .* at least 5"):
        compute_equation_of_state(bulk("Cu"), EMT(), points=4)
    with pytest.raises(InputError, match=r"strain is 0.3; it must be between 0 and 0.2"):
        compute_equation_of_state(bulk("Cu"), EMT(), strain=0.3)
    with pytest.raises(InputError, match="a volume needs a crystal"):
        compute_equation_of_state(Atoms("Cu"), EMT())
    rattled = bulk("Cu", cubic=True)
    rattled.rattle(0.1)
    with pytest.raises(InputError, match=r"at 0.941 of the volume the atoms have not relaxed"):
        compute_equation_of_state(rattled, EMT(), max_steps=1)
