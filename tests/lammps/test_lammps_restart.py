"""A restart file knows its potential: the same goes on, another one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from lammps_runs import HOT, refusal, run_to_end, setup, style
from samples import silicon_oxide


def test_restart_continues_with_the_same_potential(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """A restart file knows its potential: the continued run equals the uninterrupted one."""
    velocities, *dynamics = HOT
    start = [
        *setup(tmp_path, silicon_oxide()),
        *style(potential_file_float64),
        velocities,
        *dynamics,
        "run 10",
        "write_restart half.restart",
    ]
    finish = ["run 10", 'print "$(pe:%.12g)" file energy.txt screen no']
    run_to_end(tmp_path, [*start, *finish])
    uninterrupted = float((tmp_path / "energy.txt").read_text())
    run_to_end(tmp_path, ["read_restart half.restart", *dynamics, *finish], ranks=2)
    assert float((tmp_path / "energy.txt").read_text()) == pytest.approx(uninterrupted, rel=1e-9)


def test_restart_refuses_another_potential(
    potential_file_float64: Path, potential_file_float32: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.pt").write_bytes(potential_file_float64.read_bytes())
    lines = [*setup(tmp_path, silicon_oxide()), *style("mine.pt")]
    run_to_end(tmp_path, [*lines, "run 0", "write_restart a.restart"])
    (tmp_path / "mine.pt").write_bytes(potential_file_float32.read_bytes())
    message = refusal(tmp_path, ["read_restart a.restart", "run 0"], ranks=2)
    assert "'mine.pt' is not the one of the restart file" in message
