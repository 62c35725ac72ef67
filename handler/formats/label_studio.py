"""A prediction for Label Studio, as its ML backends and task imports take it.

    {"model_version": "<name>:<version>", "score": mean score,
     "result": [{"id", "from_name", "to_name", "original_width", "original_height",
                 "image_rotation": 0, "score", "type", "value"}]}

    type             value
    rectanglelabels  x, y, width, height, rotation: percent of the image, degrees clockwise about
                     the top left corner; for models without masks, and for empty masks
    brushlabels      format "rle", rle: [byte, ...]; for masks, exact to the pixel
    keypointlabels   x, y, width: percent; for each keypoint, its parent is the instance

`from_name` and `to_name` are request options: they name the control and the object of the
labelling configuration. One configuration has one control for each type, so keypoints use
`<from_name>_keypoints`:

    <View>
      <Image name="image" value="$image"/>
      <RectangleLabels name="label" toName="image"> ... <!-- or BrushLabels, for masks -->
      <KeyPointLabels name="label_keypoints" toName="image"> ...
    </View>

The brush's run-length encoding is not COCO's: it packs runs of the RGBA picture into bits. Semantic
classes and panoptic segments are brush regions, without a score where the model gives none (see
`handler.formats.segments`). Proposals have no place.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from handler.formats.answer import AnsweredImage, shortest
from handler.formats.compact_json import compact_json
from handler.formats.segments import segments
from handler.mask_time import counted
from handler.polygons import rotated_box_corners

CONTENT_TYPE = "application/json"

_POINT_WIDTH = 1.0  # per cent of the image; Label Studio draws a keypoint this large

_CHANNELS = 4
_WORD_BITS = 8
_LENGTH_BITS = np.array([3, 4, 8, 16])


def encode_label_studio(answered: AnsweredImage) -> bytes:
    """Write one answer.

    Raises:
        ValueError: The model answered with a number that JSON has no word for (NaN, infinity).
    """
    scores = answered.predictions.objects.scores
    regions = _instances(answered)
    for index, one in enumerate(segments(answered)):
        brush = _brush(one.mask, one.class_info.name)
        region = _region(answered, f"segment{index}", brush)
        regions.append(region if one.score is None else {**region, "score": one.score})
    document = {
        "model_version": f"{answered.model_name}:{answered.model_version}",
        "score": float(scores.mean(dtype=np.float64)) if len(scores) else 0.0,
        "result": regions,
    }
    return compact_json(document)


def _instances(answered: AnsweredImage) -> list[dict[str, Any]]:
    objects, regions = answered.predictions.objects, []
    for index, class_id in enumerate(objects.class_ids.tolist()):
        name = answered.metadata.class_of(class_id).name
        if objects.masks is not None and objects.masks[index].any():
            typed = _brush(objects.masks[index], name)
        else:
            typed = _rectangle(answered, index, name)
        region = _region(answered, f"object{index}", typed)
        region["score"] = shortest(objects.scores[index : index + 1])[0]
        regions.append(region)
        if objects.keypoints is not None:
            regions += _keypoints(answered, region["id"], objects.keypoints[index])
    return regions


def _region(answered: AnsweredImage, region_id: str, typed: dict[str, Any]) -> dict[str, Any]:
    height, width = answered.predictions.size_hw
    return {
        "id": region_id,
        "from_name": answered.options.from_name,
        "to_name": answered.options.to_name,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        **typed,
    }


def _rectangle(answered: AnsweredImage, index: int, name: str) -> dict[str, Any]:
    objects = answered.predictions.objects
    if objects.rotated_boxes is None:
        x0, y0, x1, y1 = objects.boxes_xyxy[index].astype(np.float64).tolist()
        left, top, width, height, rotation = x0, y0, x1 - x0, y1 - y0, 0.0
    else:
        rotated_box = objects.rotated_boxes[index]
        left, top = rotated_box_corners(rotated_box)[0].tolist()
        _, _, width, height, angle = rotated_box.astype(np.float64).tolist()
        rotation = -angle % 360
    image_height, image_width = answered.predictions.size_hw
    value = {
        "x": 100 * left / image_width,
        "y": 100 * top / image_height,
        "width": 100 * width / image_width,
        "height": 100 * height / image_height,
        "rotation": rotation,
        "rectanglelabels": [name],
    }
    return {"type": "rectanglelabels", "value": value}


def _keypoints(
    answered: AnsweredImage, parent_id: str, keypoints: npt.NDArray[np.float32]
) -> list[dict[str, Any]]:
    names = answered.metadata.keypoint_names
    image_height, image_width = answered.predictions.size_hw
    regions = []
    for index, keypoint in enumerate(keypoints):
        x, y, score = shortest(keypoint)
        value = {
            "x": 100 * x / image_width,
            "y": 100 * y / image_height,
            "width": _POINT_WIDTH,
            "keypointlabels": [names[index] if index < len(names) else str(index)],
        }
        typed = {"type": "keypointlabels", "value": value, "parentID": parent_id, "score": score}
        region = _region(answered, f"{parent_id}.keypoint{index}", typed)
        regions.append({**region, "from_name": f"{answered.options.from_name}_keypoints"})
    return regions


def _brush(mask: npt.NDArray[np.bool_], name: str) -> dict[str, Any]:
    value = {"format": "rle", "rle": list(brush_rle(mask)), "brushlabels": [name]}
    return {"type": "brushlabels", "value": value}


@counted
def brush_rle(mask: npt.NDArray[np.bool_]) -> bytes:
    """Encode a mask as Label Studio's brush does: an RGBA picture of 0 and 255.

    A stream of bits: the number of values (32), bits of a value - 1 (5), four sizes - 1 (4 each);
    then for each run: 1, the position of a size (2), the run's length - 1 in so many bits, the
    value. Source: `@thi.ng/rle-pack`, and `encode_rle` of `label_studio_sdk.converter.brush`, whose
    bytes these are.

    Args:
        mask: (H, W) bool.
    """
    values = mask.ravel()
    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    lengths = np.diff(np.append(starts, len(values))) * _CHANNELS
    lengths, is_inside = _split(lengths, values[starts])

    sizes = np.searchsorted(1 << _LENGTH_BITS[:-1], lengths)
    length_bits = _LENGTH_BITS[sizes]
    words = (0b100 | sizes) << length_bits | (lengths - 1)
    words = words << _WORD_BITS | np.where(is_inside, 255, 0)
    bits_of_words = 3 + length_bits + _WORD_BITS

    header = _bits(np.array([mask.size * _CHANNELS, _WORD_BITS - 1]), np.array([32, 5]))
    header_sizes = _bits(_LENGTH_BITS - 1, np.full(4, 4))
    stream = np.concatenate([header, header_sizes, _bits(words, bits_of_words)])
    # The SDK ends on zeros, a whole byte of them where nothing is missing.
    return np.packbits(stream).tobytes() + (b"\0" if len(stream) % 8 == 0 else b"")


def _split(
    lengths: npt.NDArray[np.int64], is_inside: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Cut runs that are longer than the largest size can say."""
    longest = 1 << int(_LENGTH_BITS[-1])
    pieces = (lengths - 1) // longest + 1
    is_last = np.zeros(pieces.sum(), np.bool_)
    is_last[np.cumsum(pieces) - 1] = True
    cut = np.where(is_last, np.repeat((lengths - 1) % longest + 1, pieces), longest)
    return cut, np.repeat(is_inside, pieces)


def _bits(
    numbers: npt.NDArray[np.int64], bits_of_numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """The binary digits of each number, of the given count, one after the other."""
    number_of_bit = np.repeat(np.arange(len(numbers)), bits_of_numbers)
    ends = np.cumsum(bits_of_numbers)
    shift = ends[number_of_bit] - 1 - np.arange(len(number_of_bit))
    return (numbers[number_of_bit] >> shift & 1).astype(np.uint8)
