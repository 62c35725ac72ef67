"""The shape of TorchServe's own object detector, for clients that were written for it.

    [{"<class name>": [x0, y0, x1, y1], "score": score}]

It is what `ts/torch_handler/object_detector.py` of TorchServe 0.12 answers with: the class is a
key, and boxes and scores are all that there is. Masks, keypoints, proposals, semantic and panoptic
segmentation have no place; of rotated boxes it has the upright ones around them. A class that is
called "score" loses its boxes to the score, as it does in TorchServe's.
"""

from handler.formats.answer import AnsweredImage, shortest
from handler.formats.compact_json import compact_json

CONTENT_TYPE = "application/json"


def encode_torchserve(answered: AnsweredImage) -> bytes:
    """Write one answer.

    Raises:
        ValueError: The model answered with a number that JSON has no word for (NaN, infinity).
    """
    objects = answered.predictions.objects
    rows = zip(
        objects.class_ids.tolist(), objects.boxes_xyxy, shortest(objects.scores), strict=True
    )
    return compact_json(
        [
            {answered.metadata.class_of(class_id).name: shortest(box_xyxy), "score": score}
            for class_id, box_xyxy, score in rows
        ]
    )
