"""What a COCO annotation file says, as typed values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.classes import Category
from client.predictions import Rle


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """An image of a data set.

    Attributes:
        id: Its id, a whole number or text.
        file_name: As the annotations name it, relative to the folder of images.
        size_hw: Height and width, in pixels.
    """

    id: int | str
    file_name: str
    size_hw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Annotation:
    """An object, or a region with a crowd of them.

    Attributes:
        id: From 1 on, in the order of the file. pycocotools takes 0 for "not found".
        image_id: Of the image that it is in.
        category_id: What it is.
        box_xywh: x0, y0, width, height, in pixels.
        area: In square pixels; small, medium and large go by it.
        is_crowd: Whether it is a region in which nothing is counted one by one.
        rle: Its pixels; None where the annotations have no masks.
        keypoints: x, y and visibility of each, as one list; None where there are none.
        num_keypoints: How many are labelled.
    """

    id: int
    image_id: int | str
    category_id: int
    box_xywh: tuple[float, float, float, float]
    area: float
    is_crowd: bool
    rle: Rle | None = None
    keypoints: tuple[float, ...] | None = None
    num_keypoints: int = 0

    def to_coco(self) -> dict[str, Any]:
        """As pycocotools has it, which writes into what it is given."""
        document: dict[str, Any] = {
            "id": self.id,
            "image_id": self.image_id,
            "category_id": self.category_id,
            "bbox": list(self.box_xywh),
            "area": self.area,
            "iscrowd": int(self.is_crowd),
        }
        if self.rle is not None:
            document["segmentation"] = dict(self.rle)
        if self.keypoints is not None:
            document["keypoints"] = list(self.keypoints)
            document["num_keypoints"] = self.num_keypoints
        return document


@dataclass(frozen=True)
class Dataset:
    """A data set.

    Attributes:
        path: Of the annotation file.
        images: In the order of the file.
        categories: By their ids.
        annotations: In the order of the file.
        notes: What was made up where the file says nothing, in sentences.
    """

    path: Path
    images: tuple[ImageEntry, ...]
    categories: tuple[Category, ...]
    annotations: tuple[Annotation, ...]
    notes: tuple[str, ...] = ()

    @property
    def has_masks(self) -> bool:
        """Whether all objects have masks, so that masks can be judged."""
        return all(one.rle is not None for one in self.annotations) and bool(self.annotations)

    @property
    def keypoint_count(self) -> int | None:
        """How many keypoints every object has; None where they do not all have as many."""
        counts = {
            None if one.keypoints is None else len(one.keypoints) // 3 for one in self.annotations
        }
        return counts.pop() if len(counts) == 1 else None

    def by_image(self) -> dict[int | str, list[Annotation]]:
        """The annotations of each image, also of those that have none."""
        found: dict[int | str, list[Annotation]] = {image.id: [] for image in self.images}
        for annotation in self.annotations:
            found[annotation.image_id].append(annotation)
        return found
