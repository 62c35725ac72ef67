"""How far two versions of a model say the same of the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from client.models.overlap import SHAPES, overlaps

SAME_OBJECT = 0.5
"""Objects of one class that are alike at least so much are the same one; see `overlaps`."""

_SEGMENTATIONS = ("semantic", "panoptic")
_KINDS = ("predictions", "proposals", *_SEGMENTATIONS)


@dataclass(frozen=True)
class Agreement:
    """Detections, proposals and segments that both versions found, over all images.

    Attributes:
        old: What the old version found above the score.
        old_found_again: Those of them that have a counterpart among all that the new one found.
        new: What the new version found above the score.
        new_found_before: Those of them that have a counterpart among all that the old one found.
        one_sided: What only one of the versions answers with, such as `mask`.
    """

    old: int
    old_found_again: int
    new: int
    new_found_before: int
    one_sided: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """0 to 1, counting both directions: a version that sees more than there is disagrees."""
        found = self.old + self.new
        return (self.old_found_again + self.new_found_before) / found if found else 1.0

    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.old_found_again} of the old version's {self.old} detections are found again, "
            f"and {self.new_found_before} of the new one's {self.new} were found before: "
            f"{self.share:.0%} agree"
            + (f"; only one of the two has {', '.join(self.one_sided)}" if self.one_sided else "")
        )


def agreement(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], *, score: float
) -> Agreement:
    """Compare answers in the `native` format, image by image.

    Args:
        old: The old version's.
        new: The new version's, of the same images.
        score: Detections below it need no counterpart, but can be one; 0 to 1. Of proposals it is
            the probability that the objectness, a logit, stands for.
    """
    counts = np.zeros(4, dtype=np.int64)
    for one, other in zip(old, new, strict=True):
        for kind in _KINDS:
            counts += _count(_found(one, kind), _found(other, kind), score)
    found, again, new_found, before = (int(count) for count in counts)
    return Agreement(found, again, new_found, before, _one_sided(old, new))


@dataclass(frozen=True)
class _Found:
    """N objects of one kind, their class names, and (N,) scores."""

    objects: Sequence[dict[str, Any]]
    classes: list[str]
    scores: npt.NDArray[np.float64]


def _found(document: dict[str, Any], kind: str) -> _Found:
    if kind == "proposals":
        boxes = document.get(kind, [])
        logits = np.array([one["objectness"] for one in boxes], dtype=np.float64)
        return _Found(boxes, [kind] * len(boxes), np.exp(-np.logaddexp(0, -logits)))
    objects = (
        document.get(kind, {}).get("segments", []) if kind in _SEGMENTATIONS else document[kind]
    )
    return _Found(
        objects,
        [one["class_name"] for one in objects],
        np.array([one.get("score", 1.0) for one in objects], dtype=np.float64),
    )


def _count(old: _Found, new: _Found, score: float) -> npt.NDArray[np.int64]:
    pairs = _counterparts(old, new)
    counted_old, counted_new = old.scores >= score, new.scores >= score
    return np.array(
        [
            counted_old.sum(),
            sum(bool(counted_old[one]) for one, _ in pairs),
            counted_new.sum(),
            sum(bool(counted_new[other]) for _, other in pairs),
        ],
        dtype=np.int64,
    )


def _counterparts(old: _Found, new: _Found) -> list[tuple[int, int]]:
    """Positions on both sides, each in one pair at most, those that are most alike first."""
    if not old.classes or not new.classes:
        return []
    alike = overlaps(old.objects, new.objects)
    alike[np.array(old.classes)[:, None] != np.array(new.classes)] = 0
    pairs = []
    while alike.max() >= SAME_OBJECT:
        one, other = (int(i) for i in np.unravel_index(alike.argmax(), alike.shape))
        pairs.append((one, other))
        alike[one], alike[:, other] = 0, 0
    return pairs


def _one_sided(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    sides = [{kind for one in side for kind in _KINDS if kind in one} for side in (old, new)]
    shapes = [
        {shape for one in side for thing in one["predictions"][:1] for shape in thing} & set(SHAPES)
        for side in (old, new)
    ]
    if all(shapes):  # who finds nothing does not say what it would have
        sides = [one | other for one, other in zip(sides, shapes, strict=True)]
    only = sides[0] ^ sides[1]
    return tuple(one for one in (*SHAPES, *_KINDS) if one in only)
