"""T: a handler that does nothing of use, for what TorchServe itself takes.

It answers with as many bytes as the header `X-Body-Bytes` says, which are as many as our handler
answers with for the same image. With `X-Work-Ms` it computes for so long before it answers: what
comes after is slower than in a server that was idle, whatever was computed.
"""

import time
from typing import Any

import torch

_MATRICES, _SIZE = 16, 512
"""16 MB of float32: more than the caches of a core hold, as with a network's activations."""


class NoopHandler:
    """Answers without looking."""

    def __init__(self) -> None:
        self.device = "cpu"
        self.matrices: Any = None

    def initialize(self, context: Any) -> None:
        """Nothing to load."""
        gpu_id = context.system_properties.get("gpu_id")
        if torch.cuda.is_available() and gpu_id is not None:
            self.device = f"cuda:{gpu_id}"

    def handle(self, data: Any, context: Any) -> list[Any]:
        """Answer a batch."""
        bodies = []
        for index in range(len(data)):
            work_ms = float(context.get_request_header(index, "X-Work-Ms") or 0)
            if work_ms:
                worked_ms = self.work(work_ms)
                context.set_response_header(index, "Server-Timing", f"work;dur={worked_ms:.2f}")
            bodies.append(b" " * int(context.get_request_header(index, "X-Body-Bytes")))
        return bodies

    def work(self, wanted_ms: float) -> float:
        """Multiply matrices for so many milliseconds; returns how many they were."""
        start = time.perf_counter()
        if self.matrices is None:
            self.matrices = torch.rand((_MATRICES, _SIZE, _SIZE), device=self.device)
        worked_ms, turn = 0.0, 0
        while worked_ms < wanted_ms:
            torch.mm(self.matrices[turn], self.matrices[turn - 1])
            turn = (turn + 1) % _MATRICES
            if self.device != "cpu":
                torch.cuda.synchronize()
            worked_ms = (time.perf_counter() - start) * 1000
        return worked_ms
