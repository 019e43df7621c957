"""Reading structures with energies, forces and stresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from ..errors import InputError, closest

USUAL_NAMES = {
    "energy": ("energy", "REF_energy", "dft_energy", "DFT_energy", "ref_energy", "total_energy"),
    "forces": ("forces", "REF_forces", "dft_forces", "DFT_forces", "ref_forces", "force"),
    "stress": ("stress", "REF_stress", "dft_stress", "DFT_stress", "ref_stress"),
}
"""What files call the labels, in the order in which they are looked for."""


@dataclass(frozen=True)
class Frame:
    """One entry of a data file, all that may serve as a label collected by name.

    ASE moves what it knows by name (energy, forces, stress) into a calculator and leaves the rest
    in ``info`` and ``arrays``; here they are together again.
    """

    atoms: Atoms
    values: dict[str, Any]
    path: Path
    index: int

    @property
    def source(self) -> str:
        """File and index, for messages."""
        return f"{self.path.name}, frame {self.index}"


@dataclass(frozen=True)
class LabelledStructure:
    """A structure with what first principles say of it.

    Attributes
    ----------
    atoms : Atoms
    energy : float
        Total energy, eV; NaN where there is none.
    forces : ndarray, shape (atoms, 3), eV/Å
        NaN where there are none.
    stress : ndarray, shape (3, 3), eV/Å^3
        Strain derivative of the energy by the volume; NaN where there is none.
    path : Path
    index : int
        Where it was read.
    """

    atoms: Atoms
    energy: float
    forces: np.ndarray
    stress: np.ndarray
    path: Path
    index: int

    @property
    def source(self) -> str:
        """File and index, for messages."""
        return f"{self.path.name}, frame {self.index}"

    @property
    def config_type(self) -> str:
        """The group of the structure as its file names it, or nothing."""
        return str(self.atoms.info.get("config_type", ""))

    @property
    def is_isolated_atom(self) -> bool:
        """A single atom that sees no other, by its group's name or for want of a period."""
        named = self.config_type.lower().replace("_", "").replace(" ", "") == "isolatedatom"
        return len(self.atoms) == 1 and (named or not self.atoms.pbc.any())


@dataclass(frozen=True)
class LabelKeys:
    """The names under which the labels stand in the files; None for labels not used."""

    energy: str | None
    forces: str | None
    stress: str | None


def read_labelled(
    paths: Sequence[Path], asked: dict[str, str | None], required: Sequence[str]
) -> tuple[list[LabelledStructure], LabelKeys]:
    """Read files as one set of labelled structures.

    Raises
    ------
    InputError
        See `find_keys` and `label`.
    """
    frames = [frame for path in paths for frame in read_frames(path)]
    keys = find_keys(frames, asked, required)
    return [label(frame, keys) for frame in frames], keys


def read_with_keys(
    paths: Sequence[Path], keys: LabelKeys, required: Sequence[str]
) -> list[LabelledStructure]:
    """Read files whose labels stand under names that other files decided.

    Raises
    ------
    InputError
        If a required label is in no frame. See also `label`.
    """
    frames = [frame for path in paths for frame in read_frames(path)]
    counts = Counter(name for frame in frames for name in frame.values)
    for name in required:
        key = getattr(keys, name)
        if not counts[key]:
            raise InputError(
                f"no frame of {_names(paths)} has '{key}', the {name} in the training data. "
                f"{_found(counts, len(frames))} Give all files the same names"
            )
    return [label(frame, keys) for frame in frames]


def without_isolated_atoms(
    structures: Sequence[LabelledStructure], required: Sequence[str]
) -> list[LabelledStructure]:
    """Return the structures in which atoms see each other.

    Raises
    ------
    InputError
        If there are none, or none of them has a required label.
    """
    rest = [x for x in structures if not x.is_isolated_atom]
    files = _names(dict.fromkeys(x.path for x in structures))
    if not rest:
        raise InputError(f"{files}: nothing but isolated atoms; add structures")
    for name in required:
        if not any(np.isfinite(getattr(x, name)).any() for x in rest):
            raise InputError(f"{files}: only isolated atoms have {name}; add labelled structures")
    return rest


def read_frames(path: Path) -> list[Frame]:
    """Read every frame of a file.

    Raises
    ------
    InputError
        If there is no such file, it is damaged or empty; names the frame.
    """
    frames: list[Frame] = []
    if path.is_file() and not path.stat().st_size:
        raise InputError(f"data file '{path}' is empty; it should hold structures")
    try:
        for index, atoms in enumerate(ase.io.iread(path, index=":")):
            frames.append(Frame(atoms, _values(atoms), path, index))
    except FileNotFoundError:
        raise InputError(f"no data file '{path}'; check the path") from None
    except Exception as error:  # ASE's readers raise whatever their parsing meets
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's own words
        reason = f"{type(error).__name__}: {error}".removesuffix(": ").removesuffix(".")
        raise InputError(
            f"'{path}', frame {len(frames)} cannot be read: {reason}. Repair or remove this frame; "
            "if the file is of another format than its suffix says, rename it"
        ) from error
    if not frames:
        raise InputError(f"data file '{path}' holds no structures")
    for frame in frames:
        if len(frame.atoms) == 0:
            raise InputError(f"{frame.source} has no atoms; remove this frame")
    return frames


