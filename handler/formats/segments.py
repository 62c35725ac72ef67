"""The parts of a segmentation, as formats that list annotations need them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from handler.formats.answer import AnsweredImage, shortest
from handler.metadata import ClassInfo


class LabelledSegment(NamedTuple):
    """A region that is no instance.

    Attributes:
        class_info: Its class.
        mask: (H, W) bool.
        score: Where the model gives one.
    """

    class_info: ClassInfo
    mask: npt.NDArray[np.bool_]
    score: float | None


def segments(answered: AnsweredImage) -> list[LabelledSegment]:
    """What a list of annotations has to hold besides the instances, nothing twice.

    Panoptic segments where there are any, else semantic classes. Panoptic things are left out where
    the model answers with instances, because they are the same objects.
    """
    predictions, metadata = answered.predictions, answered.metadata
    if predictions.panoptic is not None:
        has_instances = not {"boxes", "masks"}.isdisjoint(metadata.outputs)
        return [
            LabelledSegment(
                metadata.segment_class_of(one.class_id, is_thing=one.is_thing),
                predictions.panoptic.segment_map == one.id,
                None if one.score is None else shortest(np.array([one.score], np.float32))[0],
            )
            for one in predictions.panoptic.segments
            if not (one.is_thing and has_instances)
        ]
    if predictions.semantic is not None:
        return [
            LabelledSegment(metadata.stuff_class_of(one), predictions.semantic == one, None)
            for one in np.unique(predictions.semantic).tolist()
        ]
    return []
