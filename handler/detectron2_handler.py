"""TorchServe's entry: its `(data, context)` into our types, our answers into its setters.

TorchServe wants exactly one class in this file and imports it by the file's base name, which must
not be `handler`. The class inherits nothing: importing TorchServe's BaseHandler switches TF32 on
and would change what the model says.
"""

import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import torch

import handler
from handler.quick_start import import_without_compiler

import_without_compiler()  # before anything else imports torchvision

from handler.detector import Detector  # noqa: E402
from handler.reporting import Reporter, declared_metrics  # noqa: E402
from handler.request import Row  # noqa: E402
from handler.settings import Settings  # noqa: E402
from handler.threads import settle_threads  # noqa: E402

log = logging.getLogger(__name__)


class Detectron2Handler:
    """Holds one `Detector` for the life of a worker."""

    def __init__(self) -> None:
        self._detector: Detector | None = None
        self._reporter: Reporter | None = None

    def initialize(self, context: Any) -> None:
        """Load the model of the archive that TorchServe opened.

        Raises:
            RuntimeError: Whatever failed. It is the one error that TorchServe reports as a failed
                load; any other kills the worker without a word.
        """
        properties = context.system_properties
        gpu_id = properties.get("gpu_id")
        on_gpu = gpu_id is not None and torch.cuda.is_available()
        device = f"cuda:{gpu_id}" if on_gpu else "cpu"
        try:
            threads = settle_threads(context.model_yaml_config)
            version = context.manifest["model"]["modelVersion"]
            self._detector = Detector.load(
                Path(properties["model_dir"]),
                device=device,
                name=context.model_name,
                version=version,
                settings=Settings.from_model_config(context.model_yaml_config),
                stack=max(properties.get("batch_size") or 1, 1),
                host_threads=threads if on_gpu else 1,
            )
        except Exception as error:
            # TorchServe prints the message alone; the traceback belongs in the worker's log.
            traceback.print_exc()
            raise RuntimeError(f"The model could not be loaded: {error}") from error
        self._reporter = Reporter(
            declared_metrics(getattr(context.metrics, "cache", {})),
            model_name=context.model_name,
            version=version,
            batch_size=max(properties.get("batch_size") or 1, 1),
            device=device,
        )
        self._reporter.report_start(self._detector.class_names)
        log.info(
            "Model %s %s on %s, handler %s", context.model_name, version, device, handler.__file__
        )

    def handle(self, data: Sequence[Mapping[str, object]], context: Any) -> list[bytes]:
        """Answer a batch: one body a row, with its own status, content type and headers."""
        if self._detector is None or self._reporter is None:
            raise RuntimeError("handle() was called before initialize().")
        rows = [
            Row(fields, context.get_all_request_header(index)) for index, fields in enumerate(data)
        ]
        start = time.perf_counter()
        answers = self._detector.answer(rows)
        request_ids = [str(context.get_request_id(index)) for index in range(len(answers))]
        self._reporter.report(answers, request_ids, seconds=time.perf_counter() - start)
        for index, answer in enumerate(answers):
            phrase = HTTPStatus(answer.status).phrase
            context.set_response_status(answer.status, phrase, index)
            context.set_response_content_type(index, answer.content_type)
            for name, value in answer.headers.items():
                context.set_response_header(index, name, value)
        return [answer.body for answer in answers]
