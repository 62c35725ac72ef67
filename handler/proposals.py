"""The regions in which a Fast R-CNN looks for objects: it finds none of its own.

They come with the request, are transformed as the image is, and travel as Detectron2's data
loader hands them to the network in training.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from detectron2.data.transforms import Transform
from detectron2.structures import Boxes, Instances

from handler.errors import InvalidOption
from handler.predictions import Proposals
from handler.wording import kind, shown

PROPOSALS = "proposals"
"""The key, form field or gRPC key that they come under."""

MOST_PROPOSALS = 10_000

LONGEST_TEXT = 200 * MOST_PROPOSALS
"""In characters: five numbers in JSON, written with all their digits, and their keys."""

_BEYOND = 1e9
"""There is no pixel so far away."""

ACCEPTED_PROPOSALS = (
    '"proposals" takes a list of boxes [x0, y0, x1, y1] in pixels of the image as sent, or of '
    'objects {"box": [x0, y0, x1, y1], "objectness": number}, as JSON, numbers below 1e9'
)

_BOX_SCHEMA = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
PROPOSALS_SCHEMA = {
    "type": "array",
    "maxItems": MOST_PROPOSALS,
    "items": {
        "anyOf": [
            _BOX_SCHEMA,
            {
                "type": "object",
                "properties": {"box": _BOX_SCHEMA, "objectness": {"type": "number"}},
                "required": ["box"],
            },
        ]
    },
}
"""What `parse_proposals` reads, as a JSON Schema."""


def parse_proposals(value: Any) -> Proposals:
    """Read proposals as they were sent.

    Args:
        value: A list, or the text of one in JSON. Its entries are those of a native answer of a
            region proposal network, or bare boxes.

    Returns:
        Best first; those of equal objectness (0 where none is given) in the order of the list.

    Raises:
        InvalidOption: Anything else.
    """
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise InvalidOption(
                f'"proposals" has {len(value)} characters, at most {LONGEST_TEXT} are accepted.'
            )
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise InvalidOption(f"{ACCEPTED_PROPOSALS}; what came is not JSON.") from None
    if not isinstance(value, list):
        raise InvalidOption(f"{ACCEPTED_PROPOSALS}; what came is {kind(value)}.")
    if len(value) > MOST_PROPOSALS:
        raise InvalidOption(
            f'"proposals" holds {len(value)} boxes, at most {MOST_PROPOSALS} are accepted.'
        )
    rows = np.zeros((len(value), 5), np.float32)
    for index, one in enumerate(value):
        rows[index] = _row(index, one)
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    return Proposals(boxes_xyxy=rows[:, :4], objectness=rows[:, 4])


def window_proposals(size_hw: tuple[int, int]) -> Proposals:
    """Overlapping windows of three sizes all over an image, to try a network with.

    Args:
        size_hw: Size of the image in pixels.
    """
    height, width = size_hw
    boxes = [
        (width * x, height * y, width * (x + 2 * step), height * (y + 2 * step))
        for step in (0.125, 0.25, 0.5)
        for y in np.arange(0, 1 - step, step)
        for x in np.arange(0, 1 - step, step)
    ]
    return Proposals(np.array(boxes, np.float32), np.zeros(len(boxes), np.float32))


def as_instances(
    proposals: Proposals, transform: Transform, *, input_size_hw: tuple[int, int], topk: int
) -> Instances:
    """What the network takes, as `detectron2.data.detection_utils.transform_proposals` makes it.

    Args:
        proposals: In pixels of the image as sent.
        transform: What was done to the image.
        input_size_hw: Size of the image after that.
        topk: How many are kept, the best.
    """
    boxes = Boxes(torch.from_numpy(transform.apply_box(proposals.boxes_xyxy).astype(np.float32)))
    boxes.clip(input_size_hw)
    keep = boxes.nonempty()
    instances = Instances(input_size_hw)
    instances.proposal_boxes = boxes[keep][:topk]
    instances.objectness_logits = torch.from_numpy(proposals.objectness.copy())[keep][:topk]
    return instances


def _row(index: int, one: Any) -> list[float]:
    """(x0, y0, x1, y1, objectness) of one entry."""
    box, objectness = one, 0.0
    if isinstance(one, Mapping):
        box, objectness = one.get("box"), one.get("objectness", 0.0)
    numbers = [*box, objectness] if isinstance(box, list) and len(box) == 4 else []
    is_number = [type(number) in (int, float) and abs(number) < _BEYOND for number in numbers]
    if not numbers or not all(is_number):
        raise InvalidOption(f"{ACCEPTED_PROPOSALS}; proposals[{index}] is {shown(one)}.")
    return numbers
