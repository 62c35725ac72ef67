"""One version of a model as a Serve deployment: requests in batches to the archive's handler."""

import asyncio
import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import serve

from deploy.ray.arguments import ModelArguments
from deploy.ray.forms import fields_of
from deploy.ray.metrics import Meter
from deploy.ray.opened import load_detector
from deploy.ray.replies import Reply, no_answer
from deploy.ray.store import Pinned, open_archive

if TYPE_CHECKING:
    from handler.detector import Detector

SERVE_LOG = "ray.serve"
"""The logger whose lines Serve keeps, in a file for each replica."""

log = logging.getLogger(SERVE_LOG)


@dataclass(frozen=True)
class Asked:
    """One HTTP request.

    Attributes:
        headers: As they were sent, names in small letters, of several with one name the last.
        body: As it was sent.
    """

    headers: Mapping[str, str]
    body: bytes


class Model:
    """A replica: holds one `Detector` for its life."""

    def __init__(self, arguments: ModelArguments) -> None:
        """Open the archive and load the model.

        Raises:
            client.models.errors.ArchiveRefused: It is not the archive that is meant.
            Exception: Whatever loading raises; Serve tells it, and tries again.
        """
        self._arguments = arguments
        self._stuck_s: float | None = None
        handlers_log = logging.getLogger("handler")
        handlers_log.setLevel(logging.INFO)
        handlers_log.handlers = log.handlers
        # torch's settings are those of a thread, so that one thread loads and answers.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="detector")
        self._detector = self._thread.submit(self._load).result()
        self._meter = Meter(arguments.name, arguments.version, arguments.batch_size)
        self._answer.set_max_batch_size(arguments.batch_size)
        self._answer.set_batch_wait_timeout_s(arguments.batch_wait_s)

    async def __call__(self, asked: Asked) -> Reply:
        """Answer one request; what goes wrong with it is its answer."""
        reply: Reply = await self._answer(asked)
        return reply

    async def describe(self) -> dict[str, Any]:
        """What the model says of itself, as JSON values."""
        return self._detector.describe()

    async def state(self) -> dict[str, Any]:
        """What TorchServe tells of a worker and its version, for `GET /models/NAME`."""
        return {
            "pid": os.getpid(),
            "node": ray.get_runtime_context().get_node_id(),
            "gpus": ray.get_gpu_ids(),
            "arguments": self._arguments.model_dump(),
        }

    async def check_health(self) -> None:
        """Asked by Serve, which replaces a replica that raises here."""
        if self._stuck_s is not None:
            raise RuntimeError(f"No answer within {self._stuck_s:g} s.")

    @serve.batch(max_batch_size=1, batch_wait_timeout_s=0.0)  # type: ignore[untyped-decorator]
    async def _answer(self, batch: list[Asked]) -> list[Reply]:
        timeout_s = self._arguments.response_timeout_s
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(
                loop.run_in_executor(self._thread, self._answer_now, batch), timeout_s
            )
        except TimeoutError:
            self._stuck_s = timeout_s  # a thread cannot be stopped; the process can
            log.error("%d requests were not answered within %g s", len(batch), timeout_s)
            return [no_answer(f"The model did not answer within {timeout_s:g} s.") for _ in batch]

    def _answer_now(self, batch: list[Asked]) -> list[Reply]:
        from handler.request import Row  # the archive's

        with self._meter.batch(len(batch)) as report:
            answers = self._detector.answer(
                [
                    Row(fields_of(one.headers.get("content-type", ""), one.body), one.headers)
                    for one in batch
                ]
            )
            report(answers)
        return [
            Reply(answer.status, answer.body, answer.content_type, dict(answer.headers))
            for answer in answers
        ]

    def _load(self) -> "Detector":
        arguments = self._arguments
        opened: Path = open_archive(Pinned(arguments.url, arguments.sha256))
        # Ray shows a replica the GPUs that it was given, and no others.
        device = "cuda:0" if ray.get_gpu_ids() else "cpu"
        log.info("Loading %s %s on %s", arguments.name, arguments.version, device)
        return load_detector(
            opened,
            device=device,
            name=arguments.name,
            version=arguments.version,
            stack=arguments.batch_size,
        )
