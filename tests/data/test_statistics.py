"""What is known before training: compositions, isolated atoms, neighbours, units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT

from gaunt_md.data.consistency import forces_against_energies, unit_warning
from gaunt_md.data.graph import evaluate
from gaunt_md.data.neighbours import build_graph
from gaunt_md.data.read import LabelKeys, LabelledStructure, read_labelled
from gaunt_md.data.statistics import (
    average_neighbours,
    elements_of,
    forces_rms,
    isolated_energies,
    reference_energies,
    shortest_distances,
    weighted_neighbours,
)
from gaunt_md.data.summary import summarise, summary_table
from gaunt_md.errors import InputError
from gaunt_md.model import Potential

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def labelled(
    atoms: Atoms, energy: float, forces: np.ndarray | None = None, index: int = 0
) -> LabelledStructure:
    nothing = np.full((len(atoms), 3), np.nan)
    return LabelledStructure(
        atoms,
        energy,
        nothing if forces is None else forces,
        np.full((3, 3), np.nan),
        Path("made.xyz"),
        index,
    )


def copper_trajectory(count: int = 12) -> list[LabelledStructure]:
    """Return neighbouring structures with energies and forces of an embedded-atom potential."""
    random = np.random.default_rng(1)
    atoms = bulk("Cu", cubic=True)
    structures = []
    for k in range(count):
        atoms.positions += random.normal(scale=0.05, size=(len(atoms), 3))
        atoms.calc = EMT()
        structures.append(
            labelled(atoms.copy(), atoms.get_potential_energy(), atoms.get_forces(), k)
        )
    return structures


def test_reference_energies_solve_the_compositions_exactly() -> None:
    truth = {"O": -7.0, "Si": -4.0}
    structures = [
        labelled(Atoms(formula), sum(truth[s] for s in Atoms(formula).symbols))
        for formula in ("SiO2", "Si2O", "Si3")
    ]
    elements = elements_of(structures)
    assert elements == ["O", "Si"]
    np.testing.assert_allclose(reference_energies(structures, elements), [-7.0, -4.0])


def test_reference_energies_that_are_given_are_kept_and_the_rest_fitted() -> None:
    structures = [labelled(Atoms("SiO2"), -20.0), labelled(Atoms("Si2O4"), -40.0)]
    energies = reference_energies(structures, ["O", "Si"], {"O": -6.0})
    np.testing.assert_allclose(energies, [-6.0, -8.0])


def test_one_composition_gives_the_solution_of_smallest_norm() -> None:
    energies = reference_energies([labelled(Atoms("H2O"), -10.0)], ["H", "O"])
    np.testing.assert_allclose(energies, [-4.0, -2.0])  # proportional to 2:1, 2·4 + 2 = 10


def test_isolated_atoms_give_their_energies() -> None:
    structures = [labelled(Atoms("H"), -13.6), labelled(Atoms("OH"), -450.0)]
    assert isolated_energies(structures) == {"H": -13.6}
    with pytest.raises(InputError, match=r"isolated H has -13.6 eV .* and -13.5 eV"):
        isolated_energies([*structures, labelled(Atoms("H"), -13.5)])


def test_neighbours_and_distances_of_a_face_centred_crystal() -> None:
    graphs = [build_graph(bulk("Cu", a=3.6, cubic=True), ["Cu"], 3.0)]
    assert average_neighbours(graphs) == 12
    assert shortest_distances(graphs, ["Cu"]) == {"Cu-Cu": pytest.approx(3.6 / 2**0.5)}
    with pytest.raises(InputError, match="within the cutoff"):
        average_neighbours([build_graph(Atoms("Cu"), ["Cu"], 3.0)])


@pytest.mark.parametrize("cutoff", [4.0, 5.0, 6.0])
@pytest.mark.parametrize(
    "atoms",
    [molecule("C6H6"), molecule("CH3CONH2"), bulk("Cu", cubic=True), bulk("Si", cubic=True)],
    ids=lambda atoms: atoms.get_chemical_formula(),
)
def test_untrained_forces_have_the_right_size_in_molecules_and_in_crystals(
    atoms: Atoms, cutoff: float
) -> None:
    """The energy scale is their size, whatever the surroundings, within a factor of 10."""
    atoms = atoms.copy()
    atoms.rattle(0.05, seed=1)
    elements = sorted(set(atoms.symbols))
    graph = build_graph(atoms, elements, cutoff)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        untrained = Potential(
            elements,
            average_neighbours=weighted_neighbours([graph], cutoff, 8),
            energy_scale=1.0,
            reference_energies=[0.0] * len(elements),
            cutoff=cutoff,
        )
    size = evaluate(untrained, graph).forces.square().mean().sqrt()
    assert 1 / 10 < size < 10


def test_neighbours_beside_the_cutoff_count_no_less_than_one_each() -> None:
    """Else a crystal a little denser than the training data would have forces of 1e9 eV/Å."""
    sodium = bulk("Na", a=4.28, cubic=True)
    assert weighted_neighbours([build_graph(sodium, ["Na"], 4.0)], 4.0, 8) == 8
    with pytest.raises(InputError, match="within the cutoff"):
        weighted_neighbours([build_graph(Atoms("Na"), ["Na"], 4.0)], 4.0, 8)


def test_shortest_distances_name_the_pairs_that_meet() -> None:
    atoms = Atoms("SiOO", [[0, 0, 0], [1.6, 0, 0], [0, 1.7, 0]])
    distances = shortest_distances([build_graph(atoms, ["O", "Si"], 3.0)], ["O", "Si"])
    assert distances == {"O-O": pytest.approx(np.hypot(1.6, 1.7)), "O-Si": pytest.approx(1.6)}


def test_force_scale_counts_components_that_are_known() -> None:
    structures = [
        labelled(Atoms("H"), 0.0, np.array([[3.0, 0.0, 0.0]])),
        labelled(Atoms("H2"), 0.0),
    ]
    assert forces_rms(structures) == pytest.approx(3**0.5)


def test_energies_change_by_the_work_of_the_forces() -> None:
    slope, correlation = forces_against_energies(copper_trajectory())
    assert slope == pytest.approx(1, abs=0.05)
    assert correlation > 0.99
    assert unit_warning(copper_trajectory()) is None


@pytest.mark.parametrize(
    ("energy_factor", "force_factor", "complaint"),
    [(1 / 27.2114, 1, "0.03"), (1, 1 / 51.422, "5"), (1, -1, "wrong sign")],
)
def test_wrong_units_and_signs_are_noticed(
    energy_factor: float, force_factor: float, complaint: str
) -> None:
    wrong = [
        replace(x, energy=x.energy * energy_factor, forces=x.forces * force_factor)
        for x in copper_trajectory()
    ]
    warning = unit_warning(wrong)
    assert warning is not None
    assert complaint in warning


def test_a_frame_in_other_units_is_an_outlier() -> None:
    structures = copper_trajectory()
    structures[4] = replace(structures[4], energy=structures[4].energy * 27.2114 + 500)
    energies = reference_energies(structures, ["Cu"])
    summary = summarise(structures, LabelKeys("energy", "forces", None), ["Cu"], energies)
    assert [x.structures for x in summary] == [len(structures), len(structures), 0]
    assert summary[0].outliers[0].startswith("made.xyz, frame 4 ")
    assert summary[1].outliers == []


def test_a_label_that_only_isolated_atoms_have_is_in_no_structure() -> None:
    single = labelled(Atoms("Cu"), -0.3, np.zeros((1, 3)))
    bare = [replace(x, forces=np.full_like(x.forces, np.nan)) for x in copper_trajectory()]
    energies = reference_energies(bare, ["Cu"])
    summary = summarise([single, *bare], LabelKeys("energy", "forces", None), ["Cu"], energies)
    assert [x.structures for x in summary] == [len(bare), 0, 0]
    cells = [list(column.cells) for column in summary_table(summary, len(bare)).columns]
    assert cells[3][1:] == cells[4][1:] == ["–", "–"]


def test_virials_in_place_of_stresses_are_named() -> None:
    structures = copper_trajectory()
    for x in structures:
        x.atoms.info["dft_virial"] = np.eye(3).ravel()
    energies = reference_energies(structures, ["Cu"])
    summary = summarise(structures, LabelKeys("energy", "forces", None), ["Cu"], energies)
    assert summary[2].key == "none (the frames also hold: dft_virial)"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference data are not beside the checkout")
@pytest.mark.parametrize("name", ["mlearn/Si_train.xyz", "mlearn/Mo_train.xyz"])
def test_published_data_are_free_of_complaints(name: str) -> None:
    asked = dict.fromkeys(("energy", "forces", "stress"))
    structures, keys = read_labelled([SHARED / name], asked, ("energy", "forces"))
    assert keys == LabelKeys("energy", "forces", "stress")
    assert unit_warning(structures) is None
