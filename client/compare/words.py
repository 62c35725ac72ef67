"""What things are called in pages and terminals."""

from collections.abc import Mapping
from typing import Any

METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl")

SHAPES = {
    "box": "IoU of boxes",
    "rotated_box": "IoU of rotated boxes",
    "mask": "IoU of masks",
    "keypoints": "OKS of keypoints",
}

STAGES = {"client": "the caller's wait", "server": "server, all stages"}


def version_labels(document: Mapping[str, Any]) -> tuple[str, str]:
    """Both versions; a version that is compared with itself is told apart.

    Args:
        document: Of `client.compare.document.report`.
    """
    old, new = document["model"]["old"], document["model"]["new"]
    return old, new if new != old else f"{new} again"


def what_differs(image: Mapping[str, Any], labels: tuple[str, str]) -> str:
    """On what the answers about an image differ.

    Args:
        image: Of the document's `images`.
        labels: Of the versions.
    """
    counted = (
        (image["only_old"], f"only in {labels[0]}"),
        (image["only_new"], f"only in {labels[1]}"),
        (image["changed"], "of another class"),
    )
    parts = [f"{count} {what}" for count, what in counted if count]
    return ", ".join(parts) or "the same objects, apart in boxes, masks or scores"
