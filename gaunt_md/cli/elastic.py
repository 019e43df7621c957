"""`gaunt-md elastic`: elastic tensor, moduli and equation of state of a crystal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import NoRelax, Overwrite, PotentialName, Structure, output_folder
from .output import Output, results_folder, stem
from .relax import tell_briefly
from .settings import ConfigFile

if TYPE_CHECKING:
    from ..simulate.elasticity import Elasticity


_ASYMMETRY = 0.02
"""Part of the largest elastic constant that symmetrisation may take away; rounding takes 1e-6."""


def elastic(
    structure: Structure,
    potential: PotentialName,
    output: Annotated[Path | None, output_folder("STRUCTURE-elastic")] = None,
    strain: Annotated[
        float,
        typer.Option(min=1e-5, max=0.1, help="Largest strain for the elastic tensor, no unit."),
    ] = 0.005,
    clamped: Annotated[
        bool, typer.Option("--clamped", help="Do not relax the atoms in the strained cells.")
    ] = False,
    eos_strain: Annotated[
        float,
        typer.Option(
            min=1e-3,
            max=0.19,
            help="Largest change of lengths for the equation of state, no unit.",
        ),
    ] = 0.02,
    no_relax: NoRelax = False,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    *,
    say: Output,
) -> None:
    """Compute the elastic tensor, moduli of polycrystals, and the equation of state.

    The structure is relaxed first, its symmetry kept, at zero pressure. The tensor belongs to the
    conventional cell in its standard orientation, which is written as crystal.extxyz.

    Example: gaunt-md elastic silicon.cif --potential si --json
    """
    output = output or Path(f"{stem(structure)}-elastic")

    from ..calculator import GauntCalculator
    from ..simulate.elasticity import compute_elasticity
    from ..simulate.equation_of_state import compute_equation_of_state
    from ..simulate.figures import elasticity_figure, equation_of_state_figure, save
    from ..simulate.relax import relax_crystal
    from ..simulate.structures import read_structure, write_structures
    from ..simulate.symmetry import conventional_cell

    start = read_structure(structure)
    calculator = GauntCalculator(potential, double_precision=True)
    with results_folder(output, overwrite=overwrite), say.progress() as progress:
        relaxation = relax_crystal(
            start, calculator, max_steps=0 if no_relax else None, progress=progress
        )
        crystal = conventional_cell(relaxation.atoms)
        elasticity = compute_elasticity(
            crystal, calculator, strain=strain, relax_atoms=not clamped, progress=progress
        )
        equation = compute_equation_of_state(
            crystal, calculator, strain=eos_strain, progress=progress
        )
        write_structures(output / "crystal.extxyz", [crystal])
        elasticity.write(output / "elastic-tensor.txt")
        equation.write(output / "e-v.dat")
        save(elasticity_figure(elasticity), output / "elasticity.png")
        save(equation_of_state_figure(equation), output / "equation-of-state.png")
    results: dict[str, Any] = {
        "output": str(output),
        "relaxation": relaxation.summary(),
        "elasticity": elasticity.summary(),
        "equation_of_state": equation.summary(),
    }
    tell_briefly(say, results["relaxation"])
    _print(say, elasticity, results)
    say.json(results)


def _print(say: Output, elasticity: Elasticity, results: dict[str, Any]) -> None:
    summary, equation = results["elasticity"], results["equation_of_state"]
    names = ("xx", "yy", "zz", "yz", "xz", "xy")
    say.table(
        f"{summary['formula']}, {summary['space_group']}: elastic tensor, GPa",
        [
            (name, *(f"{value:.2f}" for value in row + 0.0))
            for name, row in zip(names, elasticity.tensor.round(2), strict=True)
        ],
        ("", *names),
    )
    moduli = (elasticity.voigt, elasticity.reuss, elasticity.hill)
    say.table(
        "Polycrystal",
        [
            ("bulk modulus, GPa", *(f"{found.bulk:.2f}" for found in moduli)),
            ("shear modulus, GPa", *(f"{found.shear:.2f}" for found in moduli)),
            ("Young's modulus, GPa", *(f"{found.young:.2f}" for found in moduli)),
            ("Poisson's ratio", *(f"{found.poisson:.4f}" for found in moduli)),
        ],
        ("", "Voigt", "Reuss", "Hill"),
    )
    say.table(
        "Equation of state, Birch-Murnaghan",
        [
            ("volume, Å^3/atom", f"{equation['volume_A3_per_atom']:.4f}"),
            ("bulk modulus, GPa", f"{equation['bulk_modulus_GPa']:.2f}"),
            ("its derivative by pressure", f"{equation['bulk_modulus_derivative']:.2f}"),
        ],
    )
    if elasticity.asymmetry > _ASYMMETRY * abs(elasticity.tensor).max():
        say.warn(
            f"these are no elastic constants: they break the crystal's symmetry by up to "
            f"{elasticity.asymmetry:.2g} GPa. In strained cells the atoms have moved to another "
            "structure, as in a crystal whose phonons are imaginary. A smaller --strain may "
            "help, or --clamped."
        )
    if not elasticity.stable:
        say.warn("the crystal is mechanically unstable: a strain lowers its energy")
    if elasticity.residual_stress > 0.1:
        say.warn(
            f"the crystal is under a stress of {elasticity.residual_stress:.2g} GPa, which the "
            "tensor takes for zero; leave out --no-relax"
        )
    say.line(f"written: {results['output']}")
