"""The zoo's `common/models/cascade_rcnn.py`, which none of its configs uses, with its data."""

from detectron2.model_zoo import get_config

model = get_config("common/models/cascade_rcnn.py").model
dataloader = get_config("common/data/coco.py").dataloader
