"""`Predictions` -> COCO results, as pycocotools' `COCO.loadRes` reads them."""

from collections.abc import Mapping
from typing import Any

from client.predictions import Predictions


def to_coco(
    predictions: Predictions, image_id: int | str, category_ids: Mapping[int, int] | None = None
) -> list[dict[str, Any]]:
    """The instances as COCO results, with the numbers of Detectron2's `instances_to_coco_json`.

    Boxes are x0, y0, width, height, subtracted in float32. Keypoints are 0.5 less than in
    `predictions`: COCO annotates the index of a pixel, Detectron2 answers with coordinates, in
    which a pixel's centre is at its index + 0.5. `rotated_box` is ours, readers of COCO pass it
    over.

    Args:
        predictions: Of one image.
        image_id: Its id in the data set.
        category_ids: Id in the data set by class id; None takes the class ids, from 0. A class
            that is not in it is left out.
    """
    boxes_xywh = predictions.boxes_xyxy.copy()
    boxes_xywh[:, 2:] -= boxes_xywh[:, :2]
    results = []
    for index, class_id in enumerate(predictions.class_ids.tolist()):
        if category_ids is not None and class_id not in category_ids:
            continue
        result: dict[str, Any] = {
            "image_id": image_id,
            "category_id": class_id if category_ids is None else category_ids[class_id],
            "bbox": boxes_xywh[index].tolist(),
            "score": float(predictions.scores[index]),
        }
        if predictions.mask_rles is not None:
            result["segmentation"] = dict(predictions.mask_rles[index])
        if predictions.keypoints is not None:
            keypoints = predictions.keypoints[index].copy()
            keypoints[:, :2] -= 0.5
            result["keypoints"] = keypoints.ravel().tolist()
        if predictions.rotated_boxes is not None:
            result["rotated_box"] = predictions.rotated_boxes[index].tolist()
        results.append(result)
    return results
