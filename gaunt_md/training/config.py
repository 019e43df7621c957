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
        description="Files that decide which epoch is kept; empty: a part of the training data is "
        "set aside for that.",
    )
    test: list[Path] = Field(
        default=[],
        description="Files on which the errors of the finished potential are computed; they have "
        "no part in the training.",
    )
    validation_fraction: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="Part of the training structures set aside where no validation file is given.",
    )
    energy_key: str | None = Field(
        default=None,
        description="Name of the total energies in the files, eV; null: look for the usual names, "
        "such as energy or REF_energy.",
    )
    forces_key: str | None = Field(
        default=None,
        description="Name of the forces, eV/Å; null: look for the usual names, such as forces or "
        "REF_forces.",
    )
    stress_key: str | None = Field(
        default=None,
        description="Name of the stress, eV/Å^3, tension positive; null: look for the usual names, "
        "such as stress or REF_stress. Stresses may be missing.",
    )
    reference_energies: dict[str, float] = Field(
        default={},
        description="Energy of an isolated atom of each element, eV, e.g. {Si: -0.82}; elements "
        "that are not named get that of an isolated atom in the data, or else one fitted to the "
        "energies by least squares.",
    )
    weights: dict[str, float] = Field(
        default={},
        description="Factor on the loss of the structures with this config_type, e.g. "
        "{Elastic: 2.0}; 1 for all others.",
    )
    licence: str = Field(
        default="not stated", description="Licence of the data, written into the potential."
    )


class ModelOptions(_Section):
    """The potential; its scales and reference energies come from the data."""

    cutoff: float = Field(default=5.0, gt=0, description="How far atoms see each other, Å.")
    channels: int = Field(
        default=32,
        ge=1,
        description="Width of the network: how many features of each degree and order atoms have.",
    )
    layers: int = Field(
        default=2,
        ge=1,
        description="Number of message-passing layers; the potential sees as far as layers times "
        "cutoff.",
    )
    hidden_degree: int = Field(
        default=1,
        ge=0,
        description="Highest degree of the features that a layer hands to the next one: 0 for "
        "scalars alone, 1 for vectors too.",
    )
    filter_degree: int = Field(
        default=3,
        ge=0,
        description="Highest degree of the spherical harmonics that describe an atom's "
        "neighbourhood.",
    )
    correlation: int = Field(
        default=3,
        ge=1,
        description="Number of factors of the many-body product; 3 gives terms of up to four "
        "bodies.",
    )
    radial_functions: int = Field(
        default=8, ge=1, description="Number of Bessel functions of the distance."
    )
    radial_width: int = Field(
        default=32,
        ge=1,
        description="Width of the hidden layers of the networks that make radial functions of "
        "them.",
    )
    core_repulsion: bool = Field(
        default=True,
        description="Add the screened repulsion of the nuclei (Ziegler, Biersack, Littmark), which "
        "keeps atoms apart where there are no data.",
    )
    dtype: Literal["float32", "float64"] = Field(
        default="float32", description="Precision of the network; geometry and sums are float64."
    )


class TrainingOptions(_Section):
    """How to train."""

    start_from: Path | None = Field(
        default=None,
        description="Checkpoint, NAME.ckpt, of a training whose potential is trained further; "
        "null: start from random parameters. Model options that are left out are those of the "
        "checkpoint. With a learning_rate of 0.003 instead of 0.03 the potential changes gently.",
    )
    epochs: int = Field(default=200, ge=1, description="Passes over the training data.")
    batch_size: int = Field(default=2, ge=1, description="Structures per step.")
    optimiser: Literal["soap", "adamw"] = Field(
        default="soap",
        description="soap takes steps in the eigenvectors of the gradients' correlations and needs "
        "a fraction of the steps of adamw, for which 0.01 is a good learning_rate.",
    )
    learning_rate: float = Field(
        default=0.03, gt=0, description="Highest learning rate; it first rises, then falls."
    )
    final_learning_rate: float = Field(
        default=1e-5, ge=0, description="Learning rate at the end; it falls along a cosine."
    )
    warmup_fraction: float = Field(
        default=0.02, ge=0, lt=1, description="Part of all steps in which the learning rate rises."
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        description="Part of the parameters, times the learning rate, that is lost in each step.",
    )
    gradient_clip: float = Field(
        default=10.0,
        gt=0,
        description="Largest norm of the gradient; larger ones are scaled down to it.",
    )
    energy_weight: float = Field(
        default=40.0,
        ge=0,
        description="Weight in the loss of the mean squared error of energies, in (eV/atom)^2.",
    )
    forces_weight: float = Field(
        default=1.0,
        ge=0,
        description="Weight of the mean squared error of force components, in (eV/Å)^2.",
    )
    stress_weight: float = Field(
        default=0.1,
        ge=0,
        description="Weight of the mean squared error of stress components times volume per atom, "
        "in (eV/atom)^2; only structures with a stress count.",
    )
    forces_first: float = Field(
        default=0.5,
        ge=0,
        le=0.8,
        description="Part of all steps that learn mostly from forces, with a hundredth of the "
        "weights of energies and stresses; then these weights rise, to be complete after nine "
        "tenths of all steps.",
    )
    average_decay: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        description="What is validated and kept is a moving average of the parameters; this is the "
        "part of itself that it retains in each step.",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="Stop after so many epochs without a better validation; null: never.",
    )
    seed: int = Field(
        default=1,
        ge=0,
        description="Decides first parameters, choice of validation structures and order of data.",
    )

    @model_validator(mode="after")
    def _something_to_learn(self) -> TrainingOptions:
        if self.energy_weight == self.forces_weight == 0:
            raise ValueError("energy_weight and forces_weight are both 0: nothing to learn from")
        return self


class Configuration(_Section):
    """A training from data to potential."""

    name: str | None = Field(
        default=None, description="Name of the potential; null: that of the first data file."
    )
    output: Path | None = Field(
        default=None,
        description="Folder for checkpoints, curves and potential; null: one called like the "
        "potential.",
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
