"""Constant-energy dynamics with the potential that comes with gaunt-md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from lammps_runs import run_to_end, setup

from gaunt_md.resources import resource_folder

SILICON = resource_folder("potentials") / "si.pt"


@pytest.mark.slow
def test_silicon_at_600_k_conserves_energy(tmp_path: Path) -> None:
    """5 ps of 216 atoms: total energy within 0.1 meV/atom of the start, momentum of zero.

    Half a picosecond goes before: the integrator's energy differs from the true one by an amount
    ~ dt^2 that depends on the state, and that of a crystal at rest with hot atoms is unusual.
    """
    atoms = bulk("Si", a=5.467, cubic=True).repeat(3)
    lines = [
        *setup(tmp_path, atoms, ["Si"]),
        f"pair_style gaunt {SILICON}",
        "pair_coeff * * Si",
        # Half of it becomes potential energy.
        "velocity all create 1200 4928 mom yes rot no dist gaussian",
        "fix nve all nve",
        "timestep 0.001",
        "run 500",
        "variable energy equal etotal/atoms",
        'fix out all print 10 "$(v_energy:%.12g) $(temp) $(vcm(all,x)) $(vcm(all,y))" '
        "file energies.txt screen no",
        "run 5000",
    ]
    run_to_end(tmp_path, lines, ranks=2, timeout=7200)
    energies, temperatures, *momentum = np.loadtxt(tmp_path / "energies.txt").T
    assert np.abs(energies - energies[0]).max() < 1e-4
    assert np.mean(temperatures) == pytest.approx(600, abs=60)
    assert np.abs(momentum).max() < 1e-6
