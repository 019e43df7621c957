"""Molecular dynamics in ASE that can be stopped, continued exactly, and does not run astray."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, CalculationFailed
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixCom

from ..errors import InputError, UnstableRunError
from .ensembles import Conditions, Ensemble
from .guards import Guard, lost_atom
from .integrators import (
    conserved_energy,
    integrator,
    integrator_state,
    restore_integrator,
    set_temperature,
)
from .trajectory import STEP, TIME, Trajectory
from .velocities import temperature


class Dynamics:
    """Molecular dynamics of one structure, one step after the other.

    Parameters
    ----------
    atoms : Atoms
        Positions and velocities to start from; left as they are. The centre of mass must be at
        rest, see `gaunt_md.simulate.velocities`.
    calculator : BaseCalculator
        Any ASE calculator with forces and, for a barostat, stress.
    conditions : Conditions
        What is kept constant.
    seed : int
        Seed of the thermostat's random numbers.
    temperature_bound : float, optional
        Temperature in K beyond which the run is given up; if not given, ten times the highest of
        the temperatures at the start and of the thermostat, and 1000 K at least.

    Raises
    ------
    InputError
        If the structure cannot be in the ensemble.

    Attributes
    ----------
    step : int
        Number of steps done.
    """

    def __init__(
        self,
        atoms: Atoms,
        calculator: BaseCalculator,
        conditions: Conditions,
        *,
        seed: int = 0,
        temperature_bound: float | None = None,
    ) -> None:
        self.conditions = conditions
        self.step = 0
        self._atoms = atoms.copy()
        self._atoms.calc = calculator
        self._random = np.random.default_rng(seed)
        self._integrator: Any = integrator(self._atoms, conditions, self._random)
        if temperature_bound is None:
            highest = max(
                temperature(atoms), conditions.temperature or 0, conditions.final_temperature or 0
            )
            temperature_bound = max(10.0 * highest, 1000.0)
        self._guard = Guard(temperature_bound, lost=lost_atom(atoms) is None)
        self._last_good: Atoms | None = None

    @classmethod
    def resume(cls, state: dict[str, Any], calculator: BaseCalculator) -> Dynamics:
        """Return dynamics that goes on exactly where `state` was taken."""
        given = state["conditions"]
        conditions = Conditions(**{**given, "ensemble": Ensemble(given["ensemble"])})
        dynamics = cls(state["atoms"], calculator, conditions)
        dynamics.step = state["step"]
        dynamics._guard = Guard(**state["guard"])
        dynamics._random.bit_generator.state = state["random"]
        restore_integrator(dynamics._integrator, state["integrator"])
        return dynamics

    @property
    def state(self) -> dict[str, Any]:
        """Everything that `resume` needs: atoms, integrator, thermostat, random numbers."""
        atoms = self._atoms.copy()
        atoms.set_constraint(_given_constraints(atoms))
        return {
            "step": self.step,
            "atoms": atoms,
            "conditions": asdict(self.conditions),
            "guard": asdict(self._guard),
            "random": self._random.bit_generator.state,
            "integrator": integrator_state(self._integrator),
        }

    @property
    def time(self) -> float:
        """Time since the start in fs."""
        return self.step * self.conditions.timestep

    @property
    def frame(self) -> Atoms:
        """The atoms now, with velocities, energy (eV), forces (eV/Å), stress (eV/Å^3) and time."""
        results = {
            "energy": self._atoms.get_potential_energy(),
            "forces": self._atoms.get_forces(apply_constraint=False),
        }
        calculator = self._atoms.calc
        if self._atoms.cell.rank == 3 and "stress" in calculator.implemented_properties:
            results["stress"] = self._atoms.get_stress(apply_constraint=False)
        frame = self._atoms.copy()
        frame.set_constraint(_given_constraints(frame))
        frame.calc = SinglePointCalculator(frame, **results)
        frame.info.update({STEP: self.step, TIME: self.time})
        return frame

    @property
    def conserved_energy(self) -> float | None:
        """Energy in eV that the exact equations of motion conserve, if there is one."""
        return conserved_energy(self._integrator)

    @property
    def last_good(self) -> Atoms | None:
        """The atoms as they were before a step that ended in an `UnstableRunError`."""
        return self._last_good

    def advance(self, steps: int) -> Iterator[int]:
        """Yield the step number at once, and after every step until ``steps`` are done in total.

        Raises
        ------
        UnstableRunError
            If a number is not finite, an atom is lost or far too fast, or the temperature leaves
            its bound. `last_good` has the atoms before that step.
        """
        if steps < self.step:
            raise InputError(
                f"{self.step} steps are done, more than the {steps} in total asked for; give a "
                "larger number of steps (--steps)"
            )
        yield self.step
        while self.step < steps:
            self._step()
            yield self.step

    def _step(self) -> None:
        self._last_good = None
        before = self._atoms.copy()
        try:
            if self.conditions.final_temperature is not None:
                target = self.conditions.temperature_at(self.step)
                assert target is not None
                set_temperature(self._integrator, target)
            self._integrator.step()
            self._guard.check(self._atoms, before.positions)
        except (UnstableRunError, InputError, CalculationFailed, np.linalg.LinAlgError) as error:
            before.set_constraint(_given_constraints(before))
            before.info.update({STEP: self.step, TIME: self.time})
            self._last_good = before
            raise UnstableRunError(
                f"the run has become unstable in step {self.step + 1}, at "
                f"{self.time + self.conditions.timestep:g} fs: {error}. A shorter time step, a "
                "relaxed start, or a potential trained on such structures may help."
            ) from error
        self.step += 1


def run_dynamics(
    atoms: Atoms,
    calculator: BaseCalculator,
    conditions: Conditions,
    *,
    steps: int,
    interval: int = 1,
    seed: int = 0,
) -> Trajectory:
    """Run molecular dynamics and keep its frames.

    Parameters
    ----------
    atoms, calculator, conditions, seed
        As for `Dynamics`, and so are the errors.
    steps : int
        Number of steps.
    interval : int
        Steps between the frames that are kept; the start is always kept.
    """
    dynamics = Dynamics(atoms, calculator, conditions, seed=seed)
    kept = [dynamics.frame for step in dynamics.advance(steps) if step % interval == 0]
    return Trajectory(np.array([frame.info[TIME] for frame in kept]), tuple(kept))


def run_nve(
    atoms: Atoms, calculator: BaseCalculator, *, timestep: float, steps: int, interval: int = 1
) -> Trajectory:
    """Run dynamics at constant energy from the velocities of ``atoms``; see `run_dynamics`.

    Parameters
    ----------
    timestep : float
        Time step in fs.
    """
    conditions = Conditions(Ensemble.NVE, timestep)
    return run_dynamics(atoms, calculator, conditions, steps=steps, interval=interval)


def _given_constraints(atoms: Atoms) -> list[Any]:
    """Return the constraints without the one that Langevin dynamics brings along."""
    return [constraint for constraint in atoms.constraints if not isinstance(constraint, FixCom)]
