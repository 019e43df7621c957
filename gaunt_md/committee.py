"""Several potentials of the same kind as one calculator that knows how much they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from .calculator import GauntCalculator, StructureError, changes
from .words import counted


class CommitteeCalculator(Calculator):
    """Mean of several Gaunt potentials, and their spread as a measure of how sure they are.

    Parameters
    ----------
    potentials : sequence of str or Path
        Two or more, trained on the same data from different seeds.
    skin, double_precision
        As for `GauntCalculator`.

    Raises
    ------
    StructureError
        If there are less than two potentials.
    PotentialError
        If a potential file cannot be used.

    Attributes
    ----------
    members : tuple of GauntCalculator
        With the results of their own.

    Notes
    -----
    The results are ASE's: energy, free_energy, energies, forces and stress, each the mean of the
    members. What is not ASE's are the attributes `energy_deviation`, `force_deviations` and
    `largest_force_deviation`, of the structure that was computed last.
    """

    name = "gaunt-committee"
    implemented_properties = list(GauntCalculator.implemented_properties)  # noqa: RUF012

    def __init__(
        self,
        potentials: Sequence[str | Path],
        *,
        skin: float = 0.5,
        double_precision: bool = False,
    ) -> None:
        if len(potentials) < 2:
            raise StructureError(
                f"a committee of {counted(len(potentials), 'potential')} cannot disagree; give "
                "two or more"
            )
        super().__init__()
        self.members = tuple(
            GauntCalculator(potential, skin=skin, double_precision=double_precision)
            for potential in potentials
        )
        self.parameters.update(members=[dict(member.todict()) for member in self.members])

    def set_atoms(self, atoms: Atoms) -> None:
        """Refuse elements that a member does not know."""
        for member in self.members:
            member.set_atoms(atoms)

    def check_state(self, atoms: Atoms, tol: float = 0.0) -> list[str]:
        """Return what `changes` finds since the last calculation; there is no tolerance."""
        return changes(self.atoms, atoms)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute all members; errors as for `GauntCalculator`."""
        super().calculate(atoms, properties or ["energy"], system_changes)
        self.results = {}
        for member in self.members:
            member.calculate(self.atoms)
        names = self.members[0].results
        means = {name: np.mean(self._of_members(name), axis=0) for name in names}
        for name in ("energy", "free_energy"):
            means[name] = float(means[name])
        self.results = means

    def _of_members(self, name: str) -> np.ndarray:
        return np.array([member.results[name] for member in self.members])

    @property
    def energy_deviation(self) -> float:
        """Standard deviation of the members' energies in eV."""
        return float(self._of_members("energy").std())

    @property
    def force_deviations(self) -> np.ndarray:
        """Root of the mean squared distance of each atom's forces from their mean, eV/Å, (atoms,).

        The model deviation of Zhang et al., Phys. Rev. Mater. 3, 023804 (2019).
        """
        forces = self._of_members("forces")
        return np.sqrt(((forces - forces.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))

    @property
    def largest_force_deviation(self) -> float:
        """The largest of the force deviations in eV/Å."""
        return float(self.force_deviations.max(initial=0.0))

    def get_property(
        self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True
    ) -> Any:
        """Return one property; errors as for `GauntCalculator`."""
        structure = self.atoms if atoms is None else atoms
        if allow_calculation and structure is not None:
            self.members[0].require_volume(name, structure)
        return super().get_property(name, atoms, allow_calculation)
