"""Other versions of an archive, without another export."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

Edit = Callable[[bytes], bytes]

WEIGHTS = "model.safetensors"
ENTRY = "detectron2_handler.py"
_MANIFEST = "MAR-INF/MANIFEST.json"
_METADATA = "metadata.json"


def make_variant(
    archive: Path,
    destination: Path,
    version: str,
    edits: Mapping[str, Edit] | None = None,
    *,
    model: str | None = None,
) -> Path:
    """Write another version of an archive, with digests that are right.

    Args:
        archive: Made by `python -m export`.
        destination: The new file.
        version: Its version.
        edits: By name of a file inside: what becomes of its content.
        model: Another name, or None for the same.

    Returns:
        The new file; its digest is beside it.
    """
    with zipfile.ZipFile(archive) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    for name, edit in (edits or {}).items():
        contents[name] = edit(contents[name])
    manifest = json.loads(contents[_MANIFEST])
    manifest["model"] |= {"modelVersion": version, **({"modelName": model} if model else {})}
    contents[_MANIFEST] = json.dumps(manifest).encode()
    metadata = json.loads(contents[_METADATA])
    metadata["files"] = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in contents.items()
        if name != _METADATA
    }
    contents[_METADATA] = json.dumps(metadata).encode()
    with zipfile.ZipFile(destination, "w") as target:
        for name, content in contents.items():
            target.writestr(zipfile.ZipInfo(name), content)  # of 1980: the same bytes each time
    digest = hashlib.sha256(destination.read_bytes()).hexdigest()
    destination.with_name(f"{destination.name}.sha256").write_text(
        f"{digest}  {destination.name}\n"
    )
    return destination


def nudged_weights(factor: float) -> Edit:
    """Weights that say almost the same, so that answers tell which version gave them."""

    def edit(content: bytes) -> bytes:
        from safetensors.numpy import load, save

        weights = load(content)
        name = "roi_heads.box_predictor.bbox_pred.weight"
        weights[name] = weights[name] * factor
        return save(weights)

    return edit


def blind_weights(content: bytes) -> bytes:
    """Weights that find nothing where there is something."""
    from safetensors.numpy import load, save

    weights = load(content)
    background = weights["roi_heads.box_predictor.cls_score.bias"][-1:]  # the last class
    background += 50
    return save(weights)


def appended(source: str) -> Edit:
    """Code at the end of a module."""
    return lambda content: content + b"\n\n" + source.encode()


SLEEPS = appended(
    """import time
_answer = Detectron2Handler.handle
def _slow(self, data, context):
    time.sleep(SECONDS)
    return _answer(self, data, context)
Detectron2Handler.handle = _slow
"""
)
"""A handler that takes SECONDS longer; the word is replaced by `slow_handler`."""


def slow_handler(seconds: float) -> Edit:
    """A handler that takes so much longer."""
    return lambda content: SLEEPS(content).replace(b"SECONDS", str(seconds).encode())


def crashing_handler(content: bytes) -> bytes:
    """A handler that takes its process with it when it loads."""
    return appended(
        """import os
def _crash(self, context):
    print("OSError: no such device", flush=True)
    os._exit(3)
Detectron2Handler.initialize = _crash
"""
    )(content)


def failing_handler(content: bytes) -> bytes:
    """A handler that loads, and answers with errors."""
    return appended(
        """def _fail(self, data, context):
    raise ValueError("nothing works")
Detectron2Handler.handle = _fail
"""
    )(content)
