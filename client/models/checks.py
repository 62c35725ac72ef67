"""Check images: what two versions say of them, how far they agree, how long they take."""

import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.errors import ClientError
from client.inference import InferenceApi
from client.probing import probe
from client.sample_image import sample_png

_SAMPLE_SIZES_WH = ((480, 360), (640, 480), (320, 480))


@dataclass(frozen=True)
class CheckImage:
    """An image to ask versions about.

    Attributes:
        name: For people.
        content: The encoded file.
    """

    name: str
    content: bytes


@dataclass(frozen=True)
class CheckAnswer:
    """What a version answered.

    Attributes:
        document: In the `native` format.
        seconds: Until the answer was there.
        worker_seconds: Of those, in the worker; None where the answer does not say.
    """

    document: dict[str, Any]
    seconds: float
    worker_seconds: float | None


def read_images(paths: Sequence[Path]) -> list[CheckImage]:
    """Read check images; without any, some are drawn.

    Raises:
        ClientError: One cannot be read.
    """
    try:
        images = [CheckImage(str(path), path.read_bytes()) for path in paths]
    except OSError as error:
        raise ClientError(f"A check image cannot be read: {error}.") from error
    return images or [
        CheckImage(f"drawn image {seed + 1}", sample_png(*size_wh, seed))
        for seed, size_wh in enumerate(_SAMPLE_SIZES_WH)
    ]


def ask(
    inference: InferenceApi,
    image: CheckImage,
    model: str,
    version: str,
    *,
    by_default: bool = False,
) -> CheckAnswer:
    """Ask one version about one image.

    Args:
        inference: The server's inference API.
        image: What about.
        model: Name of the model.
        version: The version that has to answer.
        by_default: Whether it has to answer because it is the default, and not because it is named.

    Raises:
        ClientError: An error for an answer, or one that is not this version's.
    """
    start = time.perf_counter()
    try:
        answer = probe(
            inference.url,
            image.content,
            model=model,
            version=None if by_default else version,
            token=inference.token,
            timeout_s=inference.timeout_s,
        )
    except ClientError as error:
        raise ClientError(f"{image.name}: {error}") from error
    seconds = time.perf_counter() - start
    said = answer.document.get("model") if isinstance(answer.document, dict) else None
    if said != {"name": model, "version": version}:
        raise ClientError(
            f"{image.name}: the answer says that it is from {said}, where {model} {version} was "
            "asked."
        )
    return CheckAnswer(answer.document, seconds, _worker_seconds(answer.headers))


def _worker_seconds(headers: Mapping[str, str]) -> float | None:
    """The sum of a Server-Timing header; it leaves out what the request has waited in a queue."""
    found = re.findall(r"dur=([0-9.]+)", headers.get("Server-Timing", ""))
    return sum(map(float, found)) / 1000 if found else None


@dataclass(frozen=True)
class Timing:
    """How long two versions take over the same images, asked in turns.

    Attributes:
        old_median_s: Of the old version's answers.
        new_median_s: Of the new one's.
        slowdown: How many times as long the new version takes: by the clock, or within the worker
            where that is more. Live requests make the old version's answers wait, and the clock
            alone would let a slow version pass beside a busy one.
    """

    old_median_s: float
    new_median_s: float
    slowdown: float


def compare_speed(old: Sequence[CheckAnswer], new: Sequence[CheckAnswer]) -> Timing:
    """Medians and their ratio."""
    old_s, new_s = (statistics.median(one.seconds for one in side) for side in (old, new))
    slowdown = new_s / old_s
    within = [[one.worker_seconds for one in side] for side in (old, new)]
    old_within, new_within = ([s for s in side if s is not None] for side in within)
    if len(old_within) == len(old) and len(new_within) == len(new):
        old_median = statistics.median(old_within)
        if old_median > 0:
            slowdown = max(slowdown, statistics.median(new_within) / old_median)
    return Timing(old_s, new_s, slowdown)
