"""H: our handler in this process, called as TorchServe calls it, without a server."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.arms.predictors import Run, Stages
from benchmarks.material import Image
from benchmarks.replies import OK, Reply
from handler.detectron2_handler import Detectron2Handler


class _Context:
    """As much of TorchServe's context as the entry file touches; keeps what it sets."""

    def __init__(self, opened: Path, device: str) -> None:
        self.manifest = json.loads((opened / "MAR-INF" / "MANIFEST.json").read_text("utf-8"))
        self.model_name = self.manifest["model"]["modelName"]
        settings = opened / self.manifest["model"]["configFile"]
        self.model_yaml_config = yaml.safe_load(settings.read_text("utf-8"))
        self.system_properties = {
            "model_dir": str(opened),
            "gpu_id": None if device == "cpu" else 0,
            "batch_size": 1,
        }
        self.metrics = None  # a server's
        self.status = 0
        self.headers: dict[str, str] = {}

    def get_all_request_header(self, index: int) -> dict[str, str]:
        return {"Content-Type": "image/jpeg"}

    def get_request_id(self, index: int) -> str:
        return "benchmark"

    def set_response_status(self, code: int, phrase: str, index: int) -> None:
        self.status = code

    def set_response_content_type(self, index: int, value: str) -> None:
        pass

    def set_response_header(self, index: int, key: str, value: str) -> None:
        self.headers[key.lower()] = value


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
    context, entry = _Context(opened, device), Detectron2Handler()
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
