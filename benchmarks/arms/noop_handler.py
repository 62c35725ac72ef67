"""T: a handler that does nothing of use, for what TorchServe itself takes.

It answers with as many bytes as the header `X-Body-Bytes` says, which are as many as our handler
answers with for the same image. With `X-Model-Ms` and `X-Host-Ms` it computes for so long before it
answers, first as a network does, in torch with all its threads, then as our other stages do, with
one thread while torch's wait: what comes after is slower than in a server that was idle.
"""

import time
import zlib
from collections.abc import Callable
from typing import Any

import torch

_MATRICES, _SIZE = 16, 512
"""16 MB of float32: more than the caches of a core hold, as with a network's activations."""

_BYTES, _PIECE = 4 * 2**20, 2**16
"""As many as an image has, looked at in pieces that take some tens of microseconds."""


class NoopHandler:
    """Answers without looking."""

    def __init__(self) -> None:
        self.device = "cpu"
        self.matrices: Any = None
        self.content = memoryview(bytes(_BYTES))

    def initialize(self, context: Any) -> None:
        """Nothing to load."""
        gpu_id = context.system_properties.get("gpu_id")
        if torch.cuda.is_available() and gpu_id is not None:
            self.device = f"cuda:{gpu_id}"

    def handle(self, data: Any, context: Any) -> list[Any]:
        """Answer a batch."""
        bodies = []
        for index in range(len(data)):
            model_ms, host_ms = (
                float(context.get_request_header(index, name) or 0)
                for name in ("X-Model-Ms", "X-Host-Ms")
            )
            if model_ms or host_ms:
                model_ms, host_ms = self.multiply(model_ms), self.add_up(host_ms)
                timing = f"model;dur={model_ms:.2f}, host;dur={host_ms:.2f}"
                context.set_response_header(index, "Server-Timing", timing)
            bodies.append(b" " * int(context.get_request_header(index, "X-Body-Bytes")))
        return bodies

    def multiply(self, wanted_ms: float) -> float:
        """Multiply matrices for so many milliseconds; returns how many they were."""
        if self.matrices is None:
            self.matrices = torch.rand((_MATRICES, _SIZE, _SIZE), device=self.device)

        def step(turn: int) -> None:
            torch.mm(self.matrices[turn % _MATRICES], self.matrices[(turn + 1) % _MATRICES])
            if self.device != "cpu":
                torch.cuda.synchronize()

        return _repeat(step, wanted_ms)

    def add_up(self, wanted_ms: float) -> float:
        """Make checksums for so many milliseconds, in one thread; returns how many they were."""

        def step(turn: int) -> None:
            start = turn * _PIECE % _BYTES
            zlib.crc32(self.content[start : start + _PIECE])

        return _repeat(step, wanted_ms)


def _repeat(step: Callable[[int], None], wanted_ms: float) -> float:
    """Take steps for so many milliseconds; returns how many they were."""
    start = time.perf_counter()
    worked_ms, turn = 0.0, 0
    while worked_ms < wanted_ms:
        step(turn)
        turn += 1
        worked_ms = (time.perf_counter() - start) * 1000
    return worked_ms
