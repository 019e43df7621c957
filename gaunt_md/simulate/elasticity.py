"""The elastic tensor of a crystal from the stress of strained cells, and the moduli it implies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from ..calculator import in_double_precision
from ..errors import InputError
from ..files import written_beside
from ..progress import Progress, silent
from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA
from .relax import largest_stress, relax_many
from .symmetry import point_group_rotations, space_group

_STEPS = np.array([-1.0, -0.5, 0.5, 1.0])
_FORCE_TOLERANCE = 1e-5  # eV/Å

# Voigt's order xx yy zz yz xz xy.
_VOIGT = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
_FIRST, _SECOND = np.array([[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]])


@dataclass(frozen=True)
class Moduli:
    """Elastic moduli of a polycrystal without texture, in GPa.

    Attributes
    ----------
    bulk, shear : float
    """

    bulk: float
    shear: float

    @property
    def young(self) -> float:
        """Young's modulus in GPa."""
        return 9.0 * self.bulk * self.shear / (3.0 * self.bulk + self.shear)

    @property
    def poisson(self) -> float:
        """Poisson's ratio."""
        return (3.0 * self.bulk - 2.0 * self.shear) / (2.0 * (3.0 * self.bulk + self.shear))


@dataclass(frozen=True)
class Elasticity:
    """Elastic properties of a crystal.

    Attributes
    ----------
    atoms : Atoms
        The crystal without strain; the tensor belongs to its orientation.
    tensor : ndarray, shape (6, 6), float64
        Elastic constants in GPa, Voigt's order xx yy zz yz xz xy, symmetric and invariant under the
        crystal's point group.
    asymmetry : float
        Largest element in GPa that the symmetrisation has taken away: the error of the tensor.
    strains : ndarray, shape (6, strains), float64
        Strains of each kind in Voigt's notation (shear: twice the tensor's component).
    stresses : ndarray, shape (6, strains, 6), float64
        Stress of each of them in GPa, ASE's sign and order.
    residual_stress : float
        Largest component of the stress without strain in GPa; the tensor takes it for zero.
    """

    atoms: Atoms
    tensor: np.ndarray
    asymmetry: float
    strains: np.ndarray
    stresses: np.ndarray
    residual_stress: float

    @property
    def compliance(self) -> np.ndarray:
        """Inverse of the tensor in 1/GPa, shape (6, 6)."""
        return np.linalg.inv(self.tensor)

    @property
    def stable(self) -> bool:
        """Whether every strain costs energy (Born's criterion)."""
        return bool(np.linalg.eigvalsh(self.tensor).min() > 0.0)

    @property
    def voigt(self) -> Moduli:
        """Upper bounds: the same strain in every grain."""
        c = self.tensor
        bulk = c[:3, :3].sum() / 9.0
        normal, mixed = np.trace(c[:3, :3]), c[0, 1] + c[0, 2] + c[1, 2]
        return Moduli(float(bulk), float((normal - mixed + 3.0 * np.trace(c[3:, 3:])) / 15.0))

    @property
    def reuss(self) -> Moduli:
        """Lower bounds: the same stress in every grain."""
        s = self.compliance
        normal, mixed = np.trace(s[:3, :3]), s[0, 1] + s[0, 2] + s[1, 2]
        shear = 15.0 / (4.0 * (normal - mixed) + 3.0 * np.trace(s[3:, 3:]))
        return Moduli(float(1.0 / s[:3, :3].sum()), float(shear))

    @property
    def hill(self) -> Moduli:
        """Means of both bounds (Hill, doi 10.1088/0370-1298/65/5/307)."""
        upper, lower = self.voigt, self.reuss
        return Moduli((upper.bulk + lower.bulk) / 2.0, (upper.shear + lower.shear) / 2.0)

    @property
    def anisotropy(self) -> float:
        """Universal index, 0 if isotropic (Ranganathan, doi 10.1103/PhysRevLett.101.055504)."""
        upper, lower = self.voigt, self.reuss
        return 5.0 * upper.shear / lower.shear + upper.bulk / lower.bulk - 6.0

    def young_along(self, directions: np.ndarray) -> np.ndarray:
        """Return Young's modulus in GPa along directions, shape (directions, 3)."""
        x = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        # A pull along x has the stress x x; in Voigt's order this meets the compliance.
        stress = x[:, _FIRST] * x[:, _SECOND]
        return 1.0 / np.einsum("ni,ij,nj->n", stress, self.compliance, stress)

    def summary(self) -> dict[str, Any]:
        """Return the results for programs, the units in the names."""
        moduli = {"voigt": self.voigt, "reuss": self.reuss, "hill": self.hill}
        return {
            "formula": self.atoms.get_chemical_formula(),
            "space_group": space_group(self.atoms),
            "elastic_tensor_GPa": self.tensor.tolist(),
            "asymmetry_GPa": self.asymmetry,
            "residual_stress_GPa": self.residual_stress,
            "mechanically_stable": self.stable,
            **{f"bulk_modulus_{name}_GPa": found.bulk for name, found in moduli.items()},
            **{f"shear_modulus_{name}_GPa": found.shear for name, found in moduli.items()},
            "young_modulus_hill_GPa": self.hill.young,
            "poisson_ratio_hill": self.hill.poisson,
            "universal_anisotropy": self.anisotropy,
        }

    def write(self, path: Path) -> None:
        """Write the tensor as six lines of six numbers, GPa, as ELATE and `numpy.loadtxt` read."""
        header = f"elastic tensor of {self.atoms.symbols}, GPa, xx yy zz yz xz xy"
        with written_beside(path) as beside:
            np.savetxt(beside, self.tensor.round(5) + 0.0, fmt="%12.5f", header=header)


