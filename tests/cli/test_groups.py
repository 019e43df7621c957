"""Options declared as fields of a dataclass are options like all others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from gaunt_md.cli.plain import Verbs
from gaunt_md.cli.settings import ConfigFile

app = Verbs()
given: list[object] = []


@dataclass(frozen=True)
class Spices:
    salt: Annotated[float, typer.Option("--salt", "-s", min=0.0, help="Salt, g.")] = 1.0
    hot: Annotated[bool, typer.Option("--hot", help="With chili.")] = False


@dataclass(frozen=True)
class Guests:
    people: Annotated[int, typer.Option(help="How many eat.")]


@app.command()
def cook(
    dish: str,
    *,
    spices: Spices,
    seed: int = 1,
    guests: Guests,
    config: ConfigFile = None,
) -> None:
    """Cook for guests."""
    given[:] = dish, spices, seed, guests


@app.command()
def wash() -> None:
    """Have no option."""


def run(*arguments: str) -> str:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "100"}).output


def test_fields_are_options_between_the_others():
    shown = run("cook", "--help")
    places = [shown.index(flag) for flag in ("--salt", "--hot", "--seed", "--people", "--config")]
    assert places == sorted(places)
    assert "Salt, g." in shown
    assert "[default: 1.0]" in shown


def test_a_verb_gets_its_groups():
    assert run("cook", "soup", "-s", "2.5", "--people", "4") == ""
    assert given == ["soup", Spices(salt=2.5), 1, Guests(4)]


def test_values_are_judged_and_what_is_required_is_asked_for():
    assert "Invalid value for '--salt'" in run("cook", "soup", "--people", "4", "-s", "-1")
    assert "Missing option '--people'" in run("cook", "soup")


def test_a_file_of_options_knows_the_fields(tmp_path: Path):
    (tmp_path / "cook.yaml").write_text("hot: true\npeople: 3\n")
    assert run("cook", "soup", "--config", str(tmp_path / "cook.yaml"), "--seed", "7") == ""
    assert given == ["soup", Spices(hot=True), 7, Guests(3)]
