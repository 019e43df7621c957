from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io.jsonio import decode, encode
from central_forces import Springs
from samples import silicon_oxide

from gaunt_md import GauntCalculator
from gaunt_md.errors import InputError
from gaunt_md.simulate.dynamics import Dynamics, run_dynamics
from gaunt_md.simulate.ensembles import Conditions, Ensemble, suitable_timestep
from gaunt_md.simulate.statistics import mean_and_error
from gaunt_md.simulate.velocities import degrees_of_freedom, temperature, thermalised
from gaunt_md.units import EV_PER_CUBIC_ANGSTROM_TO_GPA

THERMOSTATS = [ensemble for ensemble in Ensemble if ensemble.has_temperature]
BAROSTATS = [ensemble for ensemble in Ensemble if ensemble.has_pressure]


def crystal() -> Atoms:
    """Return so few atoms that the three directions of the centre of mass matter: 3/12."""
    return bulk("Ar", a=5.4, cubic=True)


def small_crystal(temperature: float = 300.0) -> Atoms:
    return thermalised(crystal(), temperature, seed=2)


def springs() -> Springs:
    return Springs(crystal())


@pytest.mark.parametrize("ensemble", THERMOSTATS)
def test_a_small_cell_has_the_temperature_asked_for(ensemble: Ensemble):
    conditions = Conditions(ensemble, 5.0, temperature=300.0, barostat_time=500.0)
    dynamics = Dynamics(small_crystal(), springs(), conditions, seed=1)
    found = np.array([temperature(dynamics._atoms) for _ in dynamics.advance(1500)])
    mean, error = mean_and_error(found[200:])
    # With 3N instead of 3N - 3 degrees of freedom it would be 400 K.
    assert mean == pytest.approx(300.0, abs=40.0)
    assert error < 30.0


@pytest.mark.parametrize("ensemble", BAROSTATS)
def test_a_barostat_keeps_its_pressure(ensemble: Ensemble):
    conditions = Conditions(ensemble, 5.0, temperature=100.0, pressure=0.3, barostat_time=500.0)
    dynamics = Dynamics(small_crystal(100.0), springs(), conditions)
    pressures = []
    for _ in dynamics.advance(1200):
        stress = dynamics._atoms.get_stress(include_ideal_gas=True)
        pressures.append(-EV_PER_CUBIC_ANGSTROM_TO_GPA * stress[:3].mean())
    mean, error = mean_and_error(np.array(pressures[200:]))
    assert mean == pytest.approx(0.3, abs=max(4.0 * error, 0.02))
    assert error < 0.05


@pytest.mark.parametrize("ensemble", [Ensemble.NOSE_HOOVER, *BAROSTATS])
def test_chains_conserve_their_energy_to_second_order(ensemble: Ensemble):
    departures = []
    for timestep in (4.0, 2.0):
        conditions = Conditions(ensemble, timestep, temperature=300.0, barostat_time=300.0)
        dynamics = Dynamics(small_crystal(), springs(), conditions)
        energies = [dynamics.conserved_energy for _ in dynamics.advance(int(800 / timestep))]
        departures.append(np.ptp(energies))
    assert departures[0] / departures[1] == pytest.approx(4.0, rel=0.3)


def test_what_bussi_adds_is_accounted_for():
    conditions = Conditions(Ensemble.BUSSI, 2.0, temperature=300.0)
    dynamics = Dynamics(small_crystal(), springs(), conditions)
    energies = np.array(
        [
            (dynamics.conserved_energy, dynamics._atoms.get_total_energy())
            for _ in dynamics.advance(500)
        ]
    )
    conserved, total = np.ptp(energies, axis=0)
    assert conserved < 0.05 * total


@pytest.mark.parametrize("ensemble", THERMOSTATS)
def test_a_ramp_leads_to_the_final_temperature_and_stays_there(ensemble: Ensemble):
    conditions = Conditions(
        ensemble, 4.0, temperature=100.0, final_temperature=400.0, ramp_steps=600
    )
    assert [conditions.temperature_at(step) for step in (0, 300, 600, 9000)] == [
        100,
        250,
        400,
        400,
    ]
    dynamics = Dynamics(small_crystal(100.0), springs(), conditions)
    found = np.array([temperature(dynamics._atoms) for _ in dynamics.advance(1000)])
    assert found[600:].mean() == pytest.approx(400.0, abs=80.0)
    assert found[50:200].mean() < 250.0


@pytest.mark.parametrize("ensemble", Ensemble)
def test_a_run_goes_on_as_if_it_had_never_stopped(potential_file_float32: Path, ensemble: Ensemble):
    """Bit for bit, through a file: thermostat, barostat and random numbers included."""
    start = thermalised(silicon_oxide(), 300.0, seed=1)
    hot = ensemble.has_temperature
    conditions = Conditions(
        ensemble,
        1.0,
        temperature=300.0 if hot else None,
        final_temperature=500.0 if hot else None,
        ramp_steps=12,
    )
    whole = Dynamics(start, GauntCalculator(potential_file_float32), conditions, seed=5)
    for step in whole.advance(12):
        if step == 7:
            text = encode(whole.state)
    resumed = Dynamics.resume(decode(text), GauntCalculator(potential_file_float32))
    assert resumed.step == 7
    for _ in resumed.advance(12):
        pass
    for name in ("positions", "cell"):
        assert np.array_equal(getattr(resumed.frame, name), getattr(whole.frame, name))
    assert np.array_equal(resumed.frame.get_momenta(), whole.frame.get_momenta())
    assert resumed.conserved_energy == whole.conserved_energy
    assert not np.array_equal(whole.frame.positions, start.positions)


