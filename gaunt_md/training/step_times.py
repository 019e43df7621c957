"""How long the steps of a training take."""

from __future__ import annotations

import time
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from rich.console import Console

from ..model import Potential
from .config import Configuration
from .dataset import Shuffled
from .lightning_settings import deterministic, quiet_lightning
from .module import TrainingModule
from .prepare import prepare


class _Clock(Callback):
    """Notes when each step ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.ends.append(time.perf_counter())


def time_steps(configuration: Configuration, steps: int, warm_up: int) -> float:
    """Train some steps, as `run.train` does, and keep nothing but the time.

    Parameters
    ----------
    configuration : Configuration
    steps : int
        Steps that count; an epoch follows the other.
    warm_up : int
        Steps before them, at least one.

    Returns
    -------
    float
        Seconds for all steps that count, joining of batches included.

    Raises
    ------
    InputError
        If the data cannot be used.
    """
    options = configuration.training
    data = prepare(configuration, Console(quiet=True))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        potential = Potential(**data.hyperparameters, **configuration.model.model_dump())
    batches = Shuffled(data.train, options.batch_size, options.seed, lambda: trainer.global_step)
    module = TrainingModule(potential, options, warm_up + steps, data.record)
    clock = _Clock()
    with quiet_lightning(), deterministic():
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=1,
            max_steps=warm_up + steps,
            gradient_clip_val=options.gradient_clip,
            callbacks=[clock],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, batches)
    return clock.ends[-1] - clock.ends[warm_up - 1]
