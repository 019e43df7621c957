"""`--config FILE` and `gaunt-md config VERB`, for any verb."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from gaunt_md.cli.config import config as config_verb
from gaunt_md.cli.main import app as gaunt_md
from gaunt_md.cli.settings import ConfigFile
from gaunt_md.errors import InputError

given: dict[str, Any] = {}


class Shape(StrEnum):
    ROUND = "round"
    FLAT = "flat"


def cook(
    dish: Annotated[Path, typer.Argument(help="What to cook.")],
    heat: Annotated[float, typer.Option(help="Temperature, K.")] = 400.0,
    salt: Annotated[
        float | None, typer.Option(help="Salt, g.", show_default="by the weight")
    ] = None,
    people: Annotated[int, typer.Option("--people", "-n", help="Who eats.")] = 2,
    side_dish: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    shape: Annotated[Shape, typer.Option(help="Of the plate.")] = Shape.ROUND,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigFile = None,
) -> None:
    """Cook."""
    given.update(
        dish=dish,
        heat=heat,
        salt=salt,
        people=people,
        side_dish=side_dish,
        shape=shape,
        as_json=as_json,
    )


def eat() -> None:
    """Eat."""


app = typer.Typer()
for verb in (cook, eat, config_verb):
    app.command()(verb)


def run(*arguments: str | Path) -> str:
    given.clear()
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cook.yaml"


def test_a_printed_configuration_changes_nothing(file: Path):
    run("cook", "soup")
    defaults = dict(given)
    file.write_text(run("config", "cook"))
    run("cook", "soup", "--config", file)
    assert given == defaults


def test_a_printed_configuration_has_every_key_with_its_meaning():
    text = run("config", "cook")
    assert yaml.safe_load(text) == {
        "dish": None,
        "heat": 400.0,
        "salt": None,
        "people": 2,
        "side_dish": None,
        "shape": "round",
        "json": False,
    }
    assert "# Temperature, K.\nheat: 400.0\n" in text
    assert "# Salt, g. Default: by the weight.\n" in text
    assert "# Of the plate. One of round, flat.\n" in text
    assert "# What to cook. Must be given, here or on the command line.\ndish: null" in text


def test_values_of_every_type_are_read(file: Path):
    file.write_text(
        "dish: soup\nheat: 1e-3\nsalt: 2\npeople: 4\nside-dish: [bread, 5]\nshape: flat\njson: yes"
    )
    run("cook", "--config", file)
    assert given == {
        "dish": Path("soup"),
        "heat": 1e-3,
        "salt": 2.0,
        "people": 4,
        "side_dish": ["bread", "5"],
        "shape": Shape.FLAT,
        "as_json": True,
    }


def test_the_command_line_overrides_the_file(file: Path):
    file.write_text("heat: 500\npeople: 4\nside_dish: bread")
    run("cook", "soup", "--config", file, "-n", "3")
    assert (given["heat"], given["people"], given["side_dish"]) == (500.0, 3, ["bread"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("heta: 500", r"unknown key 'heta' in '.*cook.yaml'. Did you mean 'heat'\?"),
        ("people: [1, 2]", r"people in '.*cook.yaml' is \[1, 2\]; one value is expected"),
        ("[heat]", "holds no keys; `gaunt-md config cook` prints a valid one"),
        ("heat: [", "is not YAML"),
        ("config: other.yaml", "unknown key 'config'"),
    ],
)
def test_what_is_wrong_is_named(file: Path, content: str, message: str):
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        run("cook", "soup", "--config", file)


def test_a_missing_file_is_named(file: Path):
    with pytest.raises(InputError, match=r"no configuration '.*cook.yaml'"):
        run("cook", "soup", "--config", file)


def test_a_value_of_another_type_is_refused_as_on_the_command_line(file: Path):
    file.write_text("people: 2.5")
    in_file = CliRunner().invoke(app, ["cook", "soup", "--config", str(file)])
    on_line = CliRunner().invoke(app, ["cook", "soup", "--people", "2.5"])
    assert in_file.exit_code == on_line.exit_code == 2
    assert "valid integer" in in_file.output
    assert in_file.output == on_line.output


def test_verbs_without_options_in_files_are_told_apart():
    with pytest.raises(InputError, match=r"no configuration for 'eat'.* train, cook"):
        run("config", "eat")


def test_a_training_is_what_is_configured_if_nothing_is_said():
    plain = CliRunner().invoke(gaunt_md, ["config"]).stdout
    assert plain == CliRunner().invoke(gaunt_md, ["config", "train"]).stdout
    assert "train" in yaml.safe_load(plain)["data"]
