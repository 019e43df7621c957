"""Exchange of features between ranks: that it happens, what it saves, and that it never waits."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from lammps_runs import (
    MEASURE,
    build_plugin,
    environment,
    read_evaluation,
    run_to_end,
    setup,
    style,
)
from samples import silicon_oxide

from gaunt_md import potential_file
from gaunt_md.model import Potential
from gaunt_md.resources import resource_folder


def altered(folder: Path, replacements: dict[str, str]) -> dict[str, str]:
    """Return the environment of a plugin with other statements in its pair style."""
    sources = folder / "sources"
    shutil.copytree(resource_folder("lammps_plugin"), sources)
    for statement, replacement in replacements.items():
        (source,) = (
            source for source in sources.glob("pair_gaunt*.cpp") if statement in source.read_text()
        )
        text = source.read_text()
        assert text.count(statement) == 1
        source.write_text(text.replace(statement, replacement))
    return environment(build_plugin(sources, folder / "build"))


def forces_of_ranks(
    folder: Path, potential: Path, env: dict[str, str], keywords: str
) -> list[np.ndarray]:
    """Return the forces that one and two ranks find for the same structure."""
    lines = [
        *setup(folder, silicon_oxide((2, 1, 1))),
        f"pair_style gaunt {potential} {keywords}",
        "pair_coeff * * Si O",
        "neighbor 0.1 bin",
        *MEASURE,
    ]
    forces = []
    for ranks in (1, 2):
        run_to_end(folder, lines, ranks=ranks, env=env)
        forces.append(read_evaluation(folder).forces)
    return forces


def test_without_message_passing_ranks_disagree(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """Negative control: else equal results of one and two ranks would say nothing."""
    width = "description.layers * description.cutoff * length_unit"
    env = altered(
        tmp_path,
        {
            "forward_comm(features.doubles_per_atom());": "",
            width: "description.cutoff * length_unit",
        },
    )
    for keywords in ("mode exchange", "mode ghost"):
        one, two = forces_of_ranks(tmp_path, potential_file_float64, env, keywords)
        assert np.abs(two - one).max() > 1e-4


@pytest.mark.slow
def test_without_returning_gradients_ranks_disagree(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    env = altered(tmp_path, {"reverse_comm(features.doubles_per_atom());": ""})
    one, two = forces_of_ranks(tmp_path, potential_file_float64, env, "mode exchange")
    assert np.abs(two - one).max() > 1e-4


def work(
    folder: Path, atoms: Atoms, potential: Path, mode: str, ranks: int
) -> tuple[list[float], np.ndarray]:
    """Return how many atoms all ranks update in a step, and along how many edges; and the ranks."""
    lines = [
        *setup(folder, atoms, ["Cu"]),
        f"pair_style gaunt {potential} mode {mode}",
        "pair_coeff * * Cu",
        "compute work all pair gaunt",
        "thermo_style custom pe c_work[1] c_work[2]",
        "run 0 post no",
        'print "$(c_work[1]) $(c_work[2])" file work.txt screen no',
        "write_dump all custom ranks.dump id proc modify sort id",
    ]
    run_to_end(folder, lines, ranks=ranks)
    owners = np.loadtxt(folder / "ranks.dump", skiprows=9, dtype=int)[:, 1]
    return np.loadtxt(folder / "work.txt").tolist(), owners


def work_by_definition(atoms: Atoms, cutoff: float, layers: int, owners: np.ndarray) -> list[int]:
    """Return the same for ranks that ask no other: the last layer is of their own atoms, each
    layer below of the neighbours of those too."""
    centres, neighbours = neighbor_list("ij", atoms, cutoff)
    degrees = np.bincount(centres, minlength=len(atoms))
    updates = messages = 0
    for rank in set(owners):
        computed = owners == rank
        for _ in range(layers):
            updates += np.count_nonzero(computed)
            messages += degrees[computed].sum()
            computed[neighbours[computed[centres]]] = True
    return [updates, messages]


def copper() -> Atoms:
    """Return a crystal of 0.085 atoms/Å^3; beyond a face, 5 Å reach two planes 3.6 Å deep."""
    return bulk("Cu", cubic=True).repeat((10, 10, 8))


def diamond() -> Atoms:
    """Return a crystal like silicon, of 0.05 atoms/Å^3."""
    return bulk("Cu", "diamond", a=5.43, cubic=True).repeat((8, 8, 6))


def dense_liquid() -> Atoms:
    """Return disordered atoms, 0.1 of them in an Å^3, as there are in water."""
    atoms = bulk("Cu", a=(4 / 0.1) ** (1 / 3), cubic=True).repeat((10, 10, 8))
    atoms.rattle(0.4, seed=1)
    return atoms


@pytest.mark.parametrize(
    ("structure", "layers", "times"),
    [
        pytest.param(diamond, 2, 1.75, marks=pytest.mark.slow),
        (copper, 2, 1.85),
        (dense_liquid, 2, 2.1),
        pytest.param(dense_liquid, 3, 3.5, marks=pytest.mark.slow),
    ],
)
def test_work_saved_at_400_atoms_per_rank(
    structure: Callable[[], Atoms], layers: int, times: float, tmp_path: Path
) -> None:
    """Cutoff 5 Å, eight ranks: counted, not timed.

    Neither mode computes what it need not, so what is saved is a matter of geometry: of how many
    atoms lie within a cutoff of a rank's own ones, and of layers.
    """
    potential = tmp_path / "copper.pt"
    made = Potential(
        ["Cu"],
        layers=layers,
        channels=4,
        radial_width=8,
        average_neighbours=42.0,
        energy_scale=1.0,
        reference_energies=[0.0],
    )
    potential_file.save(made, potential, reference=bulk("Cu", cubic=True), description={})
    atoms = structure()
    exchanged, _ = work(tmp_path, atoms, potential, "exchange", 8)
    ghost, owners = work(tmp_path, atoms, potential, "ghost", 8)
    print(f"{layers} layers: updates of atoms and messages, exchange {exchanged}, ghost {ghost}")
    edges = len(neighbor_list("i", atoms, 5.0))
    assert exchanged == [layers * len(atoms), layers * edges]
    assert ghost == work_by_definition(atoms, 5.0, layers, owners)
    assert all(times * least <= more for least, more in zip(exchanged, ghost, strict=True))


def test_ghosts_are_one_cutoff_thick(potential_file_float64: Path, tmp_path: Path) -> None:
    lines = [
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        "neighbor 0.5 bin",
        *style(potential_file_float64),
        "run 0",
    ]
    output = run_to_end(tmp_path, lines, ranks=2)
    assert re.findall(r"ghost atom cutoff = (\S+)", output) == ["4.5"]
