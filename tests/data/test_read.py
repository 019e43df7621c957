"""Labels are found whatever ASE does with them, and bad data are refused with their frame."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from gaunt_md.data.read import (
    LabelKeys,
    LabelledStructure,
    read_labelled,
    read_with_keys,
    without_isolated_atoms,
)
from gaunt_md.errors import InputError

NOTHING_ASKED = dict.fromkeys(("energy", "forces", "stress"))
REQUIRED = ("energy", "forces")
STRESS = np.array([[0.1, 0.4, 0.5], [0.4, 0.2, 0.6], [0.5, 0.6, 0.3]])

CELL = 'Lattice="4 0 0 0 4 0 0 0 4" pbc="T T T"'
COLUMNS = "Properties=species:S:1:pos:R:3:forces:R:3"
ATOMS = ["Si 0 0 0 0.1 0.2 0.3", "Si 1.5 1.5 1.5 -0.1 -0.2 -0.3"]


def frame(header: str, atoms: list[str] = ATOMS) -> str:
    return "\n".join([str(len(atoms)), header, *atoms]) + "\n"


GOOD = frame(f"{CELL} {COLUMNS} energy=-10.5")


def read(path: Path, **asked: str) -> tuple[list[LabelledStructure], LabelKeys]:
    return read_labelled([path], {**NOTHING_ASKED, **asked}, REQUIRED)


def read_text(folder: Path, text: str, **asked: str) -> tuple[list[LabelledStructure], LabelKeys]:
    path = folder / "data.xyz"
    path.write_text(text)
    return read(path, **asked)


def silicon() -> Atoms:
    return Atoms("Si2", [[0, 0, 0], [1.5, 1.5, 1.5]], cell=[4, 4, 4], pbc=True)


def test_labels_that_ase_keeps_in_a_calculator_are_found(tmp_path: Path) -> None:
    atoms = silicon()
    forces = np.arange(6.0).reshape(2, 3)
    atoms.calc = SinglePointCalculator(
        atoms, energy=-10.5, forces=forces, stress=STRESS.ravel()[[0, 4, 8, 5, 2, 1]]
    )
    ase.io.write(tmp_path / "a.xyz", atoms)
    (structure,), keys = read(tmp_path / "a.xyz")
    assert keys == LabelKeys("energy", "forces", "stress")
    assert structure.energy == -10.5
    np.testing.assert_allclose(structure.forces, forces)
    np.testing.assert_allclose(structure.stress, STRESS)
    assert structure.atoms.calc is None


def test_labels_under_names_of_other_programs_are_found(tmp_path: Path) -> None:
    atoms = silicon()
    atoms.info |= {"REF_energy": -10.5, "REF_stress": STRESS.ravel()}
    atoms.arrays["REF_forces"] = np.ones((2, 3))
    ase.io.write(tmp_path / "a.xyz", atoms)
    (structure,), keys = read(tmp_path / "a.xyz")
    assert keys == LabelKeys("REF_energy", "REF_forces", "REF_stress")
    assert structure.energy == -10.5
    np.testing.assert_allclose(structure.stress, STRESS)


def test_a_key_that_is_asked_for_goes_before_the_usual_ones(tmp_path: Path) -> None:
    text = frame(f"{CELL} {COLUMNS} energy=-10.5 scan_energy=-11.5")
    (structure,), _ = read_text(tmp_path, text, energy="scan_energy")
    assert structure.energy == -11.5


def test_other_formats_of_ase_are_read(tmp_path: Path) -> None:
    atoms = silicon()
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((2, 3)))
    ase.io.write(tmp_path / "a.traj", [atoms, atoms])
    structures, _ = read(tmp_path / "a.traj")
    assert [x.energy for x in structures] == [-1.0, -1.0]
    assert structures[1].source == "a.traj, frame 1"


def test_frames_without_a_label_stay_and_carry_no_number(tmp_path: Path) -> None:
    text = GOOD + frame(f"{CELL} Properties=species:S:1:pos:R:3 energy=-9", ["Si 0 0 0"])
    structures, _ = read_text(tmp_path, text)
    assert np.isnan(structures[1].forces).all()
    assert np.isnan(structures[0].stress).all()


@pytest.mark.parametrize(
    "header", [f"{CELL} {COLUMNS} energy=-1 config_type=IsolatedAtom", f"{COLUMNS} energy=-1"]
)
def test_isolated_atoms_are_known_by_name_or_by_want_of_a_cell(tmp_path: Path, header: str) -> None:
    structures, _ = read_text(tmp_path, GOOD + frame(header, ATOMS[:1]))
    assert [x.is_isolated_atom for x in structures] == [False, True]


def test_a_key_in_no_frame_is_refused_with_the_keys_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'enregy'.*Did you mean 'energy'.*energy \(1 of 1"):
        read_text(tmp_path, GOOD, energy="enregy")


def test_missing_forces_are_refused_with_the_keys_there_are(tmp_path: Path) -> None:
    text = frame(
        f"{CELL} Properties=species:S:1:pos:R:3:my_forces:R:3 energy=1", ["Si 0 0 0 1 2 3"]
    )
    with pytest.raises(InputError, match=r"no frame has forces.*my_forces \(1 of 1 frames\)"):
        read_text(tmp_path, text)


def test_two_usual_names_with_different_values_are_refused(tmp_path: Path) -> None:
    text = GOOD + frame(f"{CELL} {COLUMNS} energy=-10.5 REF_energy=-286")
    with pytest.raises(InputError, match=r"frame 1 has both 'energy' and 'REF_energy'"):
        read_text(tmp_path, text)


def test_frames_that_disagree_about_the_name_are_refused(tmp_path: Path) -> None:
    text = GOOD + frame(f"{CELL} {COLUMNS} REF_energy=-10")
    with pytest.raises(InputError, match=r"some frames have 'energy', others 'REF_energy'.*e 1\)"):
        read_text(tmp_path, text)


BAD_FRAMES = {
    "energy NaN": (frame(f"{CELL} {COLUMNS} energy=nan"), "'energy' is not finite"),
    "energy is a word": (frame(f"{CELL} {COLUMNS} energy=low"), "'energy' is no number"),
    "force NaN": (
        frame(f"{CELL} {COLUMNS} energy=1", ["Si 0 0 0 nan 0 0"]),
        "'forces' is not finite",
    ),
    "stress infinite": (
        frame(f'{CELL} {COLUMNS} energy=1 stress="1 0 0 0 inf 0 0 0 1"'),
        "'stress' is not finite",
    ),
    "stress not symmetric": (
        frame(f'{CELL} {COLUMNS} energy=1 REF_stress="1 2 0 0 1 0 0 0 1"'),
        "the stress is not symmetric",
    ),
    "stress of four numbers": (
        frame(f'{CELL} {COLUMNS} energy=1 REF_stress="1 2 3 4"'),
        "'REF_stress' has the shape",
    ),
    "position NaN": (
        frame(f"{CELL} {COLUMNS} energy=1", ["Si nan 0 0 0 0 0"]),
        "has a positions entry that is no number",
    ),
    "cell NaN": (
        frame(f'Lattice="nan 0 0 0 4 0 0 0 4" pbc="T T T" {COLUMNS} energy=1'),
        "has a cell entry that is no number",
    ),
    "no atoms": (frame(f"{CELL} {COLUMNS} energy=1", []), "has no atoms"),
    "unknown element": (
        frame(f"{CELL} {COLUMNS} energy=1", ["Qq 0 0 0 0 0 0"]),
        "cannot be read",
    ),
    "fewer atoms than announced": (
        "3\n" + GOOD.removeprefix("2\n"),
        "cannot be read",
    ),
}


@pytest.mark.parametrize(("bad", "reason"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_bad_frame_is_refused_by_its_index(tmp_path: Path, bad: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"frame 2.*{reason}"):
        read_text(tmp_path, GOOD + GOOD + bad)


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data file"):
        read(tmp_path / "nowhere.xyz")
    with pytest.raises(InputError, match="is empty"):
        read_text(tmp_path, "")


def test_later_files_must_use_the_names_of_the_first(tmp_path: Path) -> None:
    _, keys = read_text(tmp_path, GOOD)
    (tmp_path / "later.xyz").write_text(frame(f"{CELL} {COLUMNS} REF_energy=-10.5"))
    with pytest.raises(InputError, match=r"later.xyz' has 'energy', the energy in the training"):
        read_with_keys([tmp_path / "later.xyz"], keys, REQUIRED)


def test_a_label_not_used_in_training_is_not_looked_for_later(tmp_path: Path) -> None:
    _, keys = read_text(tmp_path, GOOD)
    (tmp_path / "later.xyz").write_text(
        frame(f'{CELL} {COLUMNS} energy=-1 stress="1 0 0 0 1 0 0 0 1"')
    )
    (structure,) = read_with_keys([tmp_path / "later.xyz"], keys, REQUIRED)
    assert np.isnan(structure.stress).all()


def test_nothing_but_isolated_atoms_is_refused(tmp_path: Path) -> None:
    structures, _ = read_text(tmp_path, frame(f"{COLUMNS} energy=-1", ATOMS[:1]))
    with pytest.raises(InputError, match=r"data.xyz': nothing but isolated atoms"):
        without_isolated_atoms(structures, REQUIRED)


def test_a_required_label_that_only_isolated_atoms_have_is_refused(tmp_path: Path) -> None:
    bare = frame(f"{CELL} Properties=species:S:1:pos:R:3 energy=-9", ["Si 0 0 0", "Si 1 1 1"])
    structures, _ = read_text(tmp_path, bare + frame(f"{COLUMNS} energy=-1", ATOMS[:1]))
    with pytest.raises(InputError, match=r"data.xyz': only isolated atoms have forces"):
        without_isolated_atoms(structures, REQUIRED)
