"""The Lightning module: one step of training, the averaged weights, and validation."""

from __future__ import annotations

import copy
import math
import time
from typing import Any

import lightning
import torch
from torch import Tensor

from ..data.graph import evaluate
from ..errors import GauntError
from ..model import Potential
from .config import TrainingOptions
from .dataset import Batch
from .evaluate import Comparison, compare_batch, join_comparisons
from .loss import loss, share_of_energies
from .optimiser import Soap


class TrainingModule(lightning.LightningModule):
    """A potential in training, and the moving average of its weights that is validated and kept.

    Everything that decides how a training goes on is in its state: weights, their average, the
    running loss of the epoch and the history. There is no random state, because nothing draws
    random numbers after the first weights (see `dataset.Shuffled`).

    Parameters
    ----------
    potential : Potential
    options : TrainingOptions
    steps : int
        Steps of the whole training, for the learning rate.
    record : dict
        What `export` must know besides the weights, JSON-able; stored in every checkpoint.
    """

    epoch_loss: Tensor
    """Sum of the losses of the epoch, at full weights, and their number."""

    def __init__(
        self, potential: Potential, options: TrainingOptions, steps: int, record: dict[str, Any]
    ) -> None:
        super().__init__()
        self.potential = potential
        self.averaged = copy.deepcopy(potential).requires_grad_(False)
        self.options = options
        self.steps = steps
        self.record = record
        self.history: list[dict[str, float | None]] = []
        self.register_buffer("epoch_loss", torch.zeros(2, dtype=torch.float64))
        self.seconds_before = 0.0
        self.started = time.monotonic()
        self._validation_losses: list[float] = []
        self._comparisons: list[Comparison] = []

    @property
    def scale(self) -> float:
        """Root mean square force component of the training data, eV/Å."""
        return self.potential.energy_scale

    @property
    def seconds(self) -> float:
        """Time spent in training, resumed parts included."""
        return self.seconds_before + time.monotonic() - self.started

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch, and note the one at full weights.

        Raises
        ------
        GauntError
            If it is not finite.
        """
        evaluation = evaluate(self.potential, batch.graph, create_graph=True)
        share = share_of_energies(self.trainer.global_step / self.steps, self.options)
        value = loss(evaluation, batch, self.options, self.scale, share)
        self._refuse_divergence(value)
        with torch.no_grad():  # what is shown beside the validation, whose weights are full
            full = loss(evaluation, batch, self.options, self.scale)
            self.epoch_loss += torch.stack([full, torch.ones_like(full)])
        return value

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Look at the gradients, which may be infinite where the loss is not.

        Raises
        ------
        GauntError
            If one is not finite.
        """
        for parameter in self.potential.parameters():
            if parameter.grad is not None:
                self._refuse_divergence(parameter.grad)

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """Make a step, then move the averaged weights after it."""
        super().optimizer_step(*arguments, **options)
        done = self.trainer.global_step
        decay = min(self.options.average_decay, (1 + done) / (10 + done))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.averaged.parameters()), list(self.potential.parameters()), 1 - decay
            )

    def configure_optimizers(self) -> Any:
        """Return the optimiser and its learning rate by steps: linear rise, cosine decay."""
        options, parameters = self.options, self.potential.parameters()
        sizes: dict[str, Any] = {
            "lr": options.learning_rate,
            "weight_decay": options.weight_decay,
        }
        optimizer = (
            Soap(parameters, **sizes)
            if options.optimiser == "soap"
            else torch.optim.AdamW(parameters, amsgrad=True, **sizes)
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_train_start(self) -> None:
        """Start the clock, after a checkpoint has been read."""
        self.started = time.monotonic()

    def on_validation_epoch_start(self) -> None:
        """Forget the previous validation."""
        self._validation_losses, self._comparisons = [], []

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Compare the averaged potential with a batch.

        Raises
        ------
        GauntError
            If its loss is not finite.
        """
        evaluation = evaluate(self.averaged, batch.graph)
        value = loss(evaluation, batch, self.options, self.scale)
        self._refuse_divergence(value)
        self._validation_losses.append(float(value) * len(batch.sizes))
        self._comparisons.append(compare_batch(evaluation, batch))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is neither weights nor optimiser."""
        checkpoint["gaunt_md"] = {
            "record": self.record,
            "history": self.history,
            "seconds": self.seconds,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        self.history = checkpoint["gaunt_md"]["history"]
        self.seconds_before = checkpoint["gaunt_md"]["seconds"]

    def transfer_batch_to_device(self, batch: Batch, device: Any, dataloader_idx: int) -> Batch:
        """Leave the batch where it is: training runs on the processor."""
        return batch

    def finish_epoch(self) -> None:
        """Add a row to the history."""
        total, batches = self.epoch_loss.tolist()
        self.epoch_loss.zero_()
        row: dict[str, float | None] = {
            "epoch": self.trainer.current_epoch + 1,
            "step": self.trainer.global_step,
            "train_loss": total / batches,
        }
        if self._comparisons:
            comparison = join_comparisons(self._comparisons)
            row["validation_loss"] = sum(self._validation_losses) / len(comparison.energies)
            row |= comparison.errors().summary()
        row["learning_rate"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        row["seconds"] = self.seconds
        self.history.append(row)

    def _refuse_divergence(self, value: Tensor) -> None:
        if not value.isfinite().all():
            raise GauntError(
                f"the loss or its gradient is no longer finite at step {self.trainer.global_step}; "
                f"choose a lower training.learning_rate than {self.options.learning_rate} and "
                "another output"
            )

    def _learning_rate_factor(self, step: int) -> float:
        rise = math.ceil(self.options.warmup_fraction * self.steps)
        if step < rise:
            return (step + 1) / rise
        done = (step - rise) / max(1, self.steps - rise)
        final = self.options.final_learning_rate / self.options.learning_rate
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
