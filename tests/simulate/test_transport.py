from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes

from gaunt_md.errors import InputError
from gaunt_md.simulate.dynamics import run_nve
from gaunt_md.simulate.trajectory import Trajectory
from gaunt_md.simulate.transport import diffusion, mean_squared_displacement
from gaunt_md.simulate.vibrations import vibrational_spectrum


def walk(random: np.random.Generator, symbols: str, frames: int, spread: float) -> Trajectory:
    """Return a random walk, each coordinate of each atom by ``spread`` Å a frame of 10 fs."""
    atoms = Atoms(symbols)
    steps = random.normal(scale=spread, size=(frames, len(atoms), 3))
    return Trajectory(
        10.0 * np.arange(frames),
        tuple(Atoms(symbols, positions) for positions in np.cumsum(steps, axis=0)),
    )


def test_displacements_are_those_of_the_definition(random: np.random.Generator):
    positions = random.normal(size=(17, 4, 3)).cumsum(axis=0)
    found = mean_squared_displacement(positions)
    for lag in range(17):
        moved = positions[lag:] - positions[: 17 - lag]
        assert found[lag] == pytest.approx((moved**2).sum(axis=2).mean(), abs=1e-10)


def test_a_random_walk_has_its_diffusion_coefficient(random: np.random.Generator):
    """D = spread²/(2 Δt) = 0.1²/(2·10) Å²/fs = 5e-5 cm²/s."""
    found = diffusion(walk(random, "Ar200", 400, 0.1))
    assert found.coefficient == pytest.approx(5e-5, rel=0.06)
    assert abs(found.coefficient - 5e-5) < 4.0 * found.error
    assert found.error < 5e-6
    assert found.displacements[1] == pytest.approx(0.03, rel=0.02)


def test_elements_diffuse_on_their_own_and_common_motion_does_not_count(
    random: np.random.Generator,
):
    slow, fast = walk(random, "Ar100", 200, 0.02), walk(random, "Kr100", 200, 0.1)
    drift = 0.5 * np.arange(200)[:, None, None]
    both = np.concatenate([slow.positions, fast.positions], axis=1) + drift
    run = Trajectory(slow.times, tuple(Atoms("Ar100Kr100", positions) for positions in both))
    assert diffusion(run, "Ar").coefficient == pytest.approx(2e-6, rel=0.3)
    assert diffusion(run, "Kr").coefficient == pytest.approx(5e-5, rel=0.15)
    with pytest.raises(InputError, match="there is no Xe; the elements are Ar, Kr"):
        diffusion(run, "Xe")


def test_too_few_or_uneven_frames_are_refused(random: np.random.Generator):
    run = walk(random, "Ar3", 60, 0.1)
    with pytest.raises(InputError, match="40 frames or more, for error bars; there are 12"):
        diffusion(Trajectory(run.times[:12], run.frames[:12]))
    with pytest.raises(InputError, match="1 frame has no motion"):
        diffusion(Trajectory(run.times[:1], run.frames[:1]))
    uneven = run.times.copy()
    uneven[20:] += 7.0
    with pytest.raises(InputError, match="no equal intervals"):
        diffusion(Trajectory(uneven, run.frames))


class Wells(Calculator):
    """Every atom in a harmonic well of its own, whose stiffness its element decides."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012
    stiffness = {"H": 10.0, "O": 3.0}  # noqa: RUF012

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        constants = np.array([[self.stiffness[s]] for s in self.atoms.get_chemical_symbols()])
        energy = 0.5 * float((constants * self.atoms.positions**2).sum())
        self.results = {"energy": energy, "forces": -constants * self.atoms.positions}


def frequency(element: str) -> float:
    mass = Atoms(element).get_masses()[0]
    return np.sqrt(Wells.stiffness[element] / mass) * units.second * 1e-12 / (2.0 * np.pi)


def test_a_spectrum_has_the_lines_of_its_oscillators():
    start = Atoms("HO", velocities=[[0.1, 0.0, 0.0], [0.0, 0.1, 0.0]])
    run = run_nve(start, Wells(), timestep=0.25, steps=2000, interval=4)
    found = vibrational_spectrum(run, resolution=2.0)
    for element in ("H", "O"):
        peak = found.frequencies[found.densities[element].argmax()]
        assert peak == pytest.approx(frequency(element), abs=0.5)
    assert np.trapezoid(found.densities["all"], found.frequencies) == pytest.approx(1.0)
    assert found.densities["H"] + found.densities["O"] == pytest.approx(found.densities["all"])
    assert found.autocorrelation[0] == 1.0
    assert found.highest_frequency == pytest.approx(500.0)


def test_positions_alone_have_no_spectrum(random: np.random.Generator):
    with pytest.raises(
        InputError, match=r"no velocities.*xtc and dcd files hold rounded positions"
    ):
        vibrational_spectrum(walk(random, "Ar2", 50, 0.1))
