"""The calculator says once when atoms are where its potential has never seen any."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from samples import make_potential, silicon_oxide

from gaunt_md import GauntCalculator, potential_file
from gaunt_md.training_range import OutsideTrainingWarning


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a potential that says it has seen silicon alone, and no oxygen beside it."""
    path = tmp_path_factory.mktemp("range") / "seen.pt"
    potential_file.save(
        make_potential("float64"),
        path,
        reference=silicon_oxide(),
        description={"shortest_distances": {"Si-Si": 2.1, "O-O": 2.3}},
    )
    return path


def said(calculator: GauntCalculator, atoms: Atoms) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        calculator.calculate(atoms)
    assert all(warning.category is OutsideTrainingWarning for warning in caught)
    return [str(warning.message) for warning in caught]


def silicon(distance: float) -> Atoms:
    return Atoms("Si3", [[0, 0, 0], [2.6, 0, 0], [2.6, 0, distance]])


def test_atoms_that_are_too_close(seen: Path) -> None:
    calculator = GauntCalculator(seen)
    assert said(calculator, silicon(2.2)) == []
    (message,) = said(calculator, silicon(1.954))
    assert message.startswith("atoms 1 (Si) and 2 (Si) are 1.954 Å apart; the shortest")
    assert "in training was 2.1 Å" in message
    assert said(calculator, silicon(1.8)) == []
    assert said(pickle.loads(pickle.dumps(calculator)), silicon(1.8)) == []
    assert len(said(GauntCalculator(seen), silicon(1.8))) == 1


def test_elements_that_never_met(seen: Path) -> None:
    calculator = GauntCalculator(seen)
    apart = Atoms("SiO", [[0, 0, 0], [0, 0, 4.1]])
    assert said(calculator, apart) == []
    apart.positions[1, 2] = 3.9
    (message,) = said(calculator, apart)
    assert "(Si) and 1 (O) are 3.9 Å apart; training never had these elements" in message


def test_in_a_batch_atoms_are_those_of_their_structure(seen: Path) -> None:
    calculator = GauntCalculator(seen)
    with pytest.warns(OutsideTrainingWarning, match=r"atoms 1 \(Si\) and 2 \(Si\) are 1.5 Å"):
        calculator.calculate_many([silicon(2.4), silicon(1.5)])


def test_nothing_is_said_where_nothing_is_known(potential_file_float64: Path) -> None:
    assert said(GauntCalculator(potential_file_float64), silicon(0.9)) == []


def test_the_range_changes_no_result(seen: Path, potential_file_float64: Path) -> None:
    forces = []
    for path in (seen, potential_file_float64):
        atoms = silicon(1.9)
        atoms.calc = GauntCalculator(path)
        forces.append(atoms.get_forces())
    np.testing.assert_array_equal(*forces)
