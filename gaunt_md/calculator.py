"""The ASE calculator: a thin shell over `gaunt_md.data.graph.evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ase.calculators.calculator as ase_calculator
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from . import potential_file
from .data.graph import evaluate, own_settings
from .data.neighbours import NeighbourList, species_of
from .errors import GauntError, InputError, PotentialFileError


class StructureError(InputError, ase_calculator.InputError):
    """A structure that the potential cannot be asked about."""


class PotentialError(PotentialFileError, ase_calculator.InputError):
    """A potential file that cannot be used."""


class CalculationFailedError(GauntError, ase_calculator.CalculationFailed):
    """The potential gave numbers that are not finite."""


class GauntCalculator(Calculator):
    """Energies, forces and stress of a Gaunt potential in ASE.

    Parameters
    ----------
    potential : str or Path
        A potential file, or the name of a potential that comes with gaunt-md.
    skin : float
        In Å. The neighbour list is kept until an atom has moved by half of it; results do not
        depend on it.

    Raises
    ------
    PotentialError
        If the potential file is missing, damaged, foreign or from the future.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from gaunt_md import GauntCalculator
    >>> atoms = bulk("Si")
    >>> atoms.calc = GauntCalculator("si")
    >>> atoms.get_potential_energy()  # doctest: +SKIP

    Notes
    -----
    energy = free_energy : float, eV
    energies : ndarray, shape (atoms,), eV, with sum ``energy``
    forces : ndarray, shape (atoms, 3), eV/Å
    stress : ndarray, shape (6,), eV/Å^3, order xx yy zz yz xz xy, positive under tension; for
        structures with three cell vectors

    All are computed at once. Errors are of gaunt-md and of ASE at the same time: `StructureError`
    and `PotentialError` are ASE's ``InputError``, `CalculationFailedError` its
    ``CalculationFailed``.
    """

    name = "gaunt"
    # Lists of our own: ASE's are shared by all calculators.
    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012
    ignored_changes = {"initial_charges", "initial_magmoms"}  # noqa: RUF012

    def __init__(self, potential: str | Path = "si", *, skin: float = 0.5) -> None:
        if not 0.0 <= skin < float("inf"):
            raise StructureError(f"skin is {skin} Å; it must be 0 Å or more, as 0.5")
        with _errors_of_ase():
            self._file = potential_file.read(potential)
        super().__init__()
        self.parameters.update(
            potential=str(self._file.path.resolve()), sha256=self._file.sha256, skin=skin
        )
        self._load()

    def _load(self) -> None:
        with _errors_of_ase():
            self._potential = self._file.load()
        self.elements: list[str] = list(self._potential.elements)
        self.cutoff = float(self._potential.cutoff)
        self._neighbours = NeighbourList(self.cutoff, self.parameters["skin"])

    @property
    def manifest(self) -> dict[str, Any]:
        """What the potential file says of itself: training data, errors, licence, ..."""
        return self._file.manifest

    def set_atoms(self, atoms: Atoms) -> None:
        """Refuse elements the potential does not know; ASE calls this on ``atoms.calc = ...``."""
        with _errors_of_ase():
            species_of(atoms, self.elements)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute all properties of a structure and store them in ``results``.

        Raises
        ------
        StructureError
            Unknown element, position or cell that is not finite, zero cell vector in a periodic
            direction, coincident atoms.
        CalculationFailedError
            If an energy, force or stress is not finite.
        """
        super().calculate(atoms, properties or ["energy"], system_changes)
        self.results = {}
        with _errors_of_ase(), own_settings():
            graph = self._neighbours.graph(self.atoms, self.elements)
            evaluation = evaluate(self._potential, graph)
        energy = evaluation.energies.item()
        results: dict[str, Any] = {
            "energy": energy,
            "free_energy": energy,
            "energies": evaluation.atomic_energies.numpy(),
            "forces": evaluation.forces.numpy(),
        }
        if self.atoms.cell.rank == 3:
            stress = evaluation.virials[0].numpy() / self.atoms.cell.volume
            results["stress"] = full_3x3_to_voigt_6_stress(stress)
        _check_finite(self.atoms, results)
        self.results = results

    def __getstate__(self) -> dict[str, Any]:
        # Neither TorchScript nor the neighbour list can be copied; the file's bytes can.
        left_out = ("_potential", "_neighbours")
        return {key: value for key, value in self.__dict__.items() if key not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load()


@contextmanager
def _errors_of_ase() -> Iterator[None]:
    """Let errors of gaunt-md also be those that users of ASE catch."""
    try:
        yield
    except InputError as error:
        raise StructureError(str(error)) from error
    except PotentialFileError as error:
        raise PotentialError(str(error)) from error


def _check_finite(atoms: Atoms, results: dict[str, Any]) -> None:
    if all(np.isfinite(value).all() for value in results.values()):
        return
    wrong = ~np.isfinite(results["energies"]) | ~np.isfinite(results["forces"]).all(axis=1)
    indices = np.flatnonzero(wrong)
    names = ", ".join(f"{index} ({atoms.symbols[index]})" for index in indices[:5])
    raise CalculationFailedError(
        f"energy or forces of {len(indices)} atoms are not finite: {names}"
        f"{', ...' if len(indices) > 5 else ''}. Atoms that are far too close are the usual cause; "
        "look at the frames before, or start from a relaxed structure."
    )
