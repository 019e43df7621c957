"""Help texts: no types of flags, an example each, and defaults that are the real ones."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import typer.main
import typer.models
from typer.testing import CliRunner

from gaunt_md.cli import train
from gaunt_md.cli.groups import ungrouped
from gaunt_md.cli.main import app
from gaunt_md.training.config import ModelOptions, TrainingOptions


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, verb in getattr(command, "commands", {}).items():
        yield from verbs(verb, (*path, name))


def leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what can be run, without the groups."""
    if not hasattr(command, "commands"):
        yield path, command
    for name, verb in getattr(command, "commands", {}).items():
        yield from leaves(verb, f"{path} {name}".strip())


@pytest.mark.parametrize("verb", list(verbs(typer.main.get_command(app))), ids=" ".join)
def test_flags_have_no_type(verb: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*verb, "--help"])
    assert result.exit_code == 0
    assert "--help" in result.output
    assert "bool" not in result.output


@pytest.mark.parametrize(("path", "verb"), list(leaves(typer.main.get_command(app))), ids=str)
def test_every_verb_gives_an_example_of_itself(path: str, verb: Any) -> None:
    assert f"gaunt-md {path}" in verb.help.partition("Example: ")[2]


@pytest.mark.parametrize(("path", "verb"), list(leaves(typer.main.get_command(app))), ids=str)
def test_no_flag_is_cut_off_in_a_narrow_terminal(path: str, verb: Any) -> None:
    result = CliRunner().invoke(app, [*path.split(), "--help"], env={"COLUMNS": "80"})
    words = set(result.output.replace(",", " ").split())
    assert {flag for option in verb.params for flag in option.opts if flag[0] == "-"} <= words


def test_the_defaults_that_train_shows_are_those_of_the_configuration() -> None:
    fields = {**ModelOptions.model_fields, **TrainingOptions.model_fields}
    shown = {
        name: option.show_default
        for name, parameter in inspect.signature(ungrouped(train.train)).parameters.items()
        for option in get_args(parameter.annotation)[1:]
        if isinstance(option, typer.models.OptionInfo)
    }
    # A flag without a default is required or may be left out in a configuration, too.
    assert [name for name, default in shown.items() if default is True] == ["train"]
    numbers = {name: default for name, default in shown.items() if name in fields}
    del numbers["start_from"]
    assert numbers == {name: f"{fields[name].default}" for name in numbers}
    assert len(numbers) == 6
