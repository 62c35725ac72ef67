"""What is sent to the servers that take image files."""

import json
from collections.abc import Mapping

from benchmarks.found import Found
from benchmarks.http import Post
from benchmarks.scene import Scene


def image_posts(scene: Scene) -> list[Post]:
    """The files themselves."""
    return [Post(image.jpeg) for image in scene.images]


def noop_posts(scene: Scene, work_ms: Mapping[int, float] | None = None) -> list[Post]:
    """The files, with what T's handler shall do.

    Args:
        scene: The images, and how large our handler's answers are.
        work_ms: Milliseconds to compute for, by number of the image.
    """
    expected = scene.expected[scene.options.threads]
    posts = []
    for index, (image, found) in enumerate(zip(scene.images, expected, strict=True)):
        headers = {"X-Body-Bytes": str(_size_of_answer(found))}
        if work_ms is not None:
            headers["X-Work-Ms"] = f"{work_ms.get(index, 0.0):.2f}"
        posts.append(Post(image.jpeg, headers))
    return posts


def _size_of_answer(found: Found) -> int:
    """About as many bytes as our handler writes for this."""
    objects = [
        {"class_id": 0, "class_name": "coin", "score": 0.12345678, "box": box, "mask": mask}
        for box, mask in zip(found.boxes.round(4).tolist(), found.masks, strict=True)
    ]
    return 100 + len(json.dumps(objects, separators=(",", ":")))
