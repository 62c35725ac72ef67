"""What is sent to the servers that take image files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.figures import forward_ms, host_ms
from benchmarks.found import Found
from benchmarks.http import Post
from benchmarks.scene import Scene
from benchmarks.series import Measurement


@dataclass(frozen=True)
class Work:
    """How long T's handler computes before it answers.

    Attributes:
        model_ms: In torch, with all its threads.
        host_ms: After that, with one thread.
    """

    model_ms: float = 0.0
    host_ms: float = 0.0


def image_posts(scene: Scene) -> list[Post]:
    """The files themselves."""
    return [Post(image.jpeg) for image in scene.images]


def noop_posts(scene: Scene, work: Mapping[int, Work] | None = None) -> list[Post]:
    """The files, with what T's handler shall do.

    Args:
        scene: The images, and how large our handler's answers are.
        work: What to compute before it answers, by number of the image.
    """
    posts = []
    for index, (image, size) in enumerate(zip(scene.images, noop_sizes(scene), strict=True)):
        headers = {"X-Body-Bytes": str(size)}
        if work is not None:
            wanted = work.get(index, Work())
            headers["X-Model-Ms"] = f"{wanted.model_ms:.2f}"
            headers["X-Host-Ms"] = f"{wanted.host_ms:.2f}"
        posts.append(Post(image.jpeg, headers))
    return posts


def noop_sizes(scene: Scene) -> list[int]:
    """Bytes that T's handler shall answer with, by number of the image."""
    return [_size_of_answer(found) for found in scene.expected[scene.options.threads]]


def work_of(measured: Measurement) -> dict[int, Work]:
    """How long the stages of each image took the last time that it was asked about."""
    turn = measured.as_dict()
    if not turn["stages_ms"]:
        return {}  # no answer came; the result says so
    pairs = zip(forward_ms(turn), host_ms(turn), strict=True)
    works = [Work(model_ms, rest_ms) for model_ms, rest_ms in pairs]
    return dict(zip(measured.indices, works, strict=True))


def _size_of_answer(found: Found) -> int:
    """About as many bytes as our handler writes for this."""
    objects = [
        {"class_id": 0, "class_name": "coin", "score": 0.12345678, "box": box, "mask": mask}
        for box, mask in zip(found.boxes.round(4).tolist(), found.masks, strict=True)
    ]
    return 100 + len(json.dumps(objects, separators=(",", ":")))
