"""What Detectron2's `DefaultPredictor` says of each image, by the number of threads it ran with.

torch adds up in another order with another number of threads, which shows in the last bits: a
worker with one thread is held against `DefaultPredictor` with one thread.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.found import Found, from_instances
from benchmarks.material import Image, decode


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def references(predictor: Any, images: Sequence[Image], *, threads: int) -> list[Found]:
    """What is found on each image."""
    with torch_threads(threads):
        return [from_instances(predictor(decode(image.jpeg))["instances"]) for image in images]