def compute_elasticity(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    strain: float = 0.005,
    relax_atoms: bool = True,
    max_steps: int = 500,
    progress: Progress = silent,
) -> Elasticity:
    """Compute the elastic tensor of a relaxed crystal.

    Each of the six strains is applied at four sizes, up to ``strain`` in both directions; the atoms
    relax in the strained cells. The slope of a cubic polynomial through the stresses is the elastic
    constant, without errors of second and third order in the strain. The tensor is then averaged
    over the rotations of the crystal.

    Parameters
    ----------
    atoms : Atoms
        Relaxed crystal, periodic in three directions, free of stress.
    calculator : BaseCalculator
        Any ASE calculator with forces and stress; a `GauntCalculator` is used in double precision.
    strain : float
        Largest strain in Voigt's notation, without unit.
    relax_atoms : bool
        False keeps the scaled positions: the "clamped-ion" tensor.
    max_steps : int
        Steps after which a relaxation gives up.
    progress : callable
        Told how far the relaxations are.

    Raises
    ------
    InputError
        If the structure is no crystal, the strain is not between 0 and 0.1, or atoms do not relax.
    """
    if not 0.0 < strain <= 0.1:
        raise InputError(f"strain is {strain}; it must be positive and at most 0.1, as 0.005")
    rotations = point_group_rotations(atoms)
    calculator = in_double_precision(calculator)
    sizes = strain * _STEPS
    strained = [_strained(atoms, kind, size) for kind in range(6) for size in sizes]
    relaxations = relax_many(
        [atoms, *strained],
        calculator,
        cell=False,
        force_tolerance=_FORCE_TOLERANCE if relax_atoms else np.inf,
        max_steps=max_steps,
        progress=progress,
    )
    lagging = [relaxation for relaxation in relaxations if not relaxation.converged]
    if lagging:
        raise InputError(
            f"the atoms of {len(lagging)} strained cells have not relaxed within {max_steps} "
            f"steps; the largest force left is {lagging[0].largest_force:.2g} eV/Å. Relax the "
            "crystal first, or allow more steps."
        )
    perfect, *others = relaxations
    stresses = EV_PER_CUBIC_ANGSTROM_TO_GPA * np.array([found.stress for found in others])
    stresses = stresses.reshape(6, len(sizes), 6)
    measured = _slopes(sizes, stresses)
    tensor = _symmetrised(measured, rotations)
    return Elasticity(
        atoms=atoms.copy(),
        tensor=tensor,
        asymmetry=float(np.abs(measured - tensor).max()),
        strains=np.tile(sizes, (6, 1)),
        stresses=stresses,
        residual_stress=largest_stress(perfect.atoms),
    )


def _strained(atoms: Atoms, kind: int, size: float) -> Atoms:
    """Return the crystal with one of Voigt's strains, without rotation."""
    strain = np.zeros((3, 3))
    strain[_FIRST[kind], _SECOND[kind]] = size
    strained = atoms.copy()
    deformation = np.eye(3) + 0.5 * (strain + strain.T)
    strained.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    return strained


def _slopes(sizes: np.ndarray, stresses: np.ndarray) -> np.ndarray:
    """Return dσ_i/dε_j at zero strain, shape (6, 6), from cubic polynomials."""
    return np.array([np.polynomial.polynomial.polyfit(sizes, s, 3)[1] for s in stresses]).T


def _symmetrised(tensor: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Return the part of a 6 × 6 tensor that is symmetric and invariant under the rotations."""
    tensor = 0.5 * (tensor + tensor.T)
    full = tensor[_VOIGT[:, :, None, None], _VOIGT[None, None]]
    turned = np.einsum("gai,gbj,gck,gdl,ijkl->abcd", *[rotations] * 4, full, optimize=True) / len(
        rotations
    )
    return turned[_FIRST[:, None], _SECOND[:, None], _FIRST, _SECOND]