def find_keys(
    frames: Sequence[Frame], asked: dict[str, str | None], required: Sequence[str]
) -> LabelKeys:
    """Decide under which name each label stands.

    Parameters
    ----------
    frames : sequence of Frame
    asked : dict
        The name wanted for "energy", "forces" and "stress", or None to look for the usual ones.
    required : sequence of str
        Labels without which there is no training.

    Raises
    ------
    InputError
        If a label asked for or required is in no frame, or two usual names hold different values.
    """
    counts = Counter(name for frame in frames for name in frame.values)
    keys: dict[str, str | None] = {}
    for label, wanted in asked.items():
        if wanted is not None:
            if not counts[wanted]:
                raise InputError(
                    f"no frame has '{wanted}', asked for by {_option(label)}."
                    f"{closest(wanted, counts)} {_found(counts, len(frames))}"
                )
            keys[label] = wanted
            continue
        candidates = [name for name in USUAL_NAMES[label] if counts[name]]
        if not candidates and label in required:
            raise InputError(
                f"no frame has {label} under a usual name ({', '.join(USUAL_NAMES[label])}). "
                f"{_found(counts, len(frames))} Name the right one by {_option(label)}"
            )
        for other in candidates[1:]:
            _refuse_ambiguity(frames, label, candidates[0], other)
        keys[label] = candidates[0] if candidates else None
    return LabelKeys(**keys)


def label(frame: Frame, keys: LabelKeys) -> LabelledStructure:
    """Take the labels of a frame, in their usual shapes.

    Raises
    ------
    InputError
        If a label has the wrong shape or is not finite, or the positions or the cell are not.
    """
    atoms = frame.atoms
    for what, values in (("positions", atoms.positions), ("cell", atoms.cell.array)):
        if not np.isfinite(values).all():
            raise InputError(f"{frame.source} has a {what} entry that is no number; repair it")
    energy = _take(frame, keys.energy, [()])
    forces = _take(frame, keys.forces, [(len(atoms), 3)])
    stress = _take(frame, keys.stress, [(6,), (9,), (3, 3)])
    return LabelledStructure(
        atoms=atoms,
        energy=float("nan") if energy is None else float(energy),
        forces=np.full((len(atoms), 3), np.nan) if forces is None else forces,
        stress=np.full((3, 3), np.nan) if stress is None else _square(stress, frame.source),
        path=frame.path,
        index=frame.index,
    )


def _values(atoms: Atoms) -> dict[str, Any]:
    geometry = ("numbers", "positions")
    values = {**atoms.info, **{k: v for k, v in atoms.arrays.items() if k not in geometry}}
    if atoms.calc is not None:
        values |= {k: v for k, v in atoms.calc.results.items() if v is not None}
    atoms.calc = None
    return values


def _take(frame: Frame, key: str | None, shapes: list[tuple[int, ...]]) -> np.ndarray | None:
    if key is None or key not in frame.values:
        return None
    try:
        value = np.asarray(frame.values[key], dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{frame.source}: '{key}' is no number; repair it") from None
    if value.shape not in shapes:
        wanted = " or ".join(str(shape) for shape in shapes)
        raise InputError(f"{frame.source}: '{key}' has the shape {value.shape}, not {wanted}")
    if not np.isfinite(value).all():
        raise InputError(f"{frame.source}: '{key}' is not finite; repair or remove this frame")
    return value


def _square(stress: np.ndarray, source: str) -> np.ndarray:
    if stress.shape == (6,):
        return voigt_6_to_full_3x3_stress(stress)
    square = stress.reshape(3, 3)
    if not np.allclose(square, square.T, rtol=1e-3, atol=1e-6):
        raise InputError(f"{source}: the stress is not symmetric; it must be, in eV/Å^3")
    return 0.5 * (square + square.T)


def _refuse_ambiguity(frames: Sequence[Frame], label: str, first: str, other: str) -> None:
    for frame in frames:
        if first in frame.values and other in frame.values:
            a, b = (np.asarray(frame.values[name]) for name in (first, other))
            if a.shape != b.shape or not np.array_equal(a, b):
                raise InputError(
                    f"{frame.source} has both '{first}' and '{other}' with different values; "
                    f"name the right one by {_option(label)}"
                )
        elif other in frame.values:
            raise InputError(
                f"some frames have '{first}', others '{other}' (the first: {frame.source}); "
                f"give all of them one name, or choose one by {_option(label)}"
            )


def _option(label: str) -> str:
    """Return how people name a label: in a configuration, or on the command line."""
    return f"{label}_key (--{label}-key)"


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(f"'{path}'" for path in paths)


def _found(counts: Counter[str], total: int) -> str:
    if not counts:
        return "The frames carry no data besides species and positions."
    names = ", ".join(f"{name} ({count} of {total} frames)" for name, count in counts.most_common())
    return f"Found: {names}."
