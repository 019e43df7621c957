"""The configuration of a training: every key, its unit, its default, and where it is wrong."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import InputError, closest


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataOptions(_Section):
    """What to train on."""

    train: list[Path] = Field(
        description="Files with labelled structures, extended XYZ or any format that ASE reads."
    )
    validation: list[Path] = Field(
        default=[],
        description="Files to validate on; empty: set aside a part of the training data.",
    )
    test: list[Path] = Field(
        default=[], description="Files that the finished potential is judged by, and nothing else."
    )
    validation_fraction: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="Part of the training structures set aside where no validation file is given.",
    )
    energy_key: str | None = Field(
        default=None, description="Name of the total energies, eV; null: look for the usual names."
    )
    forces_key: str | None = Field(
        default=None, description="Name of the forces, eV/Å; null: look for the usual names."
    )
    stress_key: str | None = Field(
        default=None,
        description="Name of the stress, eV/Å^3, tension positive; null: look for the usual names.",
    )
    reference_energies: dict[str, float] = Field(
        default={},
        description="Energy of an isolated atom of each element, eV, e.g. {Si: -0.82}; where not "
        "given: from isolated atoms in the data, else by least squares.",
    )
    weights: dict[str, float] = Field(
        default={},
        description="Factor on the loss of structures by their config_type, e.g. {Elastic: 2.0}.",
    )
    licence: str = Field(
        default="not stated", description="Licence of the data, written into the potential."
    )


class ModelOptions(_Section):
    """The potential; its other parameters come from the data."""

    cutoff: float = Field(default=5.0, gt=0, description="How far atoms see each other, Å.")
    channels: int = Field(default=32, ge=1, description="Width of the features.")
    layers: int = Field(default=2, ge=1, description="Number of interactions.")
    hidden_degree: int = Field(
        default=1, ge=0, description="Degree of the features between the interactions."
    )
    filter_degree: int = Field(
        default=3, ge=0, description="Degree of the filters and of an atom's neighbourhood."
    )
    correlation: int = Field(
        default=3, ge=1, description="Number of factors of the many-body product."
    )
    radial_functions: int = Field(default=8, ge=1, description="Number of Bessel functions.")
    radial_width: int = Field(
        default=32, ge=1, description="Width of the hidden layers of the radial networks."
    )
    core_repulsion: bool = Field(
        default=True, description="Add the repulsion of the nuclei (Ziegler, Biersack, Littmark)."
    )
    dtype: Literal["float32", "float64"] = Field(
        default="float32", description="Precision of the network; geometry and sums are float64."
    )


class TrainingOptions(_Section):
    """How to train."""

    start_from: Path | None = Field(
        default=None,
        description="Checkpoint, NAME.ckpt, whose potential is trained further; null: start from "
        "random parameters. Model options that are left out are those of the checkpoint. The "
        "learning rate rises to learning_rate again: 0.001 changes the potential gently.",
    )
    epochs: int = Field(default=200, ge=1, description="Passes over the training data.")
    batch_size: int = Field(default=2, ge=1, description="Structures per step.")
    learning_rate: float = Field(default=0.01, gt=0, description="Highest learning rate.")
    final_learning_rate: float = Field(
        default=1e-5, ge=0, description="Learning rate at the end of the cosine decay."
    )
    warmup_fraction: float = Field(
        default=0.02, ge=0, lt=1, description="Part of all steps in which the learning rate rises."
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Decay of the weights (AdamW).")
    gradient_clip: float = Field(
        default=10.0, gt=0, description="Largest norm of the gradient; larger ones are scaled down."
    )
    energy_weight: float = Field(
        default=40.0, ge=0, description="Weight of squared energy errors, per (eV/atom)^2."
    )
    forces_weight: float = Field(
        default=1.0, ge=0, description="Weight of squared force components, per (eV/Å)^2."
    )
    stress_weight: float = Field(
        default=0.1,
        ge=0,
        description="Weight of squared components of stress times volume per atom, per "
        "(eV/atom)^2; counts only where there are stresses.",
    )
    forces_first: float = Field(
        default=0.5,
        ge=0,
        le=0.8,
        description="Part of all steps with a hundredth of the weights of energies and stress; "
        "these then rise and are complete at nine tenths. Forces carry more information.",
    )
    average_decay: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        description="Decay per step of the average of the weights that is validated and kept.",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="Stop after so many epochs without a better validation.",
    )
    seed: int = Field(
        default=1, ge=0, description="Decides first weights, validation split and order of data."
    )

    @model_validator(mode="after")
    def _something_to_learn(self) -> TrainingOptions:
        if self.energy_weight == self.forces_weight == 0:
            raise ValueError("energy_weight and forces_weight are both 0: nothing to learn from")
        return self


class Configuration(_Section):
    """A training from data to potential."""

    name: str | None = Field(
        default=None, description="Name of the potential; null: the name of the first data file."
    )
    output: Path | None = Field(
        default=None, description="Folder for checkpoints, curves and potential; null: the name."
    )
    data: DataOptions
    model: ModelOptions = ModelOptions()
    training: TrainingOptions = TrainingOptions()

    @model_validator(mode="after")
    def _names(self) -> Configuration:
        if not self.data.train:
            raise ValueError("data.train names no file")
        name = self.name or self.data.train[0].stem
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "output", self.output or Path(name))
        return self


def load_configuration(path: Path) -> dict[str, Any]:
    """Read a YAML file as nested dictionaries; `parse_configuration` checks them.

    Raises
    ------
    InputError
        If the file is missing or is no YAML mapping.
    """
    if path.suffix in (".xyz", ".extxyz", ".traj", ".db"):
        raise InputError(f"'{path}' holds data, not a configuration: gaunt-md train --train {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no configuration '{path}'; `gaunt-md config` prints one") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"configuration '{path}' is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"configuration '{path}' holds no keys; `gaunt-md config` prints a valid one"
        )
    return content


def parse_configuration(values: dict[str, Any]) -> Configuration:
    """Check nested dictionaries and fill in the defaults.

    Raises
    ------
    InputError
        Names every wrong key by its dotted path, with the nearest key that exists.
    """
    data = values.get("data")
    if isinstance(data, dict):
        for key in ("train", "validation", "test"):
            if isinstance(data.get(key), str | Path):
                values = {**values, "data": (data := {**data, key: [data[key]]})}
    try:
        return Configuration.model_validate(values)
    except ValidationError as error:
        complaints = [_complaint(details) for details in error.errors()]
        raise InputError("configuration: " + "; ".join(complaints)) from None


def commented_yaml() -> str:
    """Return a valid configuration with every key, its default and its meaning."""
    lines = ["# gaunt-md training configuration. Keys that keep their default may be left out."]
    for name, field in Configuration.model_fields.items():
        section = _section(field.annotation)
        if section is None:
            lines += _entry(name, field.description, field.default, indent="")
            continue
        lines += ["", f"{name}:  # {section.__doc__}"]
        for key, option in section.model_fields.items():
            default = ["train.xyz"] if key == "train" else option.default
            lines += _entry(key, option.description, default, indent="  ")
    return "\n".join(lines) + "\n"


def _entry(key: str, description: str | None, default: Any, indent: str) -> list[str]:
    value = yaml.safe_dump(default, default_flow_style=True).removesuffix("\n...\n").strip()
    return [f"{indent}# {description}", f"{indent}{key}: {value}"]


def _complaint(details: Any) -> str:
    path = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        known = _keys(details["loc"][:-1])
        return (
            f"unknown key '{path}'.{closest(str(details['loc'][-1]), known)} "
            f"Known here: {', '.join(known)}"
        )
    if details["type"] == "missing":
        return f"key '{path}' is missing"
    message = details["msg"].removeprefix("Value error, ")
    if not path:
        return message
    value = details["input"]
    return f"{path}: {message[0].lower()}{message[1:]}; got {value!r}"


def _keys(location: tuple[Any, ...]) -> list[str]:
    section: type[BaseModel] = Configuration
    for part in location:
        section = _section(section.model_fields[part].annotation) or section
    return list(section.model_fields)


def _section(annotation: Any) -> type[BaseModel] | None:
    """Return the section class of a field's annotation, if it is one."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = get_args(annotation)[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, _Section) else None
