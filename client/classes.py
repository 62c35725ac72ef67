"""Which category of the annotations each class of the model is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from client.errors import ClientError
from client.wording import some

How: TypeAlias = Literal["dataset-ids", "names", "order"]

HOWS: tuple[How, ...] = get_args(How)


@dataclass(frozen=True)
class Category:
    """A class of a data set.

    Attributes:
        id: Its id there.
        name: Its name, as people are shown it; no two have the same.
        shared_name: Its name in the annotations where others are called so as well; else None.
    """

    id: int
    name: str
    shared_name: str | None = None

    @property
    def annotated_name(self) -> str:
        """Its name in the annotations."""
        return self.shared_name or self.name


@dataclass(frozen=True)
class ModelClass:
    """A class of the model.

    Attributes:
        id: Position among its classes, from 0.
        name: Its name.
        dataset_id: Its id in the data set that the model was trained on, where one is known.
    """

    id: int
    name: str
    dataset_id: int | None = None


@dataclass(frozen=True)
class ClassMap:
    """Categories by class.

    Attributes:
        category_ids: Id of a category by class id. Classes that the annotations do not have are
            not in it.
        how: By what they were found.
        notes: What does not fit, in sentences.
    """

    category_ids: Mapping[int, int]
    how: How
    notes: tuple[str, ...] = ()


def described_classes(description: Mapping[str, Any]) -> list[ModelClass]:
    """The classes of instances that a model says it has.

    Args:
        description: What it says of itself; docs/api.md.
    """
    return [
        ModelClass(class_id, one["name"], one.get("dataset_id"))
        for class_id, one in enumerate(description.get("classes", ()))
    ]


def map_classes(
    classes: Sequence[ModelClass],
    categories: Sequence[Category],
    *,
    are_all: bool,
    how: How | None = None,
) -> ClassMap:
    """Find the category of each class.

    Without `how`: by the ids of the data set that the model was trained on, where it knows them and
    no name contradicts them; else by name; else, where no name fits, in the order of the
    categories' ids, which is how Detectron2 numbers classes for training.

    Args:
        classes: All of the model, or those that its answers had.
        categories: Of the annotations.
        are_all: Whether `classes` are all.
        how: The one way to do it.

    Raises:
        ClientError: No class fits, or it takes names, of which categories share one.
    """
    attempts = {
        "dataset-ids": lambda: _by_dataset_ids(classes, categories, trusted=how is not None),
        "names": lambda: _by_names(classes, categories),
        "order": lambda: _by_order(classes, categories, are_all=are_all),
    }
    for attempt in HOWS if how is None else (how,):
        found = attempts[attempt]()
        if found or not (classes or are_all):
            if attempt == "names":
                _refuse_shared_names(classes, found, categories)
            notes = [] if how is not None else _guess_notes(attempt, classes, found, categories)
            if are_all:
                notes += _unknown_to_the_model(found, categories)
            return ClassMap(found, attempt, tuple(notes))
    ways = "by dataset id, name or order" if how is None else f"by {how}"
    of_model = some([one.name for one in classes]) or "it has none"
    of_annotations = some([one.name for one in categories]) or "there are none"
    raise ClientError(
        f"No class of the model ({of_model}) is a category of the annotations ({of_annotations}) "
        f"{ways}."
    )


def unjudged(counts: Mapping[ModelClass, int]) -> list[str]:
    """Say which detections were left out, because the annotations do not have their class.

    Args:
        counts: How many there were of each class.
    """
    return [
        f"The annotations have no category for the model's class {one.name}: its {count} "
        f"detections are not judged."
        for one, count in counts.items()
    ]


def _by_dataset_ids(
    classes: Iterable[ModelClass], categories: Sequence[Category], *, trusted: bool
) -> dict[int, int]:
    names = {category.id: category.annotated_name for category in categories}
    found = _known_ids(classes, names)
    known = [one for one in classes if one.id in found]
    if not trusted and _are_others(known, found, names) and _by_names(known, categories):
        return {}
    return found


def _known_ids(classes: Iterable[ModelClass], names: Mapping[int, str]) -> dict[int, int]:
    """Dataset ids, by class id, that the annotations have."""
    return {
        one.id: one.dataset_id
        for one in classes
        if one.dataset_id is not None and one.dataset_id in names
    }


def _are_others(
    classes: Iterable[ModelClass], found: Mapping[int, int], names: Mapping[int, str]
) -> list[ModelClass]:
    """Classes that are called otherwise than their category."""
    return [
        one
        for one in classes
        if one.id in found and _loose(names[found[one.id]]) != _loose(one.name)
    ]


def _by_names(classes: Iterable[ModelClass], categories: Iterable[Category]) -> dict[int, int]:
    exact = {category.annotated_name: category.id for category in categories}
    loose = {_loose(name): id_ for name, id_ in exact.items()}
    found = {one.id: exact.get(one.name, loose.get(_loose(one.name))) for one in classes}
    return {class_id: id_ for class_id, id_ in found.items() if id_ is not None}


def _by_order(
    classes: Sequence[ModelClass], categories: Sequence[Category], *, are_all: bool
) -> dict[int, int]:
    ids = sorted(category.id for category in categories)
    too_many = any(one.id >= len(ids) for one in classes)
    if too_many or (are_all and len(classes) != len(ids)):
        return {}
    return {one.id: ids[one.id] for one in classes}


def _guess_notes(
    how: How,
    classes: Sequence[ModelClass],
    found: Mapping[int, int],
    categories: Iterable[Category],
) -> list[str]:
    """What was taken for what, where no name speaks for it."""
    names = {category.id: category.annotated_name for category in categories}
    ids = _known_ids(classes, names)
    others = _are_others(classes, ids, names)
    if how == "names" and others:
        contradictions = [
            f"{one.name} is {ids[one.id]}, there {names[ids[one.id]]}" for one in others
        ]
        return [
            "The ids of the data set of the training were not believed, as names contradict them "
            f"({some(contradictions)}): classes were taken for categories by name. Where names "
            "alone have changed, --classes-by dataset-ids of evaluate and compare takes ids."
        ]
    pairs = [f"{one.name} is {names[found[one.id]]}" for one in classes if one.id in found]
    taken = some(pairs) or "none was seen"
    if how == "order":
        return [
            "Neither ids nor names of the model's classes are those of the annotations: classes "
            f"were taken for categories in the order of their ids ({taken})."
        ]
    if how == "dataset-ids" and others:
        return [
            "The model's classes are not called as the annotations' categories: classes were taken "
            f"for categories by the ids of the data set of the training ({taken})."
        ]
    return []


def _refuse_shared_names(
    classes: Iterable[ModelClass], found: Mapping[int, int], categories: Sequence[Category]
) -> None:
    """A name that several categories have does not say which of them a class is."""
    shared = {one.id: one.shared_name for one in categories if one.shared_name is not None}
    unclear = [one.name for one in classes if found.get(one.id) in shared]
    if unclear:
        raise ClientError(
            f"Several categories of the annotations are called {some(unclear)}, so names do not "
            "say which of them the class is; --classes-by dataset-ids or order does not go by "
            "names."
        )


def _unknown_to_the_model(found: Mapping[int, int], categories: Iterable[Category]) -> list[str]:
    known = set(found.values())
    unknown = [category.name for category in categories if category.id not in known]
    if not unknown:
        return []
    return [f"The model does not know {some(unknown)}: objects of such count as missed."]


def _loose(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
