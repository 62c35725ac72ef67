"""What happened with a batch -> TorchServe's metrics, and one line a request in the worker's log.

TorchServe takes metrics from the worker's output. Those that the server's `metrics_config` does not
declare (deploy/torchserve/metrics.yaml) it drops, and they are not sent here either.
"""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from handler.answers import Answer

log = logging.getLogger(__name__)


class Metric(Protocol):
    """As much of `ts.metrics.caching_metric.CachingMetric` as is used."""

    def add_or_update(self, value: float, dimension_values: list[str]) -> None:
        """Count, observe or set; a new list each time, TorchServe may change it."""


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
        self._usual = [version, model_name, "Model"]
        self._batch_size = batch_size
        self._device = device

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
            self._send("detectron2_batch_fill_ratio", len(answers) / self._batch_size)
            for answer, request_id in zip(answers, request_ids, strict=True):
                self._report_one(answer, seconds)
                self._log(answer, request_id, seconds)
            self._report_memory()
        except Exception:
            log.exception("The metrics of a batch could not be sent")

    def _report_one(self, answer: Answer, seconds: float) -> None:
        record = answer.record
        self._send("detectron2_requests_total", 1, str(answer.status))
        self._send("detectron2_request_seconds", seconds)
        for stage, duration_ms in record.timings.items():
            self._send("detectron2_stage_seconds", duration_ms / 1000, stage)
        for megapixels in record.megapixels:
            self._send("detectron2_image_megapixels", megapixels)
        for name, count in Counter(record.class_names).items():
            self._send("detectron2_detections_total", count, name)
        for error, count in Counter(record.errors).items():
            self._send("detectron2_errors_total", count, error)

    def _report_memory(self) -> None:
        if not self._device.startswith("cuda"):
            return
        _, total = torch.cuda.mem_get_info(self._device)
        for kind, number in (
            ("allocated", torch.cuda.memory_allocated(self._device)),
            ("reserved", torch.cuda.memory_reserved(self._device)),
            ("total", total),
        ):
            self._send("detectron2_gpu_memory_bytes", number, kind, self._device)

    def _send(self, name: str, value: float, *dimensions: str) -> None:
        if metric := self._declared.get(name):
            metric.add_or_update(value, [*map(_plain, dimensions), *self._usual])

    def _log(self, answer: Answer, request_id: str, seconds: float) -> None:
        record = answer.record
        version, model_name, _ = self._usual
        document: dict[str, Any] = {
            "request_id": request_id,
            "model": model_name,
            "version": version,
            "status": answer.status,
            "images": len(record.megapixels),
            "detections": len(record.class_names),
            "bytes": len(answer.body),
            "seconds": round(seconds, 4),
        }
        if record.errors:
            document["errors"] = record.errors
        log.info("%s", json.dumps(document, separators=(",", ":")))


def declared_metrics(cache: Mapping[Any, Mapping[str, Metric]]) -> dict[str, Metric]:
    """Ours among the metrics that the server has declared.

    Args:
        cache: `ts.metrics.metric_cache_yaml_impl.MetricsCacheYamlImpl.cache`, by type and name.
    """
    return {
        name: metric
        for metrics in cache.values()
        for name, metric in metrics.items()
        if name.startswith("detectron2_")
    }


def _plain(label: str) -> str:
    """A label that TorchServe's line of a metric can hold: its separators are : , | and #."""
    return "".join(" " if one in ":,|#\r\n" else one for one in label)
