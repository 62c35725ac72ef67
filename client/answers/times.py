"""How long answers took: means and percentiles."""

from array import array
from typing import Any

import numpy as np

from client.answers.record import Record

CLIENT = "client"
"""What a caller waits: network, the server's queue and repetitions included."""

_PERCENTILES = (50, 90, 95, 99)


class Times:
    """Durations of a run, of the client and of each stage on the server; 4 bytes each."""

    def __init__(self) -> None:
        self._seconds: dict[str, array[float]] = {}

    def add(self, record: Record) -> None:
        """Take a record's durations; one without an answer has none."""
        if record.document is None:
            return
        for stage, seconds in ((CLIENT, record.seconds), *record.stages.items()):
            self._seconds.setdefault(stage, array("f")).append(seconds)

    def document(self) -> dict[str, dict[str, Any]]:
        """Seconds by stage: `mean`, `p50`, `p90`, `p95`, `p99` and `longest`."""
        return {stage: _summary(seconds) for stage, seconds in self._seconds.items()}


def _summary(seconds: "array[float]") -> dict[str, float]:
    values = np.frombuffer(seconds, np.float32).astype(np.float64)
    percentiles = np.percentile(values, _PERCENTILES).tolist()
    named = zip((f"p{one}" for one in _PERCENTILES), percentiles, strict=True)
    return {"mean": float(values.mean()), **dict(named), "longest": float(values.max())}
