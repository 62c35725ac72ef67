"""Category ids of COCO results, and the categories that go with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from client.classes import Category, ModelClass, map_classes


@dataclass(frozen=True)
class Categories:
    """Classes as a data set has them.

    Attributes:
        ids: By class id; a class that is not in it has no category.
        entries: As COCO files list them.
        notes: What does not fit, in sentences.
    """

    ids: Mapping[int, int]
    entries: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()


def categories_for(
    classes: Sequence[ModelClass], annotated: Sequence[Category], *, are_all: bool
) -> Categories:
    """Find categories.

    Args:
        classes: All of the model, or those that it has answered with.
        annotated: Of the annotations; empty where there are none, and the model's own ids count.
        are_all: Whether `classes` are all.

    Raises:
        ClientError: There are annotations, and no class fits.
    """
    if annotated:
        found = map_classes(classes, annotated, are_all=are_all)
        entries = tuple({"id": one.id, "name": one.name} for one in annotated)
        return Categories(found.category_ids, entries, found.notes)
    dataset_ids = {one.id: one.dataset_id for one in classes if one.dataset_id is not None}
    if classes and len(dataset_ids) == len(classes):
        return _numbered(classes, dataset_ids)
    note = (
        "The ids of a data set are not known, so category ids are positions among the model's "
        "classes, from 0; images.json names them. --annotations takes those of a COCO file."
    )
    return _numbered(classes, {one.id: one.id for one in classes}, note)


def _numbered(classes: Sequence[ModelClass], ids: Mapping[int, int], *notes: str) -> Categories:
    entries = tuple({"id": ids[one.id], "name": one.name} for one in classes)
    return Categories(ids, entries, notes)
