"""Symmetries, locality and smoothness of an untrained potential: they hold for any weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from samples import make_potential, silicon_oxide
from scipy.spatial.transform import Rotation

from gaunt_md.data.graph import Evaluation, evaluate, join
from gaunt_md.data.neighbours import build_graph
from gaunt_md.errors import InputError
from gaunt_md.model import Potential


def evaluate_atoms(potential: Potential, atoms: Atoms) -> Evaluation:
    return evaluate(potential, build_graph(atoms, potential.elements, potential.cutoff))


@pytest.mark.parametrize("inverted", [False, True])
def test_rotation_and_inversion(potential: Potential, inverted: bool) -> None:
    atoms = silicon_oxide()
    before = evaluate_atoms(potential, atoms)
    rotation = Rotation.random(random_state=5).as_matrix() * (-1 if inverted else 1)
    turned = atoms.copy()
    turned.cell = atoms.cell @ rotation.T
    turned.positions = atoms.positions @ rotation.T
    after = evaluate_atoms(potential, turned)
    matrix = torch.from_numpy(rotation)
    torch.testing.assert_close(after.atomic_energies, before.atomic_energies, atol=1e-12, rtol=0)
    torch.testing.assert_close(after.forces, before.forces @ matrix.T, atol=1e-12, rtol=0)
    torch.testing.assert_close(
        after.virials[0], matrix @ before.virials[0] @ matrix.T, atol=1e-11, rtol=0
    )


def test_permutation_and_translation(potential: Potential, random: np.random.Generator) -> None:
    atoms = silicon_oxide()
    order = random.permutation(len(atoms))
    moved = atoms[order]
    moved.positions += [0.3, -7.1, 2.2]
    before, after = evaluate_atoms(potential, atoms), evaluate_atoms(potential, moved)
    torch.testing.assert_close(
        after.atomic_energies, before.atomic_energies[order], atol=1e-12, rtol=0
    )
    torch.testing.assert_close(after.forces, before.forces[order], atol=1e-12, rtol=0)


def test_forces_are_the_gradient_of_the_energy(potential: Potential) -> None:
    """Richardson-extrapolated central differences."""
    atoms = silicon_oxide()
    forces = evaluate_atoms(potential, atoms).forces

    def slope(atom: int, axis: int, step: float) -> float:
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * step
            energies.append(float(evaluate_atoms(potential, moved).energies))
        return (energies[0] - energies[1]) / (2 * step)

    for atom, axis in [(0, 0), (1, 2), (5, 1)]:
        derivative = (4 * slope(atom, axis, 1e-3) - slope(atom, axis, 2e-3)) / 3
        assert -derivative == pytest.approx(float(forces[atom, axis]), abs=1e-8)


def test_virial_is_the_strain_derivative(potential: Potential) -> None:
    atoms = silicon_oxide()
    virial = evaluate_atoms(potential, atoms).virials[0]

    def slope(a: int, b: int, step: float) -> float:
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * step / 2
            strain[b, a] += sign * step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell @ strain, scale_atoms=True)
            energies.append(float(evaluate_atoms(potential, strained).energies))
        return (energies[0] - energies[1]) / (2 * step)

    for a, b in [(0, 0), (1, 1), (0, 1), (1, 2)]:
        derivative = (4 * slope(a, b, 1e-3) - slope(a, b, 2e-3)) / 3
        assert derivative == pytest.approx(float(virial[a, b]), abs=1e-8)


def test_atoms_beyond_the_receptive_field_do_not_act(potential: Potential) -> None:
    """Two layers see two cutoffs (8 Å) far; a third atom beyond changes nothing, bit for bit."""
    chain = Atoms("SiOSi", positions=[[0, 0, 0], [3.9, 0, 0], [7.8, 0, 0]])
    beyond = chain + Atoms("Si", positions=[[11.7, 0, 0]])
    alone, together = (evaluate_atoms(potential, atoms) for atoms in (chain, beyond))
    assert together.atomic_energies[0] == alone.atomic_energies[0]
    assert together.atomic_energies[1] != alone.atomic_energies[1]


def test_energy_and_two_derivatives_vanish_at_the_cutoff(potential: Potential) -> None:
    def force(distance: float) -> float:
        pair = Atoms("Si2", positions=[[0, 0, 0], [0, 0, distance]])
        return float(evaluate_atoms(potential, pair).forces[1, 2])

    near = [force(4.0 - gap) for gap in (4e-3, 2e-3, 1e-3)]
    # A C2 energy falls as (R - r)^3 or faster: its force at least by four when the gap halves.
    assert near[0] / near[1] > 3.9
    assert near[1] / near[2] > 3.9
    assert force(4.0) == 0
    assert force(4.1) == 0


def test_batches_equal_single_structures(potential: Potential) -> None:
    structures = [silicon_oxide(), Atoms("O"), bulk("Si"), silicon_oxide((2, 1, 1), seed=8)]
    graphs = [build_graph(atoms, potential.elements, potential.cutoff) for atoms in structures]
    singles = [evaluate(potential, graph) for graph in graphs]
    batch = evaluate(potential, join(graphs))
    for name in ("energies", "atomic_energies", "forces", "virials"):
        expected = torch.cat([getattr(single, name) for single in singles])
        torch.testing.assert_close(getattr(batch, name), expected, atol=1e-12, rtol=0)


def test_isolated_atoms_have_their_reference_energies_and_no_forces(potential: Potential) -> None:
    evaluation = evaluate_atoms(potential, Atoms("SiO", positions=[[0, 0, 0], [0, 0, 50]]))
    assert (evaluation.forces == 0).all()
    for form in (potential, potential.tabulated()):
        alone = evaluate_atoms(form, Atoms("SiO", positions=[[0, 0, 0], [0, 0, 50]]))
        torch.testing.assert_close(
            alone.atomic_energies, potential.reference_energies, atol=1e-12, rtol=0
        )
    assert evaluate_atoms(potential, Atoms()).forces.shape == (0, 3)


@pytest.mark.parametrize("owned", [0, 1, 5, 8])
def test_atoms_that_are_not_owned_serve_as_neighbours(potential: Potential, owned: int) -> None:
    """The energies of owned atoms are those of the whole structure, and so is their gradient."""
    graph = build_graph(silicon_oxide(), potential.elements, potential.cutoff)
    arguments = (graph.edge_vectors, graph.centres, graph.neighbours, graph.species)
    energies, gradients = potential.evaluate(*arguments, owned)
    leaf = graph.edge_vectors.clone().requires_grad_()
    everything = potential(leaf, *arguments[1:], len(graph.species))
    (expected,) = torch.autograd.grad(everything[:owned].sum(), leaf)
    torch.testing.assert_close(energies, everything[:owned], atol=1e-13, rtol=0)
    torch.testing.assert_close(gradients, expected, atol=1e-13, rtol=0)


def test_float32_follows_float64() -> None:
    structure = silicon_oxide()
    wide = make_potential("float32")
    narrow = copy.deepcopy(wide)
    wide = Potential(**{**wide.hyperparameters, "dtype": "float64"})
    wide.load_state_dict(narrow.state_dict())
    expected, found = evaluate_atoms(wide, structure), evaluate_atoms(narrow, structure)
    assert found.forces.dtype == torch.float64
    torch.testing.assert_close(found.forces, expected.forces, atol=2e-5, rtol=0)
    torch.testing.assert_close(found.energies, expected.energies, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [8, 64])
@pytest.mark.parametrize("hidden_degree", [0, 1, 2])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_untrained_forces_have_the_right_size(
    channels: int, hidden_degree: int, layers: int
) -> None:
    """The energy scale is the size of the forces before any training, within a factor of 15."""
    structure = silicon_oxide((2, 1, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        untrained = Potential(
            ["Si", "O"],
            average_neighbours=28,
            energy_scale=1.0,
            reference_energies=[0.0, 0.0],
            channels=channels,
            layers=layers,
            hidden_degree=hidden_degree,
        )
    size = evaluate_atoms(untrained, structure).forces.square().mean().sqrt()
    assert 1 / 15 < size < 15


def test_rebuilt_from_its_hyperparameters(potential: Potential) -> None:
    again = Potential(**potential.hyperparameters)
    again.load_state_dict(potential.state_dict())
    structure = silicon_oxide()
    torch.testing.assert_close(
        evaluate_atoms(again, structure).forces,
        evaluate_atoms(potential, structure).forces,
        atol=0,
        rtol=0,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"elements": []}, "elements must be distinct"),
        ({"elements": ["Si", "Xx"]}, "'Xx' is not the symbol"),
        ({"reference_energies": [1.0]}, "1 reference energies for 2 elements"),
        ({"cutoff": 0.0}, "cutoff must be positive; got 0.0"),
        ({"channels": 0}, "channels must be at least 1"),
        ({"hidden_degree": -1}, "hidden_degree must not be negative"),
        ({"filter_degree": 9}, "filter_degree is 9; the kernels go up to 8"),
        ({"correlation": 17}, "correlation is 17; the kernels multiply up to 16 factors"),
        ({"filter_degree": 0}, r"hidden_degree 1 cannot be reached.* have degree 0"),
        ({"dtype": "float16"}, r"dtype must be one of \['float32', 'float64'\]"),
    ],
)
def test_options_that_make_no_potential(
    potential: Potential, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Potential(**{**potential.hyperparameters, **change})
