"""Detectron2's own evaluator, asked the same."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from detectron2.data import MetadataCatalog
from detectron2.evaluation import COCOEvaluator
from detectron2.structures import Instances


def coco_evaluator(
    annotations: Path,
    instances: Iterable[tuple[int, Instances]],
    *,
    category_ids: Mapping[int, int],
    class_names: Sequence[str],
    **options: Any,
) -> dict[str, dict[str, float]]:
    """The numbers of `COCOEvaluator`, by task.

    Args:
        annotations: A COCO file.
        instances: What a model says of images, by their ids.
        category_ids: Of each class.
        class_names: Of each class.
        options: Of the evaluator.
    """
    name = f"tests-{annotations}"
    MetadataCatalog.pop(name, None)
    MetadataCatalog.get(name).set(
        json_file=str(annotations),
        thing_classes=list(class_names),
        thing_dataset_id_to_contiguous_id={id_: k for k, id_ in category_ids.items()},
    )
    evaluator = COCOEvaluator(name, distributed=False, **options)
    evaluator.reset()
    with torch.no_grad():
        for image_id, found in instances:
            evaluator.process([{"image_id": image_id}], [{"instances": found}])
    results: dict[str, dict[str, float]] = evaluator.evaluate()
    MetadataCatalog.pop(name)
    return results
