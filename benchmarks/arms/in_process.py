"""H: our handler in this process, called as TorchServe calls it, without a server."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.arms.predictors import Run, Stages
from benchmarks.material import Image
from benchmarks.replies import OK, Reply
from export.open_as_worker import WorkerContext
from handler.detectron2_handler import Detectron2Handler


def our_handler(archive: Path, opened: Path, images: Sequence[Image], device: str) -> Run:
    """Load the handler.

    Args:
        archive: The `.mar`; its handler is the one of this checkout, which runs.
        opened: A new folder to open it in.
        images: The material.
        device: `cpu` or `cuda`.
    """
    with zipfile.ZipFile(archive) as source:
        source.extractall(opened)
    gpu_id = None if device == "cpu" else 0
    context = WorkerContext(opened, gpu_id=gpu_id, request_headers={"Content-Type": "image/jpeg"})
    entry = Detectron2Handler()
    entry.initialize(context)

    def run(index: int) -> tuple[Any, Stages]:
        (body,) = entry.handle([{"body": bytearray(images[index].jpeg)}], context)
        if device != "cpu":
            torch.cuda.synchronize()
        reply = Reply(context.status, body, dict(context.headers))
        if reply.status != OK:
            return b"", {}
        return reply.body, reply.stages_ms

    return run
