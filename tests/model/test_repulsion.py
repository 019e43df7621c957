"""The core repulsion: elements, switch and its share of the energy."""

from __future__ import annotations

import pytest
import torch
from ase.data import atomic_numbers, chemical_symbols, covalent_radii

from gaunt_md.model.elements import atomic_number, covalent_radius
from gaunt_md.model.repulsion import CoreRepulsion


@pytest.mark.parametrize("element", chemical_symbols[1:97])
def test_elements_equal_those_of_ase(element: str) -> None:
    number = atomic_numbers[element]
    assert atomic_number(element) == number
    assert covalent_radius(element) == pytest.approx(covalent_radii[number], abs=0.006)


def energy(element1: str, element2: str, distance: float) -> float:
    repulsion = CoreRepulsion([element1, element2])
    centres, neighbours, species = torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([0, 1])
    distances = torch.tensor([distance, distance], dtype=torch.float64)
    return float(repulsion(distances, centres, neighbours, species).sum())


def test_bare_nuclei_at_very_short_range() -> None:
    """At 0.001 Å the electrons do not screen: the energy is Coulomb's within three percent."""
    assert energy("Si", "O", 1e-3) == pytest.approx(14.399645 * 14 * 8 / 1e-3, rel=0.03)


def test_published_screening() -> None:
    """φ(1) of Ziegler, Biersack and Littmark, evaluated by hand from the published constants."""
    screening_length = 0.46850 / (14**0.23 + 14**0.23)
    unscreened = 14.399645 * 14 * 14 / screening_length
    assert energy("Si", "Si", screening_length) / unscreened == pytest.approx(0.4164, abs=2e-3)


def test_it_ends_at_the_sum_of_the_covalent_radii() -> None:
    assert energy("Si", "Si", 2.23) == 0
    assert 0 < energy("Si", "Si", 2.2) < 1e-3
