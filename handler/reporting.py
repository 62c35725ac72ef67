"""What happened with a batch -> TorchServe's metrics, and one line a request in the worker's log.

TorchServe takes metrics from lines of the worker's output. Those that the server's `metrics_config`
does not declare (deploy/torchserve/metrics.yaml) it drops, and they are not sent here either.
"""

import json
import logging
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

import torch

from handler.answers import Answer
from handler.errors import HandlerError

log = logging.getLogger(__name__)

_LABELS = {
    "detectron2_stage_seconds": ["stage"],
    "detectron2_request_seconds": [],
    "detectron2_image_megapixels": [],
    "detectron2_batch_fill_ratio": [],
    "detectron2_worker_starts_total": [],
    "detectron2_requests_total": ["status"],
    "detectron2_detections_total": ["class_name"],
    "detectron2_errors_total": ["type"],
    "detectron2_gpu_memory_bytes": ["kind", "device"],
}
_USUAL_LABELS = ["model_name", "model_version"]
_LONGEST_LABEL = 100
_MEMORY_EVERY_S = 1.0  # asking costs as much as many metrics, and nobody scrapes more often


class Metric(Protocol):
    """As much of `ts.metrics.caching_metric.CachingMetric` as is used.

    Its own `add_or_update` logs a line for each value, and Python's logging takes most of the time
    that a metric costs. Here the lines of a batch are logged at once.
    """

    metric_name: str
    unit: str
    metric_type: Enum
    dimension_names: list[str]


class Reporter:
    """Reports about one model's answers."""

    def __init__(
        self,
        declared: Mapping[str, Metric],
        *,
        model_name: str,
        version: str,
        batch_size: int,
        device: str,
    ) -> None:
        self._declared = declared
        self._model_name = model_name
        self._version = version
        self._usual = [_label(model_name), _label(version)]
        self._batch_size = batch_size
        self._device = device
        self._hostname = socket.gethostname()
        self._memory_due = 0.0
        self._lines: list[str] = []

    def report_start(self, class_names: Sequence[str]) -> None:
        """Count a worker that is ready, and begin all that it may count at 0.

        Prometheus sees no increase in a counter that comes into being with its first event.

        Args:
            class_names: Of the objects that the model can find.
        """
        kinds = list(_error_kinds())
        try:
            self._add("detectron2_worker_starts_total", 1)
            for name in class_names:
                self._add("detectron2_detections_total", 0, name)
            for kind in kinds:
                self._add("detectron2_errors_total", 0, kind.__name__)
            for status in sorted({200, *(kind.status for kind in kinds)}):
                self._add("detectron2_requests_total", 0, str(status))
            self._send()
        except Exception:
            self._give_up()

    def report(
        self, answers: Sequence[Answer], request_ids: Sequence[str], *, seconds: float
    ) -> None:
        """Report about a batch; whatever fails here fails no answer.

        Args:
            answers: Of the batch.
            request_ids: TorchServe's, which clients see as `x-request-id`.
            seconds: From the batch to its answers.
        """
        try:
            self._add("detectron2_batch_fill_ratio", len(answers) / self._batch_size)
            for answer, request_id in zip(answers, request_ids, strict=True):
                self._add_answer(answer, seconds)
                self._lines.append(self._request_line(answer, request_id, seconds))
            self._add_memory()
            self._send()
        except Exception:
            self._give_up()

    def _add_answer(self, answer: Answer, seconds: float) -> None:
        record = answer.record
        if not (record.timings or record.errors):
            return  # the model has described itself, which is no prediction
        self._add("detectron2_requests_total", 1, str(answer.status))
        self._add("detectron2_request_seconds", seconds)
        for stage, duration_ms in record.timings.items():
            self._add("detectron2_stage_seconds", duration_ms / 1000, stage)
        for megapixels in record.megapixels:
            self._add("detectron2_image_megapixels", megapixels)
        for name, count in Counter(record.class_names).items():
            self._add("detectron2_detections_total", count, name)
        for error, count in Counter(record.errors).items():
            self._add("detectron2_errors_total", count, error)

    def _add_memory(self) -> None:
        if not self._device.startswith("cuda") or time.monotonic() < self._memory_due:
            return
        self._memory_due = time.monotonic() + _MEMORY_EVERY_S
        _, _, gpu = self._device.partition(":")
        free, total = torch.cuda.mem_get_info(self._device)
        for kind, number in (
            ("allocated", torch.cuda.memory_allocated(self._device)),
            ("reserved", torch.cuda.memory_reserved(self._device)),
            ("used", total - free),
            ("total", total),
        ):
            self._add("detectron2_gpu_memory_bytes", number, kind, gpu)

    def _add(self, name: str, value: float, *labels: str) -> None:
        """Put a metric's line together, as TorchServe's own `add_or_update` does."""
        metric = self._declared.get(name)
        if metric is None:
            return
        values = [*map(_label, labels), *self._usual]
        pairs = zip(metric.dimension_names, values, strict=True)
        dimensions = ",".join(f"{key}:{one}" for key, one in pairs)
        self._lines.append(
            f"[METRICS]{metric.metric_name}.{metric.unit}:{value}|#{dimensions}"
            f"|#type:{metric.metric_type.name}|#hostname:{self._hostname},{int(time.time())}"
        )

    def _send(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            log.info("%s", "\n".join(lines))

    def _give_up(self) -> None:
        self._lines = []
        log.exception("What happened could not be reported")

    def _request_line(self, answer: Answer, request_id: str, seconds: float) -> str:
        record = answer.record
        document: dict[str, Any] = {
            "request_id": request_id,
            "model": self._model_name,
            "version": self._version,
            "status": answer.status,
            "images": len(record.megapixels),
            "detections": len(record.class_names),
            "bytes": len(answer.body),
            "seconds": round(seconds, 4),
        }
        if record.errors:
            document["errors"] = record.errors
        return json.dumps(document, separators=(",", ":"))


def declared_metrics(cache: Mapping[Any, Mapping[str, Metric]]) -> dict[str, Metric]:
    """Ours among the metrics that the server has declared.

    The server's file may be older or newer than the archive: a metric that it declares with other
    dimensions is left out, and the log says so.

    Args:
        cache: `ts.metrics.metric_cache_yaml_impl.MetricsCacheYamlImpl.cache`, by type and name.
    """
    found = {}
    for name, metric in ((n, m) for metrics in cache.values() for n, m in metrics.items()):
        if name not in _LABELS:
            continue
        expected = [*_LABELS[name], *_USUAL_LABELS]
        if metric.dimension_names == expected:
            found[name] = metric
        else:
            log.warning(
                "%s is not sent: metrics_config declares it with %s, and the dimensions are %s",
                *(name, metric.dimension_names, expected),
            )
    return found


def _error_kinds(base: type[HandlerError] = HandlerError) -> Iterator[type[HandlerError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _error_kinds(kind)


def _label(text: str) -> str:
    """A label that a line of TorchServe's can hold; its separators are : , | and #.

    What ends a line is more to Java than to Python, and an empty label is none to TorchServe.
    """
    if not text.isalnum():  # most are
        text = "".join(one if one.isprintable() and one not in ":,|#" else " " for one in text)
        text = text.strip() or "unnamed"
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 3]}..."
