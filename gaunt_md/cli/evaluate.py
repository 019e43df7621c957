"""`gaunt-md evaluate`: errors of a potential on labelled structures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import EnergyKey, ForcesKey, PotentialArgument, StressKey
from .output import Output


def evaluate(
    potential: PotentialArgument,
    data: Annotated[list[Path], typer.Argument(help="Files with labelled structures.")],
    plot: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE", help="Write predictions against labels, PNG."),
    ] = None,
    energy_key: EnergyKey = None,
    forces_key: ForcesKey = None,
    stress_key: StressKey = None,
    *,
    say: Output,
) -> None:
    """Compare a potential with reference energies, forces and stresses.

    Example: gaunt-md evaluate si test.xyz --plot parity.png
    """
    from .. import potential_file
    from ..data.read import read_labelled, without_isolated_atoms
    from ..errors import InputError
    from ..files import require_folder
    from ..training.evaluate import compare
    from ..training.quantities import words

    if plot is not None:
        if plot.suffix.lower() != ".png":
            raise InputError(f"the picture '{plot}' has to be called NAME.png")
        require_folder(plot)
    asked = {"energy": energy_key, "forces": forces_key, "stress": stress_key}
    required = ("energy", "forces")
    structures, _ = read_labelled(data, asked, required)
    structures = without_isolated_atoms(structures, required)
    with say.progress() as progress:
        comparison = compare(potential_file.load(potential), structures, progress=progress)
    summary = comparison.errors().summary()
    result = {
        **summary,
        "configurations": len(structures),
        "atoms": sum(len(x.atoms) for x in structures),
    }
    if plot is not None:
        from ..training.figures import plot_parity

        plot_parity(comparison, plot, f"{Path(potential).stem} on {data[0].name}")
    rows = [(words(name), _in_words(value)) for name, value in result.items()]
    files = ", ".join(path.name for path in data)
    say.table(f"{Path(potential).stem} on {files}", rows, ("", "value"))
    say.json(result)


def _in_words(value: float | None) -> str:
    if value is None:
        return "no labels"
    return str(value) if isinstance(value, int) else f"{value:.4g}"
