"""One training from configuration to potential file, begun or gone on with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import torch
from ase import Atoms
from rich.console import Console

from ..data.read import (
    LabelKeys,
    LabelledStructure,
    read_labelled,
    read_with_keys,
    without_isolated_atoms,
)
from ..errors import InputError
from ..files import require_folder, write_whole
from ..model import Potential
from .callbacks import (
    Checkpoints,
    History,
    Stopping,
    TrainingStopped,
    is_finished,
)
from .card import card
from .checkpoints import CheckpointError, SealedCheckpoints, load_checkpoint
from .config import Configuration, parse_configuration
from .dataset import InOrder, Shuffled
from .evaluate import compare
from .folder import TrainingFolder
from .lightning_settings import deterministic, quiet_lightning
from .module import TrainingModule
from .parameters import averaged_potential, potential_with
from .prepare import TrainingData, asked_keys, prepare, required_labels
from .quantities import UNITS, sentence
from .report import Report
from .start import StartingPoint, read_start, resumed_start

VALIDATION_BATCH = 8


def train(configuration: Configuration, console: Console, minutes: float | None = None) -> Path:
    """Train a potential, or go on where the folder's newest checkpoint ends.

    Parameters
    ----------
    configuration : Configuration
    console : Console
        Where tables and progress go.
    minutes : float
        Stop, resumably, after this time.

    Returns
    -------
    Path
        The exported potential.

    Raises
    ------
    InputError
        If data or folder cannot be used.
    CheckpointError
        If there are checkpoints in the folder, but none to go on from.
    TrainingStopped
        If a signal or the time ended the training early; its checkpoint is saved.
    """
    stopping = Stopping(minutes)
    folder = TrainingFolder(configuration)
    with folder.lock():
        latest = folder.latest()
        start = _start(configuration, latest)
        if start:
            folder.configuration = configuration = start.completed(configuration)
        folder.refuse_another()
        options = configuration.training
        if latest and is_finished(
            latest[1]["gaunt_md"]["history"], options.epochs, options.patience
        ):
            if folder.potential.exists():
                console.print(f"this training is finished: {folder.potential}", highlight=False)
                return folder.potential
            return _finish(folder, console)
        data = prepare(configuration, console, start)
        if latest:
            record = latest[1]["gaunt_md"]["record"]
            _refuse_changed_data(record, data.record)
            data = _with_scales_of(record, data)
            console.print(f"going on from {latest[0]}", highlight=False)
        folder.record_configuration()
        _fit(configuration, data, start, folder, stopping, console, latest[0] if latest else None)
        return _finish(folder, console)


def export(checkpoint: Path, path: Path, test: Sequence[Path] = ()) -> dict[str, Any]:
    """Write the averaged potential of a checkpoint as a potential file, and its card beside.

    Parameters
    ----------
    checkpoint, path : Path
    test : sequence of Path
        Data whose errors are written into the file beside those of the validation.

    Returns
    -------
    dict
        The errors by data set, in the units of their names.

    Raises
    ------
    CheckpointError
        If the checkpoint is missing or damaged.
    InputError
        If it is from before the end of the first epoch, the test data cannot be used, or there is
        no folder for ``path``.
    """
    require_folder(path)
    from .. import potential_file

    content = load_checkpoint(checkpoint)
    ours = content["gaunt_md"]
    record, history = ours["record"], ours["history"]
    if not history:
        raise InputError(f"'{checkpoint}' is from the first epoch; train at least one whole epoch")
    potential = averaged_potential(content, str(checkpoint)).eval().requires_grad_(False)
    errors = {"validation": {name: history[-1].get(name) for name in UNITS}}
    if test:
        errors["test"] = compare(potential, _read_test(test, record)).errors().summary()
    potential_file.save(
        potential,
        path,
        reference=Atoms(**record["reference"]),
        description={
            "name": record["name"],
            "licence": record["configuration"]["data"]["licence"],
            "errors": errors,
            "shortest_distances": record["shortest_distances"],
            "training": {
                "data": record["data"],
                "structures": record["structures"],
                **{key: record[key] for key in ("started_from",) if key in record},
                "epochs": len(history),
                "minutes": round(ours["seconds"] / 60, 1),
                "configuration": record["configuration"],
            },
        },
    )
    text = card(potential_file.read_manifest(path))
    write_whole(path.with_suffix(".md"), text.encode())
    return errors


def _read_test(paths: Sequence[Path], record: dict[str, Any]) -> list[LabelledStructure]:
    configuration = parse_configuration(record["configuration"])
    required = required_labels(configuration)
    if "keys" in record:
        structures = read_with_keys(paths, LabelKeys(**record["keys"]), required)
    else:  # a checkpoint from before the names found were recorded
        structures, _ = read_labelled(paths, asked_keys(configuration), required)
    return without_isolated_atoms(structures, required)


def _start(
    configuration: Configuration, latest: tuple[Path, dict[str, Any]] | None
) -> StartingPoint | None:
    """Return what to start from; None: random parameters."""
    source = configuration.training.start_from
    if source is None:
        return None
    if latest and "started_from" in latest[1]["gaunt_md"]["record"]:
        return resumed_start(latest[1], latest[0])
    return read_start(source)


def _fit(
    configuration: Configuration,
    data: TrainingData,
    start: StartingPoint | None,
    folder: TrainingFolder,
    stopping: Stopping,
    console: Console,
    checkpoint: Path | None,
) -> None:
    options = configuration.training
    hyperparameters = {**data.hyperparameters, **configuration.model.model_dump()}
    if start:
        trained = dict(start.potential.named_parameters())
        potential = potential_with(hyperparameters, trained, start.source)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            potential = Potential(**hyperparameters)
    batches = Shuffled(data.train, options.batch_size, options.seed, lambda: trainer.global_step)
    module = TrainingModule(potential, options, options.epochs * len(batches), data.record)
    parameters = sum(p.numel() for p in potential.parameters())
    console.print(f"{parameters} parameters, {len(batches)} steps per epoch", highlight=False)
    with quiet_lightning(), deterministic():
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=options.epochs,
            gradient_clip_val=options.gradient_clip,
            callbacks=[
                History(),
                Report(console),
                Checkpoints(folder, stopping, options.patience),
            ],
            plugins=[SealedCheckpoints()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            inference_mode=False,
            default_root_dir=folder.path,
        )
        validation = InOrder(data.validation, VALIDATION_BATCH) if data.validation else None
        try:
            trainer.fit(module, batches, validation, ckpt_path=checkpoint)
        except TrainingStopped as stop:
            message = (
                f"stopped after step {trainer.global_step} of {module.steps}: {stop}. Saved "
                f"{folder.checkpoint_paths()[0]}; the same command goes on from there"
            )
            if folder.best.exists():
                message += f". For a potential now: gaunt-md export {folder.best} -o NAME.pt"
            raise TrainingStopped(message) from None
        finally:
            stopping.restore()


def _finish(folder: TrainingFolder, console: Console) -> Path:
    """Export the best epoch and print its errors."""
    checkpoint = folder.best
    try:
        history = load_checkpoint(checkpoint)["gaunt_md"]["history"]
    except CheckpointError as error:
        warnings.warn(f"{error}; exporting the last epoch instead", stacklevel=2)
        checkpoint = folder.checkpoint_paths()[0]
        history = load_checkpoint(checkpoint)["gaunt_md"]["history"]
    errors = export(checkpoint, folder.potential, folder.configuration.data.test)
    console.print(f"potential of epoch {len(history)}: {folder.potential}", highlight=False)
    for data, values in errors.items():
        for name, value in values.items():
            if value is not None:
                console.print(f"  {data}: {sentence(name, value)}", highlight=False)
    return folder.potential


def _with_scales_of(record: dict[str, Any], data: TrainingData) -> TrainingData:
    """Return the data with the scales that the parameters of a checkpoint were trained with.

    Other versions took others from the same data.
    """
    theirs = {**data.record["hyperparameters"], **record["hyperparameters"]}
    return replace(
        data,
        hyperparameters={name: theirs[name] for name in data.hyperparameters},
        record={**data.record, "hyperparameters": theirs},
    )


def _refuse_changed_data(theirs: dict[str, Any], mine: dict[str, Any]) -> None:
    for before, now in zip(theirs["data"], mine["data"], strict=True):
        if before["sha256"] != now["sha256"]:
            raise InputError(
                f"data file '{now['file']}' has changed since this training began; restore it or "
                "choose another --output"
            )
