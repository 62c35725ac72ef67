"""Training hooks that Detectron2 lacks: early stopping, resumable best weights, a progress bar."""

from __future__ import annotations

import math
from typing import Any

from detectron2.engine import HookBase, hooks
from detectron2.utils import comm
from fvcore.common.checkpoint import Checkpointer
from tqdm import tqdm


class TrainingStopped(BaseException):
    """Ends training early without being an error.

    It derives from `BaseException`, as `KeyboardInterrupt` does, because Detectron2's training
    loop logs every `Exception` with a traceback; hooks still run their `after_train`.
    """


class PeriodicEvaluation(hooks.EvalHook):
    """Detectron2's evaluation, but also the last one happens after a step and not after training.

    So the hooks behind it (best checkpoint, early stopping, last checkpoint) see every result.
    """

    def __init__(self, period: int, function: Any) -> None:
        """Prepare the hook; `function` returns a nested dictionary of numbers."""
        super().__init__(period, function, eval_after_train=False)

    def after_step(self) -> None:
        """Evaluate, where this iteration is due."""
        if is_due(self.trainer, self._period):
            self._do_eval()


class BestWeights(hooks.BestCheckpointer):
    """Keeps the weights with the highest validation metric; survives an interruption."""

    def after_step(self) -> None:
        """Compare, where this iteration was evaluated."""
        if is_due(self.trainer, self._period):
            self._best_checking()

    def after_train(self) -> None:
        """Do nothing: the last evaluation was compared after its step."""

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far and its iteration."""
        return {"best_metric": self.best_metric, "best_iter": self.best_iter}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the best value of an interrupted training."""
        self.best_metric, self.best_iter = state["best_metric"], state["best_iter"]


class WeightsOnlyCheckpointer(Checkpointer):
    """Saves the bare state dictionary, and leaves the mark of the checkpoint to resume from."""

    def save(self, name: str, **_: Any) -> None:
        """Write `<name>.pth` with the single key `model`."""
        super().save(name)

    def tag_last_checkpoint(self, last_filename_basename: str) -> None:
        """Do nothing: training cannot resume from weights alone."""


class EarlyStopping(HookBase):
    """Ends training when a metric has not risen for a number of evaluations.

    The decision falls after an evaluation and takes effect before the next step, so that the
    hooks of the evaluated step (checkpoints, writers) are complete.
    """

    def __init__(self, period: int, metric: str, patience: int) -> None:
        """Prepare the hook.

        Args:
            period: number of iterations between two evaluations.
            metric: name of the metric in the trainer's storage; higher is better.
            patience: number of evaluations in a row without a new best that end training.

        Raises:
            ValueError: `patience` is below 1.
        """
        if patience < 1:
            raise ValueError(f"Patience must be at least 1 evaluation; {patience} was given.")
        self._period = period
        self._metric = metric
        self._patience = patience
        self.best = -math.inf
        self.stale = 0

    def before_step(self) -> None:
        """Stop all processes together, once the main one has lost patience.

        Raises:
            TrainingStopped: the metric has not risen for `patience` evaluations.
        """
        if any(comm.all_gather(self.stale >= self._patience)):
            raise TrainingStopped(f"{self._metric} has not risen for {self._patience} evaluations.")

    def after_step(self) -> None:
        """Compare the newest value with the best; a value that is not a number never counts."""
        latest = self.trainer.storage.latest().get(self._metric)
        if not is_due(self.trainer, self._period) or latest is None:
            return
        value = latest[0]
        self.stale = 0 if value > self.best else self.stale + 1
        self.best = max(self.best, value) if not math.isnan(value) else self.best

    def state_dict(self) -> dict[str, Any]:
        """Return the best value and the number of evaluations since."""
        return {"best": self.best, "stale": self.stale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of an interrupted training."""
        self.best, self.stale = state["best"], state["stale"]


class ProgressBar(HookBase):
    """Shows a bar with the total loss where the error stream is a terminal."""

    def before_train(self) -> None:
        """Open the bar at the first iteration of this run."""
        trainer = self.trainer
        self._bar = tqdm(
            total=trainer.max_iter,
            initial=trainer.start_iter,
            desc="training",
            unit="it",
            disable=None,
        )

    def after_step(self) -> None:
        """Advance by one iteration."""
        loss = self.trainer.storage.latest()["total_loss"][0]
        self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._bar.update()

    def after_train(self) -> None:
        """Close the bar."""
        self._bar.close()


def is_due(trainer: Any, period: int) -> bool:
    """Tell whether the current iteration is one after which the model is evaluated."""
    done = trainer.iter + 1
    return done % period == 0 or done == trainer.max_iter
