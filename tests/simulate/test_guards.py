from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from gaunt_md.errors import UnstableRunError
from gaunt_md.simulate.dynamics import Dynamics
from gaunt_md.simulate.ensembles import Conditions, Ensemble
from gaunt_md.simulate.guards import lost_atom
from gaunt_md.simulate.velocities import thermalised

NVE = Conditions(Ensemble.NVE, 2.0)


class Spoilt(Calculator):
    """No force on any atom, until one is not a number."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.asked = getattr(self, "asked", 0) + 1
        forces = np.zeros((len(self.atoms), 3))
        if self.asked > 3:
            forces[2, 1] = np.nan
        self.results = {"energy": 0.0, "forces": forces}


def run(dynamics: Dynamics, steps: int) -> None:
    for _ in dynamics.advance(steps):
        pass


def test_the_atom_that_is_no_longer_a_number_is_named():
    start = thermalised(bulk("Cu", cubic=True), 300.0, seed=1)
    dynamics = Dynamics(start, Spoilt(), NVE)
    with pytest.raises(UnstableRunError, match=r"in step 3, at 6 fs: .* of atom 2 \(Cu\) is not a"):
        run(dynamics, 10)
    assert dynamics.step == 2
    assert np.isfinite(dynamics.last_good.positions).all()
    assert dynamics.last_good.info["step"] == 2


def test_atoms_that_are_far_too_close_fly_apart_and_are_named():
    start = bulk("Cu", cubic=True) * 2
    start.positions[7] = start.positions[3] + [0.0, 0.0, 0.3]
    dynamics = Dynamics(start, LennardJones(sigma=2.3, epsilon=0.4, rc=5.0), NVE)
    with pytest.raises(UnstableRunError, match=r"atom [37] \(Cu\) moved by .* Å in one step"):
        run(dynamics, 10)
    assert np.abs(dynamics.last_good.positions - start.positions).max() < 1.0


def test_a_temperature_beyond_its_bound_ends_the_run():
    start = thermalised(bulk("Cu", cubic=True) * 2, 300.0, seed=1)
    dynamics = Dynamics(start, EMT(), NVE, temperature_bound=100.0)
    with pytest.raises(UnstableRunError, match=r"above the bound of 100 K; the hottest atom is \d"):
        run(dynamics, 10)


def test_an_atom_that_leaves_a_cluster_is_lost():
    water = molecule("H2O")
    water.set_velocities([[0, 0, 0], [0, 0, 3.0], [0, 0, 0]])
    dynamics = Dynamics(water, Spoilt(), Conditions(Ensemble.NVE, 1.0), temperature_bound=1e6)
    dynamics._atoms.calc = LennardJones(epsilon=0.0)
    with pytest.raises(UnstableRunError, match=r"atom 1 \(H\) is lost: more than 10 Å from all"):
        run(dynamics, 100)


def test_atoms_are_lost_along_open_directions_only():
    slab = fcc111("Cu", (2, 2, 2), vacuum=20.0)
    assert lost_atom(slab) is None
    slab += Atoms("H", [[0.0, 0.0, slab.positions[:, 2].max() + 9.0]])
    assert lost_atom(slab) is None
    slab.positions[-1, 2] += 2.0
    assert lost_atom(slab) == 8
    wire = Atoms("Cu2", [[0, 0, 0], [0, 4, 30]], cell=[0, 0, 60], pbc=[False, False, True])
    assert lost_atom(wire) is None
    assert lost_atom(Atoms("Cu", cell=[40, 40, 40], pbc=True)) is None


def test_what_is_apart_from_the_start_may_stay_apart():
    gas = Atoms("Ar2", [[0, 0, 0], [0, 0, 30]], velocities=[[0, 0, -0.01], [0, 0, 0.01]])
    dynamics = Dynamics(gas, LennardJones(epsilon=0.0), NVE)
    run(dynamics, 3)
    assert dynamics.step == 3
