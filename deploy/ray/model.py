"""One version of a model as a Serve deployment: requests in batches to the archive's handler."""

import asyncio
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from deploy.ray.arguments import ModelArguments
from deploy.ray.batching import Batcher
from deploy.ray.forms import fields_of
from deploy.ray.logs import SERVE_LOG
from deploy.ray.messages import Asked, Reply
from deploy.ray.metrics import Meter
from deploy.ray.opened import load_detector
from deploy.ray.replies import no_answer
from deploy.ray.store import Pinned, open_archive

if TYPE_CHECKING:
    from handler.detector import Detector

log = logging.getLogger(SERVE_LOG)


_LAST_WORDS_S = 0.5
"""For answers to leave a process before it ends."""


class Model:
    """A replica: holds one `Detector` for its life."""

    def __init__(self, arguments: ModelArguments) -> None:
        """Open the archive and load the model.

        Raises:
            client.models.errors.ArchiveRefused: It is not the archive that is meant.
            Exception: Whatever loading raises; Serve tells it, and tries again.
        """
        self._arguments = arguments
        handlers_log = logging.getLogger("handler")
        handlers_log.setLevel(logging.INFO)
        handlers_log.handlers = log.handlers
        # torch's settings are those of a thread, so that one thread loads and answers.
        thread = ThreadPoolExecutor(1, thread_name_prefix="detector")
        self._detector = thread.submit(self._load).result()
        self._meter = Meter(arguments.name, arguments.version, arguments.batch_size)
        self._batcher = Batcher(
            self._answer,
            executor=thread,
            size=arguments.batch_size,
            wait_s=arguments.batch_wait_s,
            timeout_s=arguments.response_timeout_s,
        )

    async def __call__(self, asked: Asked) -> Reply:
        """Answer one request; what goes wrong with it is its answer."""
        try:
            return await self._batcher.answer(asked)
        except TimeoutError as error:
            # A thread cannot be stopped, the process can, as TorchServe ends its worker. Serve
            # starts another, and the gateway asks that about what waits here.
            log.error("Ends itself: %s", error)
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, os._exit, 1)
            limit_s = self._arguments.response_timeout_s
            return no_answer(f"The model did not answer within {limit_s:g} s.")

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

    def _answer(self, batch: Sequence[Asked]) -> list[Reply]:
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
