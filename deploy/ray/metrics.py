"""What a replica counts, under the names that a TorchServe worker's metrics have.

Ray puts `ray_` before each name, and exports them at every node's metrics port.
"""

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ray.util.metrics import Counter, Histogram

if TYPE_CHECKING:
    from handler.answers import Answer

_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
"""Bounds of TorchServe's histograms, which are those of Prometheus's Java client."""
_SHARES = [0.125, 0.25, 0.5, 0.75, 1]
_MEGAPIXELS = [0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 25]
_USUAL = ("model_name", "model_version")


class Meter:
    """Counts about one replica's answers."""

    def __init__(self, name: str, version: str, batch_size: int) -> None:
        self._batch_size = batch_size
        usual = {"model_name": name, "model_version": version}

        def counter(metric: str, about: str, *labels: str) -> Counter:
            made = Counter(metric, about, (*labels, *_USUAL))
            made.set_default_tags(usual)
            return made

        def histogram(metric: str, about: str, bounds: list[float], *labels: str) -> Histogram:
            made = Histogram(metric, about, bounds, (*labels, *_USUAL))
            made.set_default_tags(usual)
            return made

        # Without "_total" in the names: Ray appends it to those of counters.
        self._starts = counter("detectron2_worker_starts", "Replicas that were ready.")
        self._requests = counter("detectron2_requests", "Requests by status.", "status")
        self._errors = counter("detectron2_errors", "What went wrong, by type.", "type")
        self._detections = counter("detectron2_detections", "Objects by class.", "class_name")
        self._request_s = histogram(
            "detectron2_request_seconds", "From a batch to its answers.", _SECONDS
        )
        self._stage_s = histogram(
            "detectron2_stage_seconds", "Of one stage of a request.", _SECONDS, "stage"
        )
        self._megapixels = histogram(
            "detectron2_image_megapixels", "Size of images, as sent.", _MEGAPIXELS
        )
        self._fill = histogram(
            "detectron2_batch_fill_ratio", "Requests of a batch by its most.", _SHARES
        )
        self._starts.inc()

    @contextmanager
    def batch(self, size: int) -> Iterator[Callable[[Sequence["Answer"]], None]]:
        """Time a batch; the value is what takes its answers."""
        start = time.perf_counter()

        def report(answers: Sequence["Answer"]) -> None:
            seconds = time.perf_counter() - start
            self._fill.observe(size / self._batch_size)
            for answer in answers:
                self._add(answer, seconds)

        yield report

    def _add(self, answer: "Answer", seconds: float) -> None:
        record = answer.record
        self._requests.inc(tags={"status": str(answer.status)})
        self._request_s.observe(max(seconds, 1e-9))
        for stage, duration_ms in record.timings.items():
            self._stage_s.observe(max(duration_ms / 1000, 1e-9), {"stage": stage})
        for megapixels in record.megapixels:
            self._megapixels.observe(megapixels)
        for name, count in Tally(record.class_names).items():
            self._detections.inc(count, {"class_name": name})
        for kind, count in Tally(record.errors).items():
            self._errors.inc(count, {"type": kind})
