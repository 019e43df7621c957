"""The graph of a structure is what ASE's own neighbour list says, in every geometry."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from gaunt_md.data.graph import Graph
from gaunt_md.data.neighbours import NeighbourList, build_graph
from gaunt_md.errors import InputError

ALL_PERIODICITIES = list(product([False, True], repeat=3))


def edges_of(graph: Graph) -> np.ndarray:
    """Return edges (centre, neighbour, x, y, z) in an order that depends on nothing else."""
    return _sorted(graph.centres.numpy(), graph.neighbours.numpy(), graph.edge_vectors.numpy())


def edges_by_ase(atoms: Atoms, cutoff: float) -> np.ndarray:
    return _sorted(*neighbor_list("ijD", atoms, cutoff))


def _sorted(centres: np.ndarray, neighbours: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    edges = np.column_stack([centres, neighbours, vectors])
    return edges[np.lexsort((edges.round(6) + 0.0).T[::-1])]


def assert_same_edges(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def random_atoms(random: np.random.Generator, pbc: tuple[bool, ...]) -> Atoms:
    """Return a few atoms in and far outside of a skewed cell, smaller or larger than 4 Å."""
    cell = random.uniform(2.0, 6.0) * (np.eye(3) + random.uniform(-0.45, 0.45, (3, 3)))
    if random.random() < 0.5:
        cell = cell[[1, 0, 2]]  # left-handed
    n_atoms = random.integers(1, 9)
    return Atoms(
        numbers=random.choice([8, 14], n_atoms),
        positions=random.uniform(-8.0, 8.0, (n_atoms, 3)),
        cell=cell,
        pbc=pbc,
    )


@pytest.mark.parametrize("pbc", ALL_PERIODICITIES)
def test_edges_are_those_of_ase(pbc: tuple[bool, ...], random: np.random.Generator) -> None:
    for _ in range(15):
        atoms = random_atoms(random, pbc)
        assert_same_edges(edges_of(build_graph(atoms, ["Si", "O"], 4.0)), edges_by_ase(atoms, 4.0))


def test_graph_has_the_form_that_the_potential_needs() -> None:
    atoms = bulk("Si", cubic=True)
    atoms.symbols[3] = "O"
    graph = build_graph(atoms, ["O", "Si"], 4.0)
    assert graph.edge_vectors.dtype == torch.float64
    assert graph.centres.dtype == graph.neighbours.dtype == graph.species.dtype == torch.int64
    assert (graph.centres.diff() >= 0).all()
    assert graph.species.tolist() == [1, 1, 1, 0, 1, 1, 1, 1]
    assert graph.structures.tolist() == [0] * 8
    assert graph.n_structures == 1


def test_every_edge_has_its_opposite(random: np.random.Generator) -> None:
    edges = edges_of(build_graph(random_atoms(random, (True, False, True)), ["Si", "O"], 4.0))
    back = _sorted(edges[:, 1], edges[:, 0], -edges[:, 2:])
    assert_same_edges(back, edges)


@pytest.mark.parametrize("shift", [0.0, 1e3, 1e6])
def test_a_cluster_may_be_anywhere(shift: float) -> None:
    atoms = Atoms("Si3", [[0, 0, 0], [2, 0, 0], [0, 2.5, 1]])
    there = atoms.copy()
    there.translate([shift, -shift, shift])
    np.testing.assert_allclose(
        edges_of(build_graph(there, ["Si"], 5.0)),
        edges_of(build_graph(atoms, ["Si"], 5.0)),
        rtol=0,
        atol=1e-15 * (1 + shift),
    )


def test_atoms_that_flew_away_cost_nothing() -> None:
    # Long and flat structures: the search must neither run out of memory nor end the process.
    atoms = Atoms("Si4", [[0, 0, 0], [2, 0, 0], [3e5, 0, 0], [0, 4e7, 0]])
    assert edges_of(build_graph(atoms, ["Si"], 5.0))[:, :2].tolist() == [[0, 1], [1, 0]]
    wire = Atoms("Si2", [[0, 0, 0], [0, 7e6, 0]], cell=[3, 0, 0], pbc=[True, False, False])
    assert len(build_graph(wire, ["Si"], 5.0).centres) == 4


def test_skewed_cells_of_one_lattice_have_the_same_edges() -> None:
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=1)
    skewed = atoms.copy()
    a, b, c = atoms.cell[:]
    skewed.set_cell([a, b + 100 * a, c + 70 * b - 90 * a])
    np.testing.assert_allclose(
        edges_of(build_graph(skewed, ["Si"], 5.0)),
        edges_of(build_graph(atoms, ["Si"], 5.0)),
        rtol=0,
        atol=1e-10,
    )


def test_cell_vectors_of_directions_without_period_do_not_matter() -> None:
    slab = Atoms("Si2", [[0, 0, 0], [1, 1, 2]], cell=[4, 4, 0], pbc=[True, True, False])
    expected = edges_of(build_graph(slab, ["Si"], 5.0))
    for third in ([0, 0, 1e-3], [0, 0, 1e6], [4, 4, 0], [7, -3, 30]):
        slab.cell[2] = third
        assert_same_edges(edges_of(build_graph(slab, ["Si"], 5.0)), expected)


def test_no_atoms_no_edges() -> None:
    graph = build_graph(Atoms(cell=[5, 5, 5], pbc=True), ["Si"], 5.0)
    assert len(graph.species) == len(graph.centres) == 0
    assert graph.edge_vectors.shape == (0, 3)


def test_list_with_skin_gives_the_same_graph_along_a_walk(random: np.random.Generator) -> None:
    atoms = bulk("Si", cubic=True)
    neighbours = NeighbourList(4.0, skin=0.5)
    for step in range(60):
        atoms.positions += random.normal(scale=0.04, size=(len(atoms), 3))
        if step % 7 == 3:
            atoms.set_cell(atoms.cell @ (np.eye(3) + 0.02 * random.normal(size=(3, 3))))
        if step % 11 == 5:
            atoms.wrap()
        if step % 13 == 6:
            atoms.pbc = random.random(3) < 0.7
        if step == 30:
            del atoms[2]
        if step == 40:
            atoms.symbols[1] = "O"
        found = neighbours.graph(atoms, ["Si", "O"])
        expected = build_graph(atoms, ["Si", "O"], 4.0)
        assert_same_edges(edges_of(found), edges_of(expected))
        assert found.species.tolist() == expected.species.tolist()


def test_list_with_skin_is_reused_while_atoms_move_less_than_half_of_it() -> None:
    atoms = bulk("Si", cubic=True)
    neighbours = NeighbourList(4.0, skin=0.5)
    neighbours.graph(atoms, ["Si"])
    first = neighbours._centres
    atoms.positions[0, 0] += 0.24
    neighbours.graph(atoms, ["Si"])
    assert neighbours._centres is first
    atoms.positions[0, 0] += 0.02
    neighbours.graph(atoms, ["Si"])
    assert neighbours._centres is not first


def test_list_is_not_left_half_made_by_an_error() -> None:
    atoms = bulk("Si", cubic=True)
    neighbours = NeighbourList(4.0, skin=0.5)
    expected = edges_of(neighbours.graph(atoms, ["Si"]))
    broken = atoms.copy()
    broken.cell[0] = 0.0
    with pytest.raises(InputError):
        neighbours.graph(broken, ["Si"])
    assert_same_edges(edges_of(neighbours.graph(atoms, ["Si"])), expected)


def silicon(**changes: object) -> Atoms:
    atoms = bulk("Si", cubic=True)
    for name, value in changes.items():
        setattr(atoms, name, value)
    return atoms


def moved(position: list[float]) -> Atoms:
    atoms = bulk("Si", cubic=True)
    atoms.positions[5] = position
    return atoms


BAD_STRUCTURES = {
    "unknown element": (Atoms("GeSi"), "no element Ge; it knows Si, O"),
    "two unknown elements": (Atoms("GeAu"), "no element Ge, Au"),
    "no element at all": (Atoms("X"), "no element X"),
    "atomic number out of range": (Atoms(numbers=[500]), "no element number 500"),
    "NaN position": (moved([0, np.nan, 0]), r"atom 5 \(Si\)"),
    "infinite position": (moved([0, 0, -np.inf]), r"atom 5 \(Si\)"),
    "all positions NaN": (silicon(positions=np.full((8, 3), np.nan)), "7 other atoms"),
    "absurd position": (moved([1e300, 0, 0]), r"atom 5 \(Si\)"),
    "NaN cell": (silicon(cell=np.full((3, 3), np.nan)), "cell is .*finite"),
    "infinite cell": (silicon(cell=[5, 5, np.inf]), "cell is .*finite"),
    "no cell, periodic": (silicon(cell=np.zeros((3, 3))), "periodic along a and b and c"),
    "zero cell vector": (silicon(cell=[5, 5, 0]), "zero or linearly dependent"),
    "flat cell": (silicon(cell=[[5, 0, 0], [0, 5, 0], [5, 5, 0]]), "linearly dependent"),
    "parallel vectors of a slab": (
        silicon(cell=[[5, 0, 0], [5, 0, 0], [0, 0, 5]], pbc=[1, 1, 0]),
        "periodic along a and b, but",
    ),
    "cell in metres": (silicon(cell=[5e-10, 5e-10, 5e-10]), "images of itself"),
    "coincident atoms": (moved([0, 0, 0]), r"atoms 0 \(Si\) and 5 \(Si\) coincide"),
    "coincident up to rounding": (moved([1e-12, 0, 0]), r"atoms 0 \(Si\) and 5 \(Si\) coincide"),
    "coincident images": (moved([5.43, -5.43, 10.86]), r"atoms 0 \(Si\) and 5 \(Si\) coincide"),
    "long and flat": (Atoms("Si", cell=[1e7, 1e7, 4], pbc=True), "too long or too flat"),
}


@pytest.mark.parametrize("case", BAD_STRUCTURES)
def test_bad_structures_are_refused_by_name(case: str) -> None:
    atoms, message = BAD_STRUCTURES[case]
    with pytest.raises(InputError, match=message):
        build_graph(atoms, ["Si", "O"], 5.0)
