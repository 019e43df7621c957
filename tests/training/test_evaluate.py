"""Errors are what their names say, on the exported file as in the training."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import ase.io
import matplotlib.image
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from rich.console import Console
from typer.testing import CliRunner

from gaunt_md import potential_file
from gaunt_md.cli.main import app
from gaunt_md.data.graph import evaluate
from gaunt_md.data.neighbours import build_graph
from gaunt_md.errors import InputError
from gaunt_md.model import Potential
from gaunt_md.training.config import Configuration
from gaunt_md.training.folder import TrainingFolder
from gaunt_md.training.run import train

KEYS = [
    "energy_mae_meV_per_atom",
    "energy_rmse_meV_per_atom",
    "force_mae_eV_per_A",
    "force_rmse_eV_per_A",
    "stress_rmse_GPa",
    "configurations",
    "atoms",
]


def labelled_by(
    potential: Potential,
    atoms: Atoms,
    energy: float = 0.0,
    force: float = 0.0,
    stress: float | None = 0.0,
) -> Atoms:
    """Label a structure by the potential itself, off by known errors."""
    result = evaluate(potential, build_graph(atoms, potential.elements, potential.cutoff))
    labels = {
        "energy": float(result.energies) + energy,
        "forces": result.forces.detach().numpy() + force,
    }
    if stress is not None:
        labels["stress"] = result.virials[0].detach().numpy() / atoms.get_volume() + stress
    atoms = atoms.copy()
    atoms.calc = SinglePointCalculator(atoms, **labels)
    return atoms


def silicon_oxide(size: int) -> Atoms:
    """Return 4 or more atoms on a rattled lattice, in a cell smaller than the cutoff."""
    sites = [[2.0 * i, 2.1 * j, 0.1] for i in range(2 * size) for j in range(2)]
    atoms = Atoms("Si3O" * size, sites, cell=[4 * size, 4.2, 4.4], pbc=True)
    atoms.rattle(0.05, seed=size)
    return atoms


def evaluate_json(*arguments: object) -> dict[str, float | None]:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_known_errors_are_found(
    potential: Potential, potential_file_float64: Path, tmp_path: Path
) -> None:
    small, large = silicon_oxide(1), silicon_oxide(2)
    frames = [
        labelled_by(potential, small, energy=4 * 0.010, force=0.1, stress=0.01),
        labelled_by(potential, large, energy=-8 * 0.030, force=0.2, stress=None),
    ]
    ase.io.write(tmp_path / "a.xyz", frames)
    errors = evaluate_json(potential_file_float64, tmp_path / "a.xyz")
    assert list(errors) == KEYS
    assert errors["energy_mae_meV_per_atom"] == pytest.approx(20, rel=1e-5)
    assert errors["energy_rmse_meV_per_atom"] == pytest.approx(500**0.5, rel=1e-5)
    # 4 atoms are off by 0.1 and 8 by 0.2 eV/Å; extended XYZ keeps eight digits.
    assert errors["force_mae_eV_per_A"] == pytest.approx(2 / 12, rel=1e-5)
    assert errors["force_rmse_eV_per_A"] == pytest.approx(0.03**0.5, rel=1e-5)
    assert errors["stress_rmse_GPa"] == pytest.approx(1.6021766, rel=1e-5)
    assert (errors["configurations"], errors["atoms"]) == (2, 12)


def test_no_stresses_are_null(
    potential: Potential, potential_file_float64: Path, tmp_path: Path
) -> None:
    ase.io.write(tmp_path / "a.xyz", labelled_by(potential, silicon_oxide(1), stress=None))
    assert evaluate_json(potential_file_float64, tmp_path / "a.xyz")["stress_rmse_GPa"] is None


def test_an_unknown_element_is_refused_by_frame(
    potential: Potential, potential_file_float64: Path, tmp_path: Path
) -> None:
    atoms = labelled_by(potential, silicon_oxide(1))
    atoms.symbols[0] = "Ge"
    ase.io.write(tmp_path / "a.xyz", atoms)
    result = CliRunner().invoke(
        app, ["evaluate", str(potential_file_float64), str(tmp_path / "a.xyz")]
    )
    assert "a.xyz, frame 0" in str(result.exception)
    assert "Ge" in str(result.exception)


def test_the_parity_plot_is_a_picture(
    potential: Potential, potential_file_float64: Path, tmp_path: Path
) -> None:
    ase.io.write(tmp_path / "a.xyz", labelled_by(potential, silicon_oxide(1)))
    evaluate_json(potential_file_float64, tmp_path / "a.xyz", "--plot", tmp_path / "p.png")
    assert matplotlib.image.imread(tmp_path / "p.png").shape[1] > 1000


def test_a_picture_into_no_folder_is_refused_before_the_work(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "nowhere" / "p.png"
    arguments = [str(potential_file_float64), str(tmp_path / "unread.xyz"), "--plot", str(picture)]
    result = CliRunner().invoke(app, ["evaluate", *arguments])
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith(f"cannot write '{picture}': there is no folder")


def test_isolated_atoms_alone_are_nothing_to_evaluate(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    atoms = Atoms("Si")
    atoms.calc = SinglePointCalculator(atoms, energy=-0.8, forces=[[0.0, 0.0, 0.0]])
    ase.io.write(tmp_path / "a.xyz", atoms)
    arguments = [str(potential_file_float64), str(tmp_path / "a.xyz")]
    result = CliRunner().invoke(app, ["evaluate", *arguments])
    assert isinstance(result.exception, InputError)
    assert "nothing but isolated atoms" in str(result.exception)


def test_the_exported_potential_has_the_errors_the_training_told(
    finished: Configuration, argon: Path
) -> None:
    folder = TrainingFolder(finished)
    manifest = potential_file.read_manifest(folder.potential)
    told = manifest["errors"]["test"]
    found = evaluate_json(folder.potential, argon)
    assert {name: found[name] for name in told} == pytest.approx(told, rel=1e-5)
    assert manifest["training"]["data"][0]["file"] == "argon.xyz"
    assert manifest["training"]["data"][0]["frames"] == 14
    assert manifest["shortest_distances"]["Ar-Ar"] > 2
    rows = list(csv.DictReader(folder.metrics.open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    best = min(rows, key=lambda row: float(row["validation_loss"]))
    assert manifest["errors"]["validation"]["force_rmse_eV_per_A"] == pytest.approx(
        float(best["force_rmse_eV_per_A"])
    )
    assert float(rows[-1]["train_loss"]) < 0.9 * float(rows[0]["train_loss"])
    assert matplotlib.image.imread(folder.curve).shape[1] > 1000


def test_losses_of_training_and_validation_mean_the_same(
    configure: Callable[..., Configuration], argon: Path, tmp_path: Path
) -> None:
    """On the same data, with weights that stand still, there is no gap between the curves."""
    configuration = configure(
        tmp_path / "run", epochs=1, batch_size=7, learning_rate=1e-12, final_learning_rate=0
    )
    data = configuration.data.model_copy(update={"validation": [argon], "test": []})
    train(configuration.model_copy(update={"data": data}), Console(quiet=True))
    (row,) = csv.DictReader(TrainingFolder(configuration).metrics.open())
    assert float(row["train_loss"]) == pytest.approx(float(row["validation_loss"]), rel=1e-6)


def test_export_of_a_checkpoint_is_the_potential_of_the_training(
    finished: Configuration, tmp_path: Path, argon: Path
) -> None:
    folder = TrainingFolder(finished)
    result = CliRunner().invoke(app, ["export", str(folder.best), "-o", str(tmp_path / "again.pt")])
    assert result.exit_code == 0, result.output
    a, b = (potential_file.load(path) for path in (folder.potential, tmp_path / "again.pt"))
    atoms = ase.io.read(argon, "3")
    graph = build_graph(atoms, a.elements, a.cutoff)
    assert float(evaluate(a, graph).energies) == float(evaluate(b, graph).energies)


def test_the_card_tells_data_and_errors(finished: Configuration) -> None:
    folder = TrainingFolder(finished)
    text = folder.potential.with_suffix(".md").read_text()
    errors = potential_file.read_manifest(folder.potential)["errors"]
    assert "| argon.xyz | 14 |" in text
    assert "12 structures were trained on, 2 decided" in text
    for values in errors.values():
        assert f"{values['force_rmse_eV_per_A']:.3g}" in text
