"""`gaunt-md bench product` measures, and what it compares is the same calculation."""

from __future__ import annotations

import json
import time
from importlib.metadata import distributions
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from gaunt_md.bench.contenders import MACE, OURS, convolution, interaction, many_body
from gaunt_md.bench.crossovers import crossovers
from gaunt_md.bench.product import PANELS, Row, growth_of_fourier, notes
from gaunt_md.bench.rounding import measure_rounding
from gaunt_md.bench.timing import Case, Measurement, measure, peak_memory
from gaunt_md.cli.main import app
from gaunt_md.sphere.selection import CROSSOVERS, fastest_method

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
    content = json.loads((tmp_path / "product.json").read_text())
    peers = {"e3nn", "cuequivariance", "cuequivariance-torch", "mace-torch"}
    installed = {one.name.replace("_", "-"): one.version for one in distributions()}
    assert content["packages"] == {name: installed[name] for name in peers & installed.keys()}
    for name in peers - installed.keys():
        assert name in result.output.partition("absent: ")[2]
    rows = content["rows"]
    assert {row["panel"] for row in rows} == {"interaction", "convolution", "many_body", "factors"}
    lines = result.stderr.splitlines()
    assert lines[0] == "measuring interaction, degree 1 (1 of 7)"
    assert lines[-1] == "measuring factors, factors 2 (7 of 7)"
    for row in rows:
        assert f"{OURS}grid" in row["measurements"] or f"{OURS}zonal" in row["measurements"]
        for measurement in row["measurements"].values():
            assert min(measurement.values()) > 0
    assert (tmp_path / "product.png").read_bytes()[:4] == b"\x89PNG"


def test_results_are_printed_as_json_and_replaced_only_if_asked(tmp_path: Path) -> None:
    options = ["--panel", "factors", "--largest", "2", "--channels", "4", "--rounds", "1"]
    command = ["bench", "product", *options, "-o", str(tmp_path), "--json", "--quiet"]
    result = CliRunner().invoke(app, command)
    assert json.loads(result.output) == json.loads((tmp_path / "product.json").read_text())
    again = CliRunner().invoke(app, command)
    assert "is not empty; choose another --output, or --overwrite" in str(again.exception)
    assert CliRunner().invoke(app, [*command, "--overwrite"]).exit_code == 0


def test_memory_is_that_of_the_largest_moment() -> None:
    """Two tensors of 4 MB live at once, never three."""

    def run() -> None:
        x = torch.ones(1000, 1000)
        for _ in range(5):
            x = x + 1

    assert peak_memory(run) == pytest.approx(8, abs=0.5)


def test_times_are_medians_in_milliseconds() -> None:
    """A call sleeps: the first does not count, then forward and with backward in turn."""
    x = torch.ones(10, requires_grad=True)
    durations = iter([0.0, 0.02, 0.06, 0.04, 0.08, 0.3, 0.4])

    def call() -> torch.Tensor:
        time.sleep(next(durations))
        return x * x

    found = measure({"square": Case(call, [x])}, rounds=3)["square"]
    assert 40 <= found.forward < 80  # the mean is 120
    assert 80 <= found.training < 160  # the mean is 180


def test_the_table_of_fastest_methods_covers_every_degree() -> None:
    assert {fastest_method(degree) for degree in range(100)} <= {"grid", "fourier", "direct"}


def test_crossovers_are_written_beside_the_package_not_into_it(tmp_path: Path) -> None:
    before = CROSSOVERS.read_bytes()
    options = ["--crossovers", "--largest", "2", "--channels", "4", "--rounds", "1"]
    result = CliRunner().invoke(app, ["bench", "product", *options, "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert str(CROSSOVERS) in result.output
    assert CROSSOVERS.read_bytes() == before
    content = json.loads((tmp_path / "crossovers.json").read_text())
    assert [set(row) for row in content["microseconds"]] == [
        {"degree", "grid", "fourier", "direct"}
    ] * 3
    assert content["fastest_up_to_degree"][-1][1] is None


def test_a_method_is_left_for_one_that_is_clearly_faster() -> None:
    times = [
        (0, {"grid": 2.0, "fourier": 3.0, "direct": 1.0}),
        (1, {"grid": 2.0, "fourier": 9.0, "direct": 2.05}),
        (2, {"grid": 3.0, "fourier": 9.0, "direct": 8.0}),
        (4, {"grid": 9.0, "fourier": 8.8}),
        (6, {"grid": 20.0, "fourier": 10.0}),
    ]
    assert crossovers(times) == [("direct", 1), ("grid", 5), ("fourier", None)]


def test_panels_reach_as_far_as_the_figure_of_the_paper() -> None:
    largest = {panel.name: max(panel.nodes) for panel in PANELS}
    assert largest == {"interaction": 14, "convolution": 12, "many_body": 6, "factors": 7}


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    for options, said in (
        (["--panel", "factors", "--largest", "1"], "--largest 1: factors has only larger values"),
        (["--panel", "factor"], "Did you mean 'factors'?"),
        (["--crossovers", "--rounding"], "leave one out"),
        (["--panel", "factors", "--crossovers"], "--crossovers has no panels; leave"),
        (["--panel", "factors", "--rounding"], "--rounding has no panels; leave"),
    ):
        result = CliRunner().invoke(app, ["bench", "product", *options, "-o", str(tmp_path / "o")])
        assert result.exit_code != 0
        assert said in result.output + str(result.exception)
    assert not (tmp_path / "o").exists()


def test_random_tables_of_couplings_are_owned_up_to() -> None:
    def row(degree: int) -> Row:
        return Row("many_body", "degree", degree, 1, {MACE: Measurement(1.0, 1.0, 1.0)})

    assert notes([row(4)]) == []
    assert "random numbers in place of its couplings" in notes([row(4), row(6)])[0]


def test_float32_products_are_exact_to_its_last_digits() -> None:
    """The numbers of gaunt_product's docstring, from `gaunt-md bench product --rounding`."""
    rows = list(measure_rounding(degrees=(2, 6)))
    assert [row.method for row in rows] == ["grid", "fourier", "direct"] * 2
    for row in rows:
        assert 3e-8 < row.rms < 4e-7
        assert row.rms < row.largest < 1e-5
        assert 0 < row.largest_in_double < 2e-13


def test_growth_is_the_exponent_between_degrees_6_and_14() -> None:
    def row(degree: int) -> Row:
        measurement = Measurement(forward=1.0, training=float(degree) ** 3, memory=1.0)
        return Row("interaction", "degree", degree, 1, {f"{OURS}fourier": measurement})

    assert growth_of_fourier([row(6), row(8), row(14)]) == pytest.approx(3)
    assert growth_of_fourier([row(6), row(8)]) is None
