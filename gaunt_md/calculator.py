"""The ASE calculator: a thin shell over `gaunt_md.data.graph.evaluate`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import ase.calculators.calculator as ase_calculator
import numpy as np
from ase import Atoms
from ase.calculators.calculator import (
    BaseCalculator,
    Calculator,
    PropertyNotImplementedError,
    all_changes,
)
from ase.stress import full_3x3_to_voigt_6_stress

from . import potential_file
from .data.graph import Evaluation, Graph, evaluate, join, own_settings
from .data.neighbours import NeighbourList, build_graph, species_of
from .descriptors import descriptors
from .errors import GauntError, InputError, PotentialFileError
from .hessian import hessian
from .training_range import OutsideTrainingWarning, TrainingRange

# Potentials in use, by digest of the file and precision. They have no state, so that calculators
# can share one.
_LOADED: WeakValueDictionary[tuple[str, bool], Any] = WeakValueDictionary()


class StructureError(InputError, ase_calculator.InputError):
    """A structure that the potential cannot be asked about."""


class PotentialError(PotentialFileError, ase_calculator.InputError):
    """A potential file that cannot be used."""


class CalculationFailedError(GauntError, ase_calculator.CalculationFailed):
    """The potential gave numbers that are not finite."""


class NoStressError(GauntError, PropertyNotImplementedError):
    """A stress of a structure that has no volume."""


class GauntCalculator(Calculator):
    """Energies, forces and stress of a Gaunt potential in ASE.

    Parameters
    ----------
    potential : str or Path
        A potential file, or the name of a potential that comes with gaunt-md.
    skin : float
        In Å. The neighbour list is kept until an atom has moved by half of it; results do not
        depend on it.
    double_precision : bool
        Evaluate the network in float64 even if the file holds float32: slower, and without the
        noise of 1e-6 eV/Å that differences of forces (phonons, elastic constants) magnify.

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
    stresses : ndarray, shape (atoms, 6), eV/Å^3, with sum ``stress``; not for heat currents

    All are computed at once. Atoms closer than any such pair in training, and elements that never
    were neighbours there, are an `OutsideTrainingWarning` (`gaunt_md.training_range`), either once
    per calculator.

    Errors are of gaunt-md and of ASE at the same time: `StructureError`
    and `PotentialError` are ASE's ``InputError``, `CalculationFailedError` its
    ``CalculationFailed``, `NoStressError` its ``PropertyNotImplementedError``.
    """

    name = "gaunt"
    # A list of our own: that of ASE is shared by all calculators.
    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress", "stresses"]  # noqa: RUF012

    def __init__(
        self, potential: str | Path = "si", *, skin: float = 0.5, double_precision: bool = False
    ) -> None:
        if not 0.0 <= skin < float("inf"):
            raise StructureError(f"skin is {skin} Å; it must be 0 Å or more, as 0.5")
        with _errors_of_ase():
            self._file = potential_file.read(potential)
        super().__init__()
        self.parameters.update(
            potential=str(self._file.path.resolve()),
            sha256=self._file.sha256,
            skin=skin,
            double_precision=double_precision,
        )
        self._load()
        self._training_range = TrainingRange(self.elements, self.manifest["shortest_distances"])

    def _load(self) -> None:
        double = self.parameters["double_precision"]
        potential = _LOADED.get((self._file.sha256, double))
        if potential is None:
            with _errors_of_ase(), own_settings():
                # It is compared with its reference as it was written, then converted.
                potential = self._file.load()
                if double:
                    potential.double()
            _LOADED[self._file.sha256, double] = potential
        self._potential = potential
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

    def check_state(self, atoms: Atoms, tol: float = 0.0) -> list[str]:
        """Return what `changes` finds since the last calculation; there is no tolerance."""
        return changes(self.atoms, atoms)

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
            self._warn_outside_training(graph)
            evaluation = evaluate(self._potential, graph)
        (self.results,) = _results(evaluation, [self.atoms])

    def get_property(
        self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True
    ) -> Any:
        """Return one property; ASE's ``get_stress`` and the like call this.

        Raises
        ------
        NoStressError
            If the stress of a structure without three cell vectors is asked for.
        StructureError, CalculationFailedError
            As for `calculate`.
        """
        structure = self.atoms if atoms is None else atoms
        if allow_calculation and structure is not None:
            self.require_volume(name, structure)
        return super().get_property(name, atoms, allow_calculation)

    @staticmethod
    def require_volume(name: str, atoms: Atoms) -> None:
        """Check that a structure has a volume if the property ``name`` needs one.

        Raises
        ------
        NoStressError
            If it has none.
        """
        if name in ("stress", "stresses") and atoms.cell.rank < 3:
            raise NoStressError(
                "stress is force by area, and this structure has no volume: its cell is "
                f"{atoms.cell.tolist()}, its pbc {atoms.pbc.tolist()}. Set three cell "
                "vectors (atoms.cell, and atoms.pbc for the directions that repeat), or do without"
            )

    def get_hessian(self, atoms: Atoms | None = None) -> np.ndarray:
        """Return the second derivatives of the energy by the positions, exact to rounding.

        They are computed in double precision. ``ase.vibrations.VibrationsData.from_2d(atoms,
        hessian)`` makes vibrations of them.

        Returns
        -------
        ndarray, shape (3 atoms, 3 atoms), float64
            In eV/Å^2. Errors as for `calculate`.
        """
        double = self.in_double_precision()
        return hessian(double._potential, self._graph(atoms))

    def get_descriptors(self, atoms: Atoms | None = None) -> np.ndarray:
        """Return what the potential knows of each atom's neighbourhood, whatever its orientation.

        Returns
        -------
        ndarray, shape (atoms, layers * channels), float64
            Without unit. Errors as for `calculate`.
        """
        return descriptors(self._potential, self._graph(atoms))

    def _graph(self, atoms: Atoms | None) -> Graph:
        structure = self.atoms if atoms is None else atoms
        if structure is None:
            raise StructureError("there is no structure; give one, or compute one before")
        with _errors_of_ase():
            return build_graph(structure, self.elements, self.cutoff)

    def calculate_many(self, structures: Sequence[Atoms]) -> list[dict[str, Any]]:
        """Return all properties of several structures, from one evaluation.

        For small structures this is several times faster than one by one. The memory it takes grows
        with the number of atoms; `gaunt_md.batch.evaluate_many` divides long lists. Errors as for
        `calculate`; ``results`` stays as it is.
        """
        if not structures:
            return []
        with _errors_of_ase(), own_settings():
            graphs = [build_graph(atoms, self.elements, self.cutoff) for atoms in structures]
            graph = join(graphs)
            self._warn_outside_training(graph)
            evaluation = evaluate(self._potential, graph)
        return _results(evaluation, structures)

    def _warn_outside_training(self, graph: Graph) -> None:
        for message in self._training_range.look(graph):
            warnings.warn(message, OutsideTrainingWarning, stacklevel=3)

    def in_double_precision(self) -> GauntCalculator:
        """Return a calculator of the same potential that evaluates it in float64."""
        if self.parameters["double_precision"] or self.manifest["dtype"] == "float64":
            return self
        parameters = type(self.parameters)(self.parameters, double_precision=True)
        doubled = type(self).__new__(type(self))
        doubled.__setstate__(
            {**self.__getstate__(), "parameters": parameters, "atoms": None, "results": {}}
        )
        return doubled

    def __getstate__(self) -> dict[str, Any]:
        # Neither TorchScript nor the neighbour list can be copied; the file's bytes can.
        left_out = ("_potential", "_neighbours")
        return {key: value for key, value in self.__dict__.items() if key not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load()


def changes(before: Atoms | None, after: Atoms) -> list[str]:
    """Return what has changed of what the energy depends on, in ASE's words.

    Every property that is asked for asks this first; ASE's own comparison would take a good part of
    the time of a step of a few atoms.
    """
    if before is None:
        return list(all_changes)
    names = ("positions", "numbers", "cell", "pbc")
    return [
        name for name in names if not np.array_equal(getattr(before, name), getattr(after, name))
    ]


def in_double_precision(calculator: BaseCalculator) -> BaseCalculator:
    """Return a calculator whose noise differences of forces can bear: a Gaunt one in float64."""
    if isinstance(calculator, GauntCalculator):
        return calculator.in_double_precision()
    return calculator


@contextmanager
def _errors_of_ase() -> Iterator[None]:
    """Let errors of gaunt-md also be those that users of ASE catch."""
    try:
        yield
    except InputError as error:
        raise StructureError(str(error)) from error
    except PotentialFileError as error:
        raise PotentialError(str(error)) from error


def _results(evaluation: Evaluation, structures: Sequence[Atoms]) -> list[dict[str, Any]]:
    """Return what ASE calls results, for each structure of a batch."""
    sizes = [len(atoms) for atoms in structures]
    found = []
    for atoms, energy, energies, forces, virial, virials in zip(
        structures,
        evaluation.energies.tolist(),
        evaluation.atomic_energies.split(sizes),
        evaluation.forces.split(sizes),
        evaluation.virials.numpy(),
        np.split(evaluation.atomic_virials(), np.cumsum(sizes)[:-1]),
        strict=True,
    ):
        results: dict[str, Any] = {
            "energy": energy,
            "free_energy": energy,
            "energies": energies.numpy(),
            "forces": forces.numpy(),
        }
        if atoms.cell.rank == 3:
            results["stress"] = _stress(virial, atoms)
            results["stresses"] = _stress(virials, atoms)
        _check_finite(atoms, results)
        found.append(results)
    return found


def _stress(virial: np.ndarray, atoms: Atoms) -> np.ndarray:
    stress: np.ndarray = full_3x3_to_voigt_6_stress(virial / atoms.cell.volume)
    return stress


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
