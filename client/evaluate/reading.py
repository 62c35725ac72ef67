"""A COCO annotation file -> `Dataset`, with everything that is wrong with it said at once."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from client.coco_file import (
    NotCoco,
    check_image_keys,
    check_unique,
    id_of,
    image_key,
    read_categories,
    read_document,
)
from client.evaluate.dataset import Annotation, Dataset, ImageEntry
from client.evaluate.errors import BadMaterial
from client.evaluate.segmentation import are_numbers, compressed_rle, without_lines
from client.predictions import Rle
from client.same_names import told_apart
from client.wording import many, some

_LONGEST_SIDE = 1_000_000
_LISTS = ("images", "annotations", "categories")


def read_dataset(path: Path) -> Dataset:
    """Read an annotation file.

    What COCO's tools need and some writers leave out is made up, and said in `notes`: `iscrowd` is
    0, `area` is the mask's or the box's, `num_keypoints` are the visible ones. Polygons of fewer
    than three points are left out beside others, and categories of one name are told apart.

    Raises:
        ClientError: It cannot be read.
        BadMaterial: It is not COCO, or contradicts itself.
    """
    document = _load(path)
    problems: list[str] = []
    images = _images(document["images"], problems)
    categories = read_categories(document["categories"], problems)
    sizes = {image.id: image.size_hw for image in images}
    reader = _AnnotationReader(sizes, {category.id for category in categories})
    annotations = reader.read(document["annotations"], problems)
    if not images and not problems:
        problems.append(f"{path} has no images.")
    if problems:
        raise BadMaterial([f"{path}: {problem}" for problem in problems])
    categories, notes = told_apart(categories, {one.category_id for one in annotations})
    return Dataset(
        path,
        tuple(images),
        tuple(sorted(categories, key=lambda category: category.id)),
        tuple(annotations),
        (*reader.notes, *notes),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        document = read_document(path, _LISTS)
    except NotCoco as error:
        raise BadMaterial([str(error)]) from error
    if any(isinstance(one, dict) and "segments_info" in one for one in document["annotations"]):
        raise BadMaterial(
            [
                f"{path} has panoptic annotations (segments_info), which are not judged; accepted "
                "is an object with the lists images, annotations and categories."
            ]
        )
    return document


def _images(found: Sequence[Any], problems: list[str]) -> list[ImageEntry]:
    images = []
    wrong = []
    for position, one in enumerate(found):
        entry = _image(one)
        if entry is None:
            wrong.append(str(id_of(one, position)))
        else:
            images.append(entry)
    if wrong:
        problems.append(
            f"{many(len(wrong), 'image')} without an id, file_name, height and width that are "
            f"ones: {some(wrong)}."
        )
    check_image_keys([(image.id, image.file_name) for image in images], problems)
    return images


def _image(one: Any) -> ImageEntry | None:
    key = image_key(one)
    if key is None or not (_is_size(one.get("height")) and _is_size(one.get("width"))):
        return None
    return ImageEntry(*key, (int(one["height"]), int(one["width"])))


class _AnnotationReader:
    """Reads annotations, and remembers what is wrong with them by kind of trouble."""

    def __init__(self, sizes: Mapping[int | str, tuple[int, int]], category_ids: set[int]) -> None:
        self._sizes = sizes
        # One list for all masks of a size: there may be millions.
        self._size_lists = {size: list(size) for size in sizes.values()}
        self._category_ids = category_ids
        self._troubles: dict[str, list[str]] = {}
        self._made_up: Counter[str] = Counter()

    def read(self, found: Sequence[Any], problems: list[str]) -> list[Annotation]:
        annotations = [self._annotation(one, position) for position, one in enumerate(found)]
        problems += [
            f"{many(len(names), 'annotation')} {trouble}: {some(names)}."
            for trouble, names in self._troubles.items()
        ]
        ids = [one["id"] for one in found if isinstance(one, dict) and "id" in one]
        check_unique("ids of annotations", ids, problems)
        if 0 in ids:
            self._made_up[
                "the id 0, which pycocotools takes for 'not found': counted anew here, so that AP "
                "is higher than by Detectron2's COCOEvaluator, for"
            ] += 1
        return [one for one in annotations if one is not None]

    @property
    def notes(self) -> list[str]:
        """What was made up."""
        return [f"The annotations have {what} {n} of them." for what, n in self._made_up.items()]

    def _annotation(self, one: Any, position: int) -> Annotation | None:
        try:
            return self._read_one(one, position)
        except _Trouble as trouble:
            detail = f" ({trouble.detail})" if trouble.detail else ""
            name = f"{id_of(one, position)}{detail}"
            self._troubles.setdefault(trouble.kind, []).append(name)
            return None

    def _read_one(self, one: Any, position: int) -> Annotation:
        if not isinstance(one, dict):
            raise _Trouble("that are no objects")
        found: Any = one
        image_id, category_id = found.get("image_id"), found.get("category_id")
        if not _is_known(image_id, self._sizes):
            raise _Trouble("of images that are not in the file", f"image {image_id}")
        if not _is_known(category_id, self._category_ids):
            raise _Trouble("of categories that are not in the file", f"category {category_id}")
        box = found.get("bbox")
        if are_numbers(box, 5):
            raise _Trouble("with a rotated bbox of 5 numbers, which is not judged")
        if not (are_numbers(box, 4) and box[2] >= 0 and box[3] >= 0):
            raise _Trouble("without a bbox of x, y, width, height", f"bbox {box}")
        segmentation = without_lines(found.get("segmentation"))
        if segmentation is not found.get("segmentation"):
            self._made_up[
                "polygons of fewer than three points beside others, which were left out, for"
            ] += 1
        try:
            rle = compressed_rle(segmentation, self._size_lists[self._sizes[image_id]])
        except ValueError as error:
            raise _Trouble("with a segmentation that is none", str(error)) from error
        keypoints = found.get("keypoints")
        if keypoints is not None and not (are_numbers(keypoints) and len(keypoints) % 3 == 0):
            raise _Trouble("with keypoints that are no list of x, y, visibility")
        if found.get("iscrowd") not in (None, 0, 1):
            raise _Trouble("with an iscrowd that is neither 0 nor 1", f"{found['iscrowd']!r}")
        visible = sum(v > 0 for v in (keypoints or ())[2::3])
        labelled = found.get("num_keypoints")
        return Annotation(
            id=position + 1,
            image_id=image_id,
            category_id=category_id,
            box_xywh=tuple(box),
            area=self._area(found, rle),
            is_crowd=bool(found.get("iscrowd", 0)),
            rle=rle,
            keypoints=tuple(keypoints) if keypoints else None,
            num_keypoints=labelled if isinstance(labelled, int) else visible,
        )

    def _area(self, found: Any, rle: Rle | None) -> float:
        if are_numbers([found.get("area")]) and found["area"] >= 0:
            return float(found["area"])
        self._made_up["no area, the mask's or box's was taken, for"] += 1
        return float(found["bbox"][2] * found["bbox"][3] if rle is None else coco_mask.area(rle))


class _Trouble(Exception):
    """What is wrong with an annotation: of which kind, and what was seen."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.detail = detail


def _is_size(value: Any) -> bool:
    return are_numbers([value]) and value == int(value) and 0 < value <= _LONGEST_SIDE


def _is_known(value: Any, known: Iterable[Any]) -> bool:
    return isinstance(value, Hashable) and value in known
