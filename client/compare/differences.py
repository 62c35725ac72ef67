"""Two answers about one image -> what both say, and what only one of them says.

1. Objects of one class that are alike by the least overlap or more are the same one, the most alike
   first; each is in one pair at most. One of the two may have a score below the limit.
2. Of what is left and has the least score, objects of different classes likewise.
3. What is still left and has the least score is what only one of them says.

Alike is the least of what they have: boxes, rotated boxes, masks, keypoints (`client.overlap`). It
is what `models rollout` calls agreement, so that both commands mean the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

import numpy as np

from client.counterparts import KINDS, Found, found, most_alike, same_class
from client.overlap import Matrix, least_alike, overlaps_by_shape


@dataclass(frozen=True, slots=True)
class Thing:
    """An object of an answer.

    Attributes:
        index: Its position among those of its kind.
        class_name: What the version takes it for.
        score: 0 to 1; None where the model gives none.
        counts: Whether it has the least score.
    """

    index: int
    class_name: str
    score: float | None
    counts: bool


@dataclass(frozen=True, slots=True)
class Match:
    """The same object in both answers.

    Attributes:
        kind: Of `client.counterparts.KINDS`.
        old: What the old version says.
        new: What the new one says.
        shapes: What they have, of `client.overlap.SHAPES`; all pairs of an image share it.
        alike: How alike they are by each of these, 0 to 1.
    """

    kind: str
    old: Thing
    new: Thing
    shapes: tuple[str, ...]
    alike: tuple[float, ...]

    @property
    def overlap(self) -> dict[str, float]:
        """How alike they are, by shape."""
        return dict(zip(self.shapes, self.alike, strict=True))

    @property
    def shift(self) -> float | None:
        """The new score without the old one; None where there are none."""
        if self.old.score is None or self.new.score is None:
            return None
        return self.new.score - self.old.score

    @property
    def distance(self) -> float:
        """How much differs: 0 where nothing does, 2 at the most."""
        return 1 - min(self.alike, default=1.0) + abs(self.shift or 0.0)


@dataclass(frozen=True, slots=True)
class Single:
    """An object that only one of the answers has.

    Attributes:
        kind: Of `client.counterparts.KINDS`.
        thing: What that version says.
    """

    kind: str
    thing: Thing


@dataclass(frozen=True, slots=True)
class Differences:
    """Two answers about an image.

    Attributes:
        same: Objects that both take for the same class.
        changed: Objects that they take for different ones.
        only_old: What only the old version says.
        only_new: What only the new one says.
    """

    same: tuple[Match, ...]
    changed: tuple[Match, ...]
    only_old: tuple[Single, ...]
    only_new: tuple[Single, ...]

    @property
    def count(self) -> int:
        """On how many objects they differ."""
        return len(self.changed) + len(self.only_old) + len(self.only_new)

    @property
    def size(self) -> tuple[int, float]:
        """To sort by: how many objects differ, then how far the others are apart."""
        return self.count, sum(one.distance for one in self.same)


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], *, iou: float, score: float
) -> Differences:
    """Compare two answers.

    Args:
        old: In the `native` format.
        new: Likewise, about the same image.
        iou: How alike the same objects are at least; above 0.
        score: Least score of an object that counts; 0 to 1.
    """
    same: list[Match] = []
    changed: list[Match] = []
    only_old: list[Single] = []
    only_new: list[Single] = []
    for kind in KINDS:
        sides = _Sides(kind, found(old, kind), found(new, kind), score)
        pairs, others = sides.pairs(iou)
        same += (one for one in map(sides.match, pairs) if one.old.counts or one.new.counts)
        changed += map(sides.match, others)
        paired = [{side for side, _ in (*pairs, *others)}, {side for _, side in (*pairs, *others)}]
        only_old += (Single(kind, one) for one in sides.left(0, paired[0]))
        only_new += (Single(kind, one) for one in sides.left(1, paired[1]))
    return Differences(tuple(same), tuple(changed), tuple(only_old), tuple(only_new))


class _Sides:
    """Objects of one kind in both answers."""

    def __init__(self, kind: str, old: Found, new: Found, score: float) -> None:
        self._kind = kind
        self._sides = (old, new)
        self._counts = [side.counted(score) for side in self._sides]
        self._scored = [side.has_scores for side in self._sides]
        is_empty = not (old.classes and new.classes)
        self._by_shape = {} if is_empty else overlaps_by_shape(old.objects, new.objects)
        self._shapes = tuple(self._by_shape)

    def pairs(self, iou: float) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Positions of the same objects: of one class, and of different ones."""
        old, new = self._sides
        if not (old.classes and new.classes):
            return [], []
        alike: Matrix = least_alike(self._by_shape, (len(old.classes), len(new.classes)))
        same = most_alike(np.where(same_class(old, new), alike, 0), iou)
        rest = np.where(np.outer(*self._counts), alike, 0)
        rest[[one for one, _ in same]] = 0
        rest[:, [other for _, other in same]] = 0
        return same, most_alike(rest, iou)

    def match(self, pair: tuple[int, int]) -> Match:
        """A pair with what is said of it."""
        alike = tuple(float(matrix[pair]) for matrix in self._by_shape.values())
        old, new = self._thing(0, pair[0]), self._thing(1, pair[1])
        return Match(self._kind, old, new, self._shapes, alike)

    def left(self, side: int, paired: set[int]) -> Iterator[Thing]:
        """What counts and is in no pair."""
        for index in np.flatnonzero(self._counts[side]).tolist():
            if index not in paired:
                yield self._thing(side, index)

    def _thing(self, side: int, index: int) -> Thing:
        one = self._sides[side]
        return Thing(
            index,
            intern(one.classes[index]),  # of all images there is one of each name
            float(one.scores[index]) if self._scored[side] else None,
            bool(self._counts[side][index]),
        )
