"""`gaunt-md bench md` times real programs on hot silicon."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from samples import make_potential
from typer.testing import CliRunner

from gaunt_md import potential_file
from gaunt_md.bench import dynamics
from gaunt_md.bench.dynamics import absent_from_lammps
from gaunt_md.bench.md import (
    COMPARISON,
    SHAPES,
    Plan,
    check_potential,
    default_potentials,
    find_contenders,
)
from gaunt_md.bench.processes import BenchmarkError, run_program
from gaunt_md.bench.silicon import LATTICE_CONSTANT, TEMPERATURE, hot_silicon, most_cubic
from gaunt_md.bench.untrained import Shape
from gaunt_md.cli.main import app
from gaunt_md.errors import InputError

TINY = ["--shape", "8,1,2", "--atoms", "64", "--steps", "2", "--rounds", "1"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("md") / "bench-md"
    sizes = ["--size", "8", "--size", "216"]
    result = CliRunner().invoke(app, ["bench", "md", *TINY, *sizes, "-o", str(folder)])
    assert result.exit_code == 0, result.output
    return result.output, folder


def test_ours_and_snap_are_compared_in_one_table(measured: tuple[str, Path]) -> None:
    output, folder = measured
    assert "relative to SNAP" in output
    results = json.loads((folder / "md.json").read_text())["results"]
    compared = {
        (one["name"], one["program"]): one for one in results if one["section"] == COMPARISON
    }
    ours = "2 layers, 8 channels, degree 1"
    assert {(ours, "LAMMPS"), (ours, "ASE"), ("SNAP", "LAMMPS")} <= set(compared)
    snap = compared["SNAP", "LAMMPS"]
    assert snap["relative_to_snap"] == 1
    assert compared[ours, "LAMMPS"]["relative_to_snap"] == pytest.approx(
        compared[ours, "LAMMPS"]["microseconds"] / snap["microseconds"]
    )
    assert (folder / "md.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.skipif(find_spec("mace") is not None, reason="MACE is installed here")
def test_an_absent_peer_is_named_with_the_way_to_give_it(measured: tuple[str, Path]) -> None:
    output, folder = measured
    assert "absent: MACE is not installed here" in output
    assert "--peer mace=" in json.loads((folder / "md.json").read_text())["absent"][0]


def test_files_that_lammps_lacks_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert absent_from_lammps() == []
    monkeypatch.setitem(dynamics._SNAP_FILES, "SNAP", "Si_nowhere")
    assert "SNAP needs Si_nowhere.snapcoeff" in absent_from_lammps()[0]


def test_sizes_have_their_memory(measured: tuple[str, Path]) -> None:
    _, folder = measured
    results = json.loads((folder / "md.json").read_text())["results"]
    sizes = [one for one in results if one["section"] == "sizes"]
    memory = {(one["atoms"], one["program"]): one["peak_memory"] for one in sizes}
    assert set(memory) == {(n, program) for n in (8, 216) for program in ("LAMMPS", "ASE")}
    assert all(20 < one < 5000 for one in memory.values())  # MB, of programs with torch
    for one in sizes:
        more = memory[one["atoms"], one["program"]] - memory[8, one["program"]]
        expected = None if one["atoms"] == 8 else pytest.approx(1e3 * more / (216 - 8))
        assert one["kilobytes_per_atom"] == expected


def test_lammps_is_timed_with_ranks_and_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gaunt_md.bench.md.ATOMS_IN_PARALLEL", 512)
    contenders = find_contenders([], [Shape(8, 1, 2)], [], tmp_path)
    plan = Plan(contenders, atoms=64, steps=1, rounds=1, seconds=1.0, parallel=True)
    parallel = [(c, task) for c, task, result in plan.entries() if result.section == "parallel"]
    assert [(task.ranks, task.threads) for _, task in parallel] == [(1, 1), (2, 1), (1, 2)]
    for contender, task in parallel[1:]:
        turn = contender.run(task, tmp_path)
        assert turn.steps == 1
        assert turn.seconds > 0
        assert turn.fastest_step == pytest.approx(turn.seconds, rel=0.1, abs=2e-3)


def test_the_fastest_step_is_at_most_the_mean(measured: tuple[str, Path]) -> None:
    _, folder = measured
    for one in json.loads((folder / "md.json").read_text())["results"]:
        assert 0 < one["fastest_step"] <= one["milliseconds_per_step"] + 2e-3


def test_silicon_is_hot_and_as_cubic_as_it_can_be() -> None:
    silicon = hot_silicon(1000)
    np.testing.assert_allclose(silicon.cell.lengths(), 5 * LATTICE_CONSTANT)
    assert silicon.get_temperature() == pytest.approx(TEMPERATURE, rel=0.05)
    assert most_cubic(2500) == (10, 10, 25)
    with pytest.raises(InputError, match="multiple of 8"):
        hot_silicon(1001)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_compared_size_is_that_of_a_shipped_potential_or_of_an_untrained_one(
    shape: Shape,
) -> None:
    names, shapes = default_potentials()
    manifests = [potential_file.read_manifest(potential_file.find(name)) for name in names]
    sizes = [
        Shape(**{key: manifest["hyperparameters"][key] for key in asdict(shape)}).name
        for manifest in manifests
    ]
    assert (shape.name in sizes) != (shape in shapes)


def test_a_potential_without_silicon_is_refused(tmp_path: Path) -> None:
    oxygen = make_potential("float32", elements=("O",))
    path = tmp_path / "oxygen.pt"
    description = {"name": "oxygen", "licence": "MIT"}
    reference = Atoms("O2", positions=[[0, 0, 0], [0, 0, 1.2]])
    potential_file.save(oxygen, path, reference=reference, description=description)
    with pytest.raises(InputError, match=r"has no element Si, .* it knows O\. Choose another"):
        check_potential(str(path))


def test_memory_is_that_of_the_program_alone(tmp_path: Path) -> None:
    held = np.ones(50_000_000)  # 400 MB of this process, which must not count
    hold = "x = bytearray(200_000_000); x[::4096] = b'1' * len(x[::4096]); "
    wait = "import time; time.sleep(0.3)"
    finished = run_program([sys.executable, "-c", hold + wait], tmp_path, threads=1)
    assert held[0] == 1
    assert finished.peak_memory == pytest.approx(215, abs=15)


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"exit status 3.*too hot"):
        run_program(
            [sys.executable, "-c", "print('too hot'); raise SystemExit(3)"], tmp_path, threads=1
        )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--peer", "mase=python"], "Did you mean 'mace'"),
        (["--peer", "mace"], "lacks the interpreter of the environment that mace is in"),
        (["--peer", f"mace={sys.executable}x"], "cannot import MACE: No such file"),
        (["--peer", "mace=true"], "cannot import MACE: it does not answer as Python does"),
        (["--shape", "64,1"], "CHANNELS,HIDDEN_DEGREE,LAYERS"),
        (["--shape", "0,1,2"], "channels must be at least 1"),
        (["--potential", "silicone"], "silicone"),
        (["--atoms", "1001"], "multiple of 8"),
    ],
)
def test_wrong_options_are_explained(options: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "md", *options, "-o", str(tmp_path / "out")])
    assert said in str(result.exception)
    assert not (tmp_path / "out").exists()
