"""`gaunt-md train`: from labelled structures to a potential file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import EnergyKey, ForcesKey, StressKey

STOPPED = 3
"""Exit status of a training that was stopped and can be gone on with."""


@dataclass(frozen=True)
class DataOptions:
    """The section "data" of a configuration."""

    train: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="File with labelled structures to train on; may be repeated."
        ),
    ] = None
    validation: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="File to validate on; may be repeated.",
            show_default="a twentieth of the training data",
        ),
    ] = None
    energy_key: EnergyKey = None
    forces_key: ForcesKey = None
    stress_key: StressKey = None


@dataclass(frozen=True)
class ModelOptions:
    """The section "model" of a configuration."""

    cutoff: Annotated[
        float | None, typer.Option(help="How far atoms see each other, Å.", show_default="5.0")
    ] = None
    channels: Annotated[
        int | None,
        typer.Option(help="Width of the network; more is slower.", show_default="32"),
    ] = None


@dataclass(frozen=True)
class TrainingOptions:
    """The section "training" of a configuration."""

    start_from: Annotated[
        Path | None,
        typer.Option(
            metavar="CHECKPOINT",
            help="Train the potential of another training further, on other data or for longer; "
            "consider a --learning-rate of 0.003.",
            show_default="random parameters",
        ),
    ] = None
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data.", show_default="200")
    ] = None
    batch_size: Annotated[
        int | None, typer.Option(help="Structures per step.", show_default="2")
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Highest learning rate; it rises and falls.", show_default="0.03"),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(help="Decides first parameters, split and order.", show_default="1"),
    ] = None


def train(
    configuration: Annotated[
        Path | None, typer.Argument(help="YAML configuration; `gaunt-md config` prints one.")
    ] = None,
    *,
    data: DataOptions,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for everything written.",
            show_default="the name",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the potential.", show_default="that of the first file"
        ),
    ] = None,
    model: ModelOptions,
    training: TrainingOptions,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Stop after so many minutes; the same command goes on.", show_default="never"
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of the processor.", show_default="torch's choice")
    ] = None,
) -> None:
    """Train a potential on energies, forces and, where there are any, stresses.

    Options override the configuration.
    Ctrl-C, SIGTERM and --minutes save a checkpoint and leave with status 3;
    the same command then goes on where it stopped.

    Example: gaunt-md train --train my_data.xyz --epochs 100
    """
    require_lightning()
    from ..errors import InputError
    from ..training.config import load_configuration, parse_configuration

    if configuration is None and not data.train:
        raise InputError("give a configuration or --train FILE; `gaunt-md config` prints one")
    values = load_configuration(configuration) if configuration else {}
    _override(values, {"name": name, "output": output})
    for section, options in (("data", data), ("model", model), ("training", training)):
        # Where a file has no section, but nonsense, the parser says so.
        if isinstance(target := values.setdefault(section, {}), dict):
            _override(target, vars(options))
    if configuration and "name" not in values:
        values["name"] = configuration.stem
    parsed = parse_configuration(values)

    import torch
    from rich.console import Console

    from ..training.callbacks import TrainingStopped
    from ..training.run import train as run

    if threads is not None:
        torch.set_num_threads(threads)
    # A log file is not 80 characters wide.
    console = Console(width=None if sys.stdout.isatty() else 110)
    try:
        run(parsed, console, minutes)
    except TrainingStopped as stop:
        console.print(str(stop), highlight=False, soft_wrap=True)
        raise typer.Exit(STOPPED) from None


def require_lightning() -> None:
    """Refuse to go on without the packages of the extra "train".

    Raises
    ------
    InputError
        If Lightning is not installed.
    """
    from ..errors import InputError

    if find_spec("lightning") is None:
        raise InputError("training needs Lightning: pip install lightning")


def _override(values: dict[str, Any], options: dict[str, Any]) -> None:
    """Put the options that were given in place of what a configuration says."""
    values.update({key: value for key, value in options.items() if value not in (None, [])})
