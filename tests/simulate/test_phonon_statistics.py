from __future__ import annotations

from pathlib import Path

import central_forces
import numpy as np
import pytest
import yaml
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT

from gaunt_md.errors import InputError
from gaunt_md.simulate.phonons import Phonons, compute_phonons

JOULE_PER_MOLE = units.mol / units.J  # times eV


@pytest.fixture(scope="module")
def copper() -> Phonons:
    return compute_phonons(central_forces.crystal(), central_forces.calculator())


def test_there_are_three_states_for_each_atom(copper: Phonons):
    density = copper.density_of_states
    assert np.trapezoid(density.values, density.frequencies) == pytest.approx(3.0, rel=1e-2)
    highest = central_forces.frequency(8 * central_forces.STIFFNESS)
    assert density.frequencies[density.values > 1e-3].max() == pytest.approx(highest, rel=1e-2)


def test_thermal_properties_follow_from_the_density_of_states(copper: Phonons):
    """Sums over oscillators of those frequencies, done by hand."""
    density = copper.density_of_states
    thermal = copper.thermal_properties([100.0, 300.0])
    energies = density.frequencies * 1e12 * units._hplanck / units._e
    real = energies > 1e-3
    for temperature, free_energy, heat_capacity in zip(
        thermal.temperatures, thermal.free_energies, thermal.heat_capacities, strict=True
    ):
        x = energies[real] / (units.kB * temperature)
        each = units.kB * temperature * np.log(2 * np.sinh(x / 2))
        expected = np.trapezoid(density.values[real] * each, density.frequencies[real])
        assert 1000 * free_energy == pytest.approx(JOULE_PER_MOLE * expected, rel=0.02, abs=30)
        each = units.kB * (x / 2 / np.sinh(x / 2)) ** 2
        expected = np.trapezoid(density.values[real] * each, density.frequencies[real])
        assert heat_capacity == pytest.approx(JOULE_PER_MOLE * expected, rel=0.01)


def test_hot_crystals_obey_dulong_and_petit(copper: Phonons):
    thermal = copper.thermal_properties([0.0, 5000.0])
    assert thermal.heat_capacities[0] == 0.0
    assert thermal.entropies[0] == 0.0
    assert thermal.free_energies[0] == pytest.approx(thermal.zero_point_energy)
    gas_constant = units.kB * JOULE_PER_MOLE
    assert thermal.heat_capacities[1] == pytest.approx(3 * gas_constant, rel=2e-3)
    assert thermal.modes_left_out == 0.0


def test_modes_left_out_are_counted():
    body_centred = compute_phonons(bulk("Cu", "bcc", a=2.87), EMT(), supercell_width=6.0)
    thermal = body_centred.thermal_properties([300.0])
    assert 0.0 < thermal.modes_left_out < 1 / 3


def test_a_temperature_below_absolute_zero_is_refused(copper: Phonons):
    with pytest.raises(InputError, match=r"-1.0 K is below absolute zero"):
        copper.thermal_properties([0.0, -1.0])


def test_files_are_those_of_phonopy(copper: Phonons, tmp_path: Path):
    copper.density_of_states.write(tmp_path / "total_dos.dat")
    columns = np.loadtxt(tmp_path / "total_dos.dat")
    assert columns[:, 0] == pytest.approx(copper.density_of_states.frequencies, abs=1e-9)
    thermal = copper.thermal_properties([100.0, 300.0])
    thermal.write(tmp_path / "thermal_properties.yaml")
    content = yaml.safe_load((tmp_path / "thermal_properties.yaml").read_text())
    assert content["unit"]["free_energy"] == "kJ/mol"
    rows = content["thermal_properties"]
    assert [row["temperature"] for row in rows] == [100.0, 300.0]
    assert [row["entropy"] for row in rows] == pytest.approx(thermal.entropies.tolist())
