"""Which object of one answer is which of another: of the same class, and alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from client.overlap import SHAPES, Matrix

SAME_OBJECT = 0.5
"""Objects of one class that are alike at least so much are the same one; see `client.overlap`."""

KINDS = ("predictions", "proposals", "semantic", "panoptic")
"""What answers have objects of, by its key in the `native` format."""

_SEGMENTATIONS = ("semantic", "panoptic")


@dataclass(frozen=True)
class Found:
    """Objects of one kind in an answer; N of them.

    Attributes:
        objects: As the `native` format has them.
        classes: N names.
        scores: (N,) 0 to 1; of proposals the probability that the objectness, a logit, stands for.
            What has no score has 1.
    """

    objects: Sequence[dict[str, Any]]
    classes: list[str]
    scores: npt.NDArray[np.float64]

    @property
    def has_scores(self) -> bool:
        """Whether scores are the model's."""
        return all("score" in one or "objectness" in one for one in self.objects)

    def counted(self, least: float) -> npt.NDArray[np.bool_]:
        """(N,) whether objects have a score or more, in float32 as servers compare them.

        Args:
            least: That score, 0 to 1.
        """
        return np.asarray(self.scores.astype(np.float32) >= np.float32(least), dtype=np.bool_)


def found(document: Mapping[str, Any], kind: str) -> Found:
    """What an answer has of one kind.

    Args:
        document: In the `native` format.
        kind: One of `KINDS`.
    """
    if kind == "proposals":
        boxes = document.get(kind, [])
        logits = np.array([one["objectness"] for one in boxes], dtype=np.float64)
        return Found(boxes, [kind] * len(boxes), np.exp(-np.logaddexp(0, -logits)))
    objects = (
        document.get(kind, {}).get("segments", []) if kind in _SEGMENTATIONS else document[kind]
    )
    return Found(
        objects,
        [one["class_name"] for one in objects],
        np.array([one.get("score", 1.0) for one in objects], dtype=np.float64),
    )


def same_class(old: Found, new: Found) -> npt.NDArray[np.bool_]:
    """(N, M): whether classes have the same name."""
    return np.asarray(np.array(old.classes)[:, None] == np.array(new.classes), dtype=np.bool_)


def most_alike(alike: Matrix, least: float) -> list[tuple[int, int]]:
    """Positions on both sides, each in one pair at most, those that are most alike first.

    Args:
        alike: (N, M) 0 to 1.
        least: Of a pair; above 0.
    """
    enough = np.flatnonzero(alike >= least)
    # Of equally alike ones the first comes first.
    order = enough[np.argsort(-alike.ravel()[enough], kind="stable")]
    pairs = []
    free = [np.ones(side, dtype=np.bool_) for side in alike.shape]
    for one, other in zip(*np.unravel_index(order, alike.shape), strict=True):
        if free[0][one] and free[1][other]:
            free[0][one] = free[1][other] = False
            pairs.append((int(one), int(other)))
    return pairs


@dataclass
class Heads:
    """What a version answers with, as far as its answers tell.

    Attributes:
        kinds: Of `KINDS`.
        shapes: What its instances have, of `client.overlap.SHAPES`; none where it found none.
    """

    kinds: set[str] = field(default_factory=set)
    shapes: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, documents: Iterable[Mapping[str, Any]]) -> "Heads":
        """Of all its answers."""
        heads = cls()
        for document in documents:
            heads.add(document)
        return heads

    def add(self, document: Mapping[str, Any]) -> None:
        """Look at one more answer."""
        self.kinds |= set(KINDS) & document.keys()
        for one in document["predictions"][:1]:
            self.shapes |= set(SHAPES) & one.keys()


def one_sided(old: Heads, new: Heads) -> tuple[str, ...]:
    """What only one of two versions answers with, such as `mask`."""
    only = old.kinds ^ new.kinds
    if old.shapes and new.shapes:  # who finds nothing does not say what it would have
        only |= old.shapes ^ new.shapes
    return tuple(one for one in (*SHAPES, *KINDS) if one in only)
