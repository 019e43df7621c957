"""`gaunt-md bench product` measures, and what it compares is the same calculation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from gaunt_md.bench.contenders import OURS, convolution, interaction, many_body
from gaunt_md.bench.timing import Case, measure, peak_memory
from gaunt_md.cli.main import app
from gaunt_md.sphere.selection import fastest_method

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.mark.parametrize(
    "cases",
    [
        lambda: interaction(2, 3, 4),
        lambda: convolution(2, 4, 4),
        lambda: many_body(2, 3, 3, 4),
    ],
)
def test_our_methods_do_the_same_calculation(cases) -> None:
    torch.manual_seed(0)
    made = cases()
    results = [
        case.call()
        for name, case in made.items()
        if name.startswith(OURS) and "each path" not in name
    ]
    assert len(results) >= 2
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], atol=1e-5, rtol=1e-5)


def test_command_writes_table_numbers_and_figure(tmp_path: Path) -> None:
    options = ["--largest", "2", "--channels", "4", "--rounds", "1", "-o", str(tmp_path)]
    result = CliRunner().invoke(app, ["bench", "product", *options])
    assert result.exit_code == 0, result.output
    assert "gaunt-md grid" in result.output
    rows = json.loads((tmp_path / "product.json").read_text())["rows"]
    assert {row["panel"] for row in rows} == {"interaction", "convolution", "many_body", "factors"}
    for row in rows:
        assert f"{OURS}grid" in row["measurements"] or f"{OURS}zonal" in row["measurements"]
        for measurement in row["measurements"].values():
            assert min(measurement.values()) > 0
    assert (tmp_path / "product.png").read_bytes()[:4] == b"\x89PNG"


def test_memory_is_that_of_the_largest_moment() -> None:
    """Two tensors of 4 MB live at once, never three."""

    def run() -> None:
        x = torch.ones(1000, 1000)
        for _ in range(5):
            x = x + 1

    assert peak_memory(run) == pytest.approx(8, abs=0.5)


def test_times_are_medians_in_milliseconds() -> None:
    x = torch.ones(10, requires_grad=True)
    found = measure({"square": Case(lambda: x * x, [x])}, rounds=3)["square"]
    assert 0 < found.forward < 100
    assert 0 < found.training < 100


def test_the_table_of_fastest_methods_covers_every_degree() -> None:
    assert {fastest_method(degree) for degree in range(100)} <= {"grid", "fourier", "direct"}
