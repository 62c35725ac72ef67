"""COCO results, as `pycocotools`' `COCO.loadRes` and every COCO evaluator read them.

    [{"image_id", "category_id", "bbox": [x, y, width, height], "score",
      "segmentation": {"size": [height, width], "counts": "<COCO RLE>"},
      "keypoints": [x, y, score, ...],
      "rotated_box": [centre x, centre y, width, height, degrees anticlockwise]}]

The numbers are, bit for bit, those of Detectron2's own evaluator (`instances_to_coco_json`):

- `category_id` is the class's id in the data set that the model was trained on. Where none is known
  it is the position in the model's class list, from 0, as Detectron2 numbers such data sets.
- `keypoints` are 0.5 less than everywhere else: COCO annotates the index of a pixel, Detectron2
  answers with coordinates, in which a pixel's centre is at its index + 0.5.

`image_id` is the option of that name. `rotated_box` is ours, readers of COCO pass it over; `bbox`
is then the upright box around it. Proposals, semantic and panoptic segmentation have no place in
this list. Nothing found is an empty list, which `loadRes` itself cannot take (it looks at the first
entry): leave such images out of what it is given.
"""

from typing import Any

from handler.formats.answer import AnsweredImage, shortest
from handler.formats.compact_json import compact_json
from handler.masks import masks_to_rle

CONTENT_TYPE = "application/json"


def encode_coco(answered: AnsweredImage) -> bytes:
    """Write one answer.

    Raises:
        ValueError: The model answered with a number that JSON has no word for (NaN, infinity).
    """
    objects = answered.predictions.objects
    boxes_xywh = objects.boxes_xyxy.copy()
    boxes_xywh[:, 2:] -= boxes_xywh[:, :2]
    results = []
    rles = [] if objects.masks is None else masks_to_rle(objects.masks)
    for index, class_id in enumerate(objects.class_ids.tolist()):
        dataset_id = answered.metadata.class_of(class_id).dataset_id
        result: dict[str, Any] = {
            "image_id": answered.options.image_id,
            "category_id": class_id if dataset_id is None else dataset_id,
            "bbox": shortest(boxes_xywh[index]),
            "score": shortest(objects.scores[index : index + 1])[0],
        }
        if objects.masks is not None:
            result["segmentation"] = rles[index]
        if objects.keypoints is not None:
            keypoints = objects.keypoints[index].copy()
            keypoints[:, :2] -= 0.5
            result["keypoints"] = shortest(keypoints.ravel())
        if objects.rotated_boxes is not None:
            result["rotated_box"] = shortest(objects.rotated_boxes[index])
        results.append(result)
    return compact_json(results)