def test_other_seeds_give_other_runs():
    conditions = Conditions(Ensemble.LANGEVIN, 2.0, temperature=300.0)
    ends = [
        run_dynamics(small_crystal(), springs(), conditions, steps=5, seed=seed).positions[-1]
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(ends[0], ends[1])
    assert not np.allclose(ends[0], ends[2])


def test_langevin_dynamics_lets_the_centre_of_mass_rest():
    conditions = Conditions(Ensemble.LANGEVIN, 2.0, temperature=300.0, thermostat_time=20.0)
    run = run_dynamics(small_crystal(), springs(), conditions, steps=50)
    first, last = run.frames[0], run.frames[-1]
    assert np.abs(last.get_momenta().sum(axis=0)).max() < 1e-10
    assert np.allclose(first.get_center_of_mass(), last.get_center_of_mass(), atol=1e-10)
    assert last.constraints == []


@pytest.mark.parametrize("ensemble", [e for e in Ensemble if not e.has_pressure])
def test_atoms_that_are_held_stay(ensemble: Ensemble):
    crystal = bulk("Cu", cubic=True) * 2
    crystal.set_constraint(FixAtoms([0, 5]))
    start = thermalised(crystal, 300.0, seed=1)
    hot = 300.0 if ensemble.has_temperature else None
    run = run_dynamics(start, EMT(), Conditions(ensemble, 2.0, temperature=hot), steps=20)
    moved = np.abs(run.positions[-1] - run.positions[0]).max(axis=1)
    assert set(np.flatnonzero(moved == 0.0)) == {0, 5}
    assert len(run.frames[-1].constraints) == 1
    assert degrees_of_freedom(crystal) == 3 * 30


@pytest.mark.parametrize(
    ("symbols", "expected"), [("CH4", 0.5), ("SiO2", 1.0), ("C2", 1.0), ("Si", 2.0), ("Cu", 2.0)]
)
def test_the_lightest_atom_decides_the_time_step(symbols: str, expected: float):
    assert suitable_timestep(Atoms(symbols)) == expected


def test_heavy_hydrogen_allows_no_longer_step():
    assert suitable_timestep(Atoms("D2O".replace("D2", "H2"), masses=[2.0, 2.0, 16.0])) == 0.5


def test_a_gas_of_two_atoms_has_three_degrees_of_freedom():
    pair = Atoms("Ar2", [[0, 0, 0], [0, 0, 4]], velocities=[[0, 0, 0.01], [0, 0, -0.01]])
    energy = pair.get_kinetic_energy()
    assert temperature(pair) == pytest.approx(2.0 * energy / (3.0 * units.kB))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"ensemble": Ensemble.BUSSI}, "nvt-bussi needs a temperature \\(--temperature\\), K"),
        ({"ensemble": Ensemble.NVE, "pressure": 1.0}, "no barostat that could keep 1.0 GPa"),
        ({"ensemble": Ensemble.NVE, "final_temperature": 9.0, "ramp_steps": 2}, "no thermostat"),
        ({"ensemble": Ensemble.BUSSI, "temperature": -3.0}, "temperature is -3.0 K"),
        ({"ensemble": Ensemble.NPT, "temperature": 9.0, "pressure": np.nan}, "pressure is nan GPa"),
        ({"ensemble": Ensemble.NVE, "timestep": 0.0}, "timestep is 0.0 fs; it must be positive"),
        ({"ensemble": Ensemble.BUSSI, "temperature": 9.0, "final_temperature": 8.0}, "ramp_steps"),
    ],
)
def test_conditions_that_make_no_sense(options: dict, complaint: str):
    with pytest.raises(InputError, match=complaint):
        Conditions(**{"timestep": 1.0, **options})


def test_structures_that_cannot_be_in_an_ensemble():
    pressed = Conditions(Ensemble.NPT, 1.0, temperature=300.0)
    hot = Conditions(Ensemble.BUSSI, 1.0, temperature=300.0)
    slab = small_crystal()
    slab.pbc = (True, True, False)
    with pytest.raises(InputError, match=r"pbc is \[True, True, False\]; keep the volume"):
        Dynamics(slab, springs(), pressed)
    held = small_crystal()
    held.set_constraint(FixAtoms([0]))
    with pytest.raises(InputError, match="cannot keep constraints"):
        Dynamics(held, springs(), pressed)
    with pytest.raises(InputError, match="all atoms are at rest"):
        Dynamics(bulk("Ar", cubic=True), springs(), hot)
    with pytest.raises(InputError, match="two free atoms at least"):
        Dynamics(Atoms("Ar"), springs(), hot)
