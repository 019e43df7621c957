"""For use, the first interaction sums over neighbours by species; the numbers stay the same."""

from __future__ import annotations

import pytest
import torch
from ase.build import bulk

from gaunt_md.data.graph import Graph, evaluate
from gaunt_md.data.neighbours import build_graph
from gaunt_md.model import Potential
from gaunt_md.model.first_interaction import FirstInteraction
from gaunt_md.model.interaction import Interaction
from gaunt_md.potential_file import scripted

ELEMENTS = ["Si", "Ge", "C"]


def potential(elements: list[str], layers: int = 2) -> Potential:
    torch.manual_seed(0)
    return Potential(
        elements,
        average_neighbours=28.0,
        energy_scale=1.0,
        reference_energies=[-1.0] * len(elements),
        channels=16,
        radial_width=8,
        layers=layers,
        dtype="float64",
    )


def alloy(elements: list[str]) -> Graph:
    atoms = bulk("Si", cubic=True)
    atoms.symbols = [elements[index % len(elements)] for index in range(len(atoms))]
    atoms.rattle(0.1, seed=0)
    return build_graph(atoms, elements, 5.0)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("count", [1, 2])
def test_sums_by_species_give_the_same_energies_and_forces(count: int, layers: int) -> None:
    trained, graph = potential(ELEMENTS[:count], layers), alloy(ELEMENTS[:count])
    used = trained.tabulated()
    assert isinstance(used.interactions[0], FirstInteraction)
    expected = evaluate(trained, graph)
    for found in (evaluate(used, graph), evaluate(scripted(used), graph)):
        # What remains is the error of the splines.
        scale = expected.forces.abs().max().item()
        assert (found.forces - expected.forces).abs().max().item() < 1e-5 * scale
        assert (found.energies - expected.energies).abs().max().item() < 1e-6 * scale


def test_the_trained_interaction_is_left_as_it_is() -> None:
    trained, graph = potential(ELEMENTS[:1]), alloy(ELEMENTS[:1])
    before = evaluate(trained, graph)
    trained.tabulated()
    assert isinstance(trained.interactions[0], Interaction)
    assert torch.equal(evaluate(trained, graph).forces, before.forces)


def test_what_is_for_use_is_constant_and_stays_as_it_is() -> None:
    used, graph = potential(ELEMENTS[:1]).tabulated(), alloy(ELEMENTS[:1])
    assert not any(tensor.requires_grad for tensor in [*used.parameters(), *used.buffers()])
    assert torch.equal(evaluate(used.tabulated(), graph).forces, evaluate(used, graph).forces)


def test_where_species_would_make_the_sums_larger_they_stay() -> None:
    assert isinstance(potential(ELEMENTS).tabulated().interactions[0], Interaction)
