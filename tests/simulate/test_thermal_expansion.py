from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT

from gaunt_md.errors import InputError
from gaunt_md.simulate.phonons import compute_phonons
from gaunt_md.simulate.thermal_expansion import ThermalExpansion, compute_thermal_expansion


@pytest.fixture(scope="module")
def copper() -> ThermalExpansion:
    """Return a conventional cell's, so that the primitive cell is a quarter of it."""
    return compute_thermal_expansion(
        bulk("Cu", a=3.5899, cubic=True),
        EMT(),
        highest_temperature=600.0,
        temperature_step=20.0,
        supercell_width=7.0,
        points=5,
    )


def test_values_are_those_of_one_primitive_cell(copper: ThermalExpansion):
    crystal = bulk("Cu", a=3.5899)
    crystal.calc = EMT()
    assert copper.energies.min() == pytest.approx(crystal.get_potential_energy(), abs=2e-3)
    assert copper.equilibrium_volumes[0] == pytest.approx(crystal.get_volume(), rel=0.015)
    high = copper.heat_capacities[-1]
    assert 3.0 * units.kB < high < 3.3 * units.kB


def test_expansion_is_that_of_grueneisen(copper: ThermalExpansion):
    """α = γ C_V / (B V), with γ from frequencies at two volumes."""
    temperature = 300.0
    at = int(np.argmin(np.abs(copper.temperatures - temperature)))
    volume = copper.equilibrium_volumes[at]
    free_energies, capacities = [], []
    for scale in (0.995, 1.005):
        crystal = bulk("Cu", a=(4 * volume * scale) ** (1 / 3))
        found = compute_phonons(crystal, EMT(), supercell_width=7.0)
        thermal = found.thermal_properties([temperature - 5, temperature + 5])
        entropy = thermal.entropies / (units.mol / units.J)
        free_energies.append(entropy.mean())
        capacities.append(np.mean(thermal.heat_capacities) / (units.mol / units.J))
    # At constant temperature dS/dV = dp/dT = α B.
    pressure_slope = (free_energies[1] - free_energies[0]) / (0.01 * volume)
    bulk_modulus = copper.bulk_moduli[at] / (1.0 / units.GPa)
    assert copper.expansion[at] == pytest.approx(pressure_slope / bulk_modulus, rel=0.03)
    # Copper expands by 50e-6/K in experiment; EMT comes near.
    assert 40e-6 < copper.expansion_at(300.0) < 75e-6


def test_the_command_of_phonopy_finds_the_same(copper: ThermalExpansion, tmp_path: Path):
    copper.write(tmp_path)
    written = np.loadtxt(tmp_path / "volume-temperature.dat")
    finished = subprocess.run(
        [
            str(Path(sys.executable).parent / "phonopy-qha"),
            *("--eos", "birch_murnaghan", "e-v.dat"),
            *(f"thermal_properties-{index}.yaml" for index in range(5)),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    again = np.loadtxt(tmp_path / "volume-temperature.dat")
    np.testing.assert_allclose(again, written[: len(again)], rtol=1e-6)
    assert len(again) >= len(written) - 1


@pytest.mark.filterwarnings("error::UserWarning")
def test_temperatures_beyond_the_volumes_are_left_out():
    narrow = compute_thermal_expansion(
        bulk("Cu", a=3.5899),
        EMT(),
        highest_temperature=1000.0,
        temperature_step=50.0,
        strain=0.008,
        supercell_width=5.0,
        points=5,
    )
    assert 200.0 < narrow.temperatures[-1] < 800.0
    assert narrow.equilibrium_volumes.max() <= narrow.volumes.max()
    with pytest.raises(InputError, match=r"temperature 900 K is outside of what was computed, 0"):
        narrow.expansion_at(900)


def test_an_unstable_crystal_is_refused():
    with pytest.raises(InputError, match=r"the crystal is unstable \(N: .*i THz"):
        compute_thermal_expansion(bulk("Cu", "bcc", a=2.87), EMT(), supercell_width=6.0)


def test_a_crystal_under_stress_is_refused():
    with pytest.raises(InputError, match=r"volume at 0 K, .* is not among those computed"):
        compute_thermal_expansion(
            bulk("Cu", a=3.5), EMT(), strain=0.005, supercell_width=5.0, points=5
        )


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match=r"points is 4; .* at least 5 volumes"):
        compute_thermal_expansion(bulk("Cu"), EMT(), points=4)
    with pytest.raises(InputError, match="temperature_step is 0"):
        compute_thermal_expansion(bulk("Cu"), EMT(), temperature_step=0)
    with pytest.raises(InputError, match="strain is -1"):
        compute_thermal_expansion(bulk("Cu"), EMT(), strain=-1)
