"""A wrong key is named with its path and its nearest match; the printed example is valid."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gaunt_md.cli.main import app
from gaunt_md.errors import InputError
from gaunt_md.model import Potential
from gaunt_md.resources import resource_folder
from gaunt_md.training.config import (
    ModelOptions,
    commented_yaml,
    load_configuration,
    parse_configuration,
)

DATA = {"train": "a.xyz"}


def test_the_printed_configuration_is_valid_and_holds_the_defaults() -> None:
    printed = CliRunner().invoke(app, ["config"]).output
    assert printed == commented_yaml()
    configuration = parse_configuration(yaml.safe_load(printed))
    assert configuration == parse_configuration({"data": {"train": "train.xyz"}})


def test_every_key_is_explained() -> None:
    lines = commented_yaml().splitlines()
    keys = [k for k, line in enumerate(lines) if line.strip()[:1] not in ("", "#")]
    unexplained = [lines[k] for k in keys if "#" not in lines[k] and "#" not in lines[k - 1]]
    assert unexplained == []


def test_the_schema_for_editors_knows_every_section() -> None:
    schema = json.loads(CliRunner().invoke(app, ["config", "--schema"]).output)
    assert set(schema["properties"]) == {"name", "output", "data", "model", "training"}
    assert schema["additionalProperties"] is False


def test_model_options_are_those_of_the_potential() -> None:
    parameters = inspect.signature(Potential).parameters
    for name, field in ModelOptions.model_fields.items():
        assert parameters[name].default == field.default
    from_data = {"elements", "average_neighbours", "energy_scale", "reference_energies"}
    assert set(parameters) == from_data | set(ModelOptions.model_fields)


WRONG = {
    "mistyped key": (
        {"data": DATA, "training": {"learning_rat": 0.1}},
        r"unknown key 'training.learning_rat'. Did you mean 'learning_rate'\?",
    ),
    "mistyped section": ({"data": DATA, "modle": {}}, r"unknown key 'modle'. Did you mean 'model'"),
    "wrong type": (
        {"data": DATA, "training": {"epochs": "many"}},
        "training.epochs: input should be a valid integer.*got 'many'",
    ),
    "out of range": ({"data": DATA, "model": {"cutoff": -1}}, "model.cutoff: .*greater than 0"),
    "no data": ({}, "key 'data' is missing"),
    "no training file": ({"data": {"validation": "b.xyz"}}, "key 'data.train' is missing"),
    "section without keys": ({"data": "a.xyz"}, "data: .*got 'a.xyz'"),
    "nothing to learn": (
        {"data": DATA, "training": {"energy_weight": 0, "forces_weight": 0}},
        "nothing to learn from",
    ),
}


@pytest.mark.parametrize(("values", "complaint"), WRONG.values(), ids=WRONG)
def test_wrong_values_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_configuration(values)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InputError, match=r"training\.epoch.*model\.chanels|model.*training"):
        parse_configuration({"data": DATA, "training": {"epoch": 3}, "model": {"chanels": 8}})


def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gaunt-md config"):
        load_configuration(tmp_path / "nowhere.yaml")
    (tmp_path / "a.yaml").write_text("data: [1, 2\nmodel:")
    with pytest.raises(InputError, match="is not YAML"):
        load_configuration(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("just words")
    with pytest.raises(InputError, match="holds no keys"):
        load_configuration(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    "path", sorted(resource_folder("potentials").glob("configs/*.yaml")), ids=lambda x: x.name
)
def test_the_configurations_of_the_shipped_potentials_are_valid(path: Path) -> None:
    parse_configuration(load_configuration(path))
