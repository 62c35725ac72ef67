"""Prepared images -> the network's outputs.

Images are stacked where that is allowed, and tried each for itself where a stack fails.
"""

import gc
import logging
import time
from collections.abc import Sequence
from typing import Any

import torch

from handler.errors import HandlerError, InternalError, OutOfMemory
from handler.model import Model
from handler.model_input import ModelInput
from handler.outcome import Outcome

log = logging.getLogger(__name__)

Output = dict[str, Any]


def run_batch(
    model: Model, inputs: Sequence[Outcome[ModelInput]], *, stack: int
) -> tuple[list[Outcome[Output]], list[float]]:
    """Run the network over a batch; errors among the inputs are passed through.

    Args:
        model: The network.
        inputs: Prepared images.
        stack: Most images of one forward pass; 1 gives the bits that Detectron2 gives.

    Returns:
        For each input, Detectron2's output dictionary or an error, and the milliseconds that the
        forward pass took which it was part of.
    """
    outputs: dict[int, Outcome[Output]] = {
        index: item for index, item in enumerate(inputs) if isinstance(item, HandlerError)
    }
    durations = [0.0] * len(inputs)
    for group in _stackable(model, inputs, stack):
        start = time.perf_counter()
        outputs.update(zip(group, _forward(model, list(group.values())), strict=True))
        passed = (time.perf_counter() - start) * 1000
        for index in group:
            durations[index] = passed
    return [outputs[index] for index in range(len(inputs))], durations


def _stackable(
    model: Model, inputs: Sequence[Outcome[ModelInput]], stack: int
) -> list[dict[int, ModelInput]]:
    """The inputs that may share a forward pass, group by group, keyed by their index."""
    by_size: dict[tuple[int, int], list[tuple[int, ModelInput]]] = {}
    for index, item in enumerate(inputs):
        if isinstance(item, ModelInput):
            by_size.setdefault(model.padded_size_hw(item), []).append((index, item))
    return [
        dict(items[start : start + stack])
        for items in by_size.values()
        for start in range(0, len(items), stack)
    ]


def _forward(model: Model, group: list[ModelInput]) -> list[Outcome[Output]]:
    """Run one group; where it fails, its halves, until each image has failed or not by itself."""
    try:
        return list(model.predict(group))
    except torch.cuda.OutOfMemoryError as error:
        log.warning("Out of memory with %d images: %s", len(group), error)
    except Exception:
        if len(group) == 1:
            failure = InternalError()
            log.exception("%s: the forward pass failed", failure.id)
            return [failure]
        log.exception("A forward pass of %d images failed; each is tried by itself", len(group))
        return [output for item in group for output in _forward(model, [item])]
    # Outside of the except clauses, where the error no longer holds on to the tensors.
    _free_memory()
    if len(group) == 1:
        height, width = group[0].size_hw
        return [
            OutOfMemory(
                f"The image of {width} x {height} pixels does not fit into the memory of the "
                "server's device by itself; send a smaller one."
            )
        ]
    half = len(group) // 2
    return [*_forward(model, group[:half]), *_forward(model, group[half:])]


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
