"""`gaunt-md bench profile` accounts for the whole of a step, and counts its arithmetic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from gaunt_md.bench.ceilings import measure_ceilings
from gaunt_md.bench.silicon import hot_silicon
from gaunt_md.bench.untrained import NEIGHBOURS, Shape
from gaunt_md.bench.work import convolution_value, linear, product_value
from gaunt_md.cli.main import app
from gaunt_md.data.neighbours import build_graph
from gaunt_md.errors import InputError
from gaunt_md.kernels import reference


def test_shares_of_all_stages_sum_to_the_step(tmp_path: Path) -> None:
    options = ["--shape", "16,1,2", "--atoms", "64", "--rounds", "2", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["bench", "profile", *options])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "profile.json").read_text())
    stages = {stage["name"]: stage for stage in content["stages"]}
    assert sum(stage["share"] for stage in stages.values()) == pytest.approx(1)
    assert all(stage["share"] >= 0 for stage in stages.values())
    assert {"convolution", "convolution, gradient", "neighbours and graph"} <= set(stages)
    assert stages["convolution"]["gigaflops"] > 0
    assert (tmp_path / "out" / "profile.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("options", [["--shape", "8,1,0"], ["--atoms", "100"]])
def test_what_cannot_be_profiled_is_refused_at_once(options: list[str], tmp_path: Path) -> None:
    command = ["bench", "profile", *options, "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "out").exists()


def test_without_a_compiler_the_rest_contains_the_gradients(tmp_path: Path) -> None:
    options = ["--shape", "8,0,1", "--atoms", "64", "--rounds", "1", "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "gaunt_md.cli.main", "bench", "profile", *options],
        env=os.environ | {"GAUNT_MD_CACHE": str(tmp_path), "CXX": "no-such-compiler"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "in plain torch the gradients of all stages are part of the rest" in done.stderr
    stages = json.loads((tmp_path / "out" / "profile.json").read_text())["stages"]
    assert not any("gradient" in stage["name"] for stage in stages)


def flops(run) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def test_arithmetic_of_mixing_is_what_torch_counts() -> None:
    x, weight = torch.rand(10, 16, 8), torch.rand(4, 8, 24)
    counted = flops(lambda: reference.degree_linear(x, weight))
    assert linear(10, 3, 8, 24).operations == counted


def test_arithmetic_of_the_product_is_half_that_of_a_whole_grid() -> None:
    """Torch counts matrix products at s and -s; we evaluate both at once."""
    product = Shape(8, 1, 2).potential().tabulated().interactions[0].many_body
    factors = [torch.rand(10, 16, 8) for _ in range(3)]
    counted = flops(lambda: reference.grid_product(factors, product.evaluation, product.projection))
    pointwise = 2 * 10 * 8 * product.evaluation.shape[0] * (2 * 3 + 1)
    assert product_value(product, 10).operations - pointwise == counted / 2


def test_arithmetic_of_the_convolution_contains_its_matrix_product() -> None:
    convolution = Shape(8, 1, 2).potential().tabulated().interactions[1].convolution
    edges, per_edge = 64 * int(NEIGHBOURS), 2 * 16 * 4 * 8
    operations = convolution_value(convolution, 64, edges).operations
    assert edges * per_edge < operations < 3 * edges * per_edge


def test_silicon_has_the_neighbours_that_shapes_assume() -> None:
    graph = build_graph(hot_silicon(216), ["Si"], 5.0)
    assert len(graph.centres) / 216 == pytest.approx(NEIGHBOURS, rel=0.05)


def test_ceilings_are_those_of_a_processor() -> None:
    ceilings = measure_ceilings()
    assert 1 < ceilings.gigaflops < 1e4
    assert 0.2 < ceilings.gigabytes < 1e3
