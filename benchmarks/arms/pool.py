"""B1xP: B1 in as many processes as there are cores, one thread each; and B0 likewise."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing import get_context
from typing import Any

from benchmarks.found import Found
from benchmarks.material import Image
from benchmarks.models import ModelFiles
from benchmarks.replies import OK, Ask, Reply

_loaded: list[Any] = []
"""Of a process of the pool: its `Predictors`, and their forward pass alone."""


class PredictorPool:
    """Processes that each have a `DefaultPredictor`."""

    def __init__(
        self,
        files: ModelFiles,
        images: Sequence[Image],
        *,
        processes: int,
        threads: int,
        device: str,
    ) -> None:
        self._executor = ProcessPoolExecutor(
            processes,
            # A forked process would hang in the threads that torch has started here.
            mp_context=get_context("spawn"),
            initializer=_load,
            initargs=(files, images, threads, device),
        )
        self.processes = processes

    def start(self) -> None:
        """Start all processes and let them load."""
        list(self._executor.map(_nothing, range(self.processes * 4)))

    def stop(self) -> None:
        """End them."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    @asynccontextmanager
    async def asking(self, *, forward_alone: bool = False) -> AsyncIterator[Ask]:
        """A function that has an image answered by whichever process is free.

        Args:
            forward_alone: As B0 answers: by the forward pass on an input that lies ready.
        """
        loop = asyncio.get_running_loop()
        answer = _forward if forward_alone else _predict

        async def ask(index: int) -> Reply:
            return Reply(OK, await loop.run_in_executor(self._executor, answer, index))

        yield ask


def reader_of(expected: Sequence[Found]) -> Callable[[bytes], Found]:
    """A function that reads what a process sends back, where it is one of the expected answers.

    That is boxes, scores and classes; the masks are taken from the expected answer. To send them,
    or to look at each of their pixels, would cost more than a server's answer does.
    """
    return {sent(found): found for found in expected}.__getitem__


def sent(found: Found) -> bytes:
    """What a process sends back that has found this."""
    return b"".join(a.tobytes() for a in (found.boxes, found.scores, found.class_ids))


def _load(files: ModelFiles, images: Sequence[Image], threads: int, device: str) -> None:
    import logging
    import warnings

    import torch

    from benchmarks.arms.predictors import Predictors
    from handler.exactness import use_exact_backends

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started us stops us
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(threads)
    use_exact_backends()
    predictors = Predictors.load(files, images, device)
    _loaded[:] = predictors.predict, predictors.forward()


def _nothing(_: int) -> None:
    """Makes the pool start a process."""


def _predict(index: int) -> bytes:
    predict, _ = _loaded
    return to_send(predict(index)[0])


def _forward(index: int) -> bytes:
    _, forward = _loaded
    return to_send(forward(index)[0])


def to_send(instances: Any) -> bytes:
    """The same of Detectron2's `Instances`, on any device."""
    values = (instances.pred_boxes.tensor, instances.scores, instances.pred_classes)
    return b"".join(value.cpu().numpy().tobytes() for value in values)
