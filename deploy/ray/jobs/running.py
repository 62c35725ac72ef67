"""Parts through the workers of a cluster, by Ray Data."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from client.errors import ClientError
from deploy.ray.jobs.cluster import Pool
from deploy.ray.jobs.worker import Work, Worker

_LOOK_S, _SAY_S = 0.2, 30.0
_QUEUED = 2  # parts that a worker has been given: one under way, one to go on with
_SHOWN = 300


class Stopped(Exception):
    """The run was asked to stop."""


@dataclass(frozen=True)
class Part:
    """A part that is to be worked off.

    Attributes:
        number: Of it.
        images: How many are to be asked about.
        again: Whether it is done, and only what has no answer is to be asked about.
    """

    number: int
    images: int
    again: bool = False


@dataclass(frozen=True)
class Done:
    """A part that was worked off.

    Attributes:
        number: Of it.
        images: How many were asked about.
        unread: How many of them have no answer.
        memory_mb: The most memory that its worker has had, in megabytes.
    """

    number: int
    images: int
    unread: int
    memory_mb: float


def run_parts(
    parts: Sequence[Part],
    work: Work,
    pool: Pool,
    *,
    each: Callable[[Done], None],
    waiting: Callable[[], None],
    stopped: Callable[[], bool],
) -> None:
    """Work parts off, in any order.

    Args:
        parts: At least one.
        work: What workers have to know.
        pool: The workers.
        each: Called for each part that is done.
        waiting: Called every half a minute until the first one is.
        stopped: Says whether to stop; what is under way is given up then.

    Raises:
        ClientError: A worker says that the job cannot go on, or Ray does.
        Stopped: The run was asked to stop.
    """
    rows: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()

    def consume() -> None:
        try:
            for row in _dataset(parts, work, pool).iter_rows():
                rows.put(row)
            rows.put(None)
        except BaseException as error:
            rows.put(error)

    # In a thread of its own: Ray waits without looking whether somebody wants to stop.
    threading.Thread(target=consume, name="ray-data", daemon=True).start()
    began: float | None = monotonic()
    while True:
        if stopped():
            raise Stopped
        try:
            row = rows.get(timeout=_LOOK_S)
        except queue.Empty:
            if began is not None and monotonic() - began > _SAY_S:
                began = monotonic()
                waiting()
            continue
        began = None
        if row is None:
            return
        if isinstance(row, BaseException):
            raise ClientError(_sentence(row)) from row
        if row["refused"]:
            raise ClientError(str(row["refused"]))
        each(
            Done(int(row["part"]), int(row["images"]), int(row["unread"]), float(row["memory_mb"]))
        )


def _dataset(parts: Sequence[Part], work: Work, pool: Pool) -> Any:
    import ray.data

    for handler in logging.getLogger("ray.data").handlers:
        # Its log file has everything; here a stop would print the stack of what it gave up.
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # those of Ray count parts and know nothing of images
    context.print_on_execution_start = False
    items = [{"part": one.number, "again": one.again} for one in parts]
    # A block a part: it is what a worker is given, and what is given to another one if it dies.
    blocks = ray.data.from_items(items, override_num_blocks=len(items))
    return blocks.map_batches(
        Worker,
        batch_size=1,
        fn_constructor_args=(work,),
        compute=ray.data.ActorPoolStrategy(
            min_size=pool.fewest,
            max_size=pool.most,
            max_tasks_in_flight_per_actor=_QUEUED,
        ),
        num_cpus=pool.cpus,
        num_gpus=pool.gpus,
    )


def _sentence(error: BaseException) -> str:
    """What a worker or Ray died of, in a line; the stack is in Ray's logs."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return f"A worker failed: {type(error).__name__}: {last[:_SHOWN]} Ray's logs say where."
