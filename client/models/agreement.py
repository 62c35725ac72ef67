"""How far two versions of a model say the same of the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from client.counterparts import (
    KINDS,
    SAME_OBJECT,
    Found,
    Heads,
    found,
    most_alike,
    one_sided,
    same_class,
)
from client.overlap import overlaps


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
        both = self.old + self.new
        return (self.old_found_again + self.new_found_before) / both if both else 1.0

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
        for kind in KINDS:
            counts += _count(found(one, kind), found(other, kind), score)
    of_old, again, of_new, before = (int(count) for count in counts)
    return Agreement(of_old, again, of_new, before, one_sided(Heads.of(old), Heads.of(new)))


def _count(old: Found, new: Found, score: float) -> npt.NDArray[np.int64]:
    pairs = _counterparts(old, new)
    counted_old, counted_new = old.counted(score), new.counted(score)
    return np.array(
        [
            counted_old.sum(),
            sum(bool(counted_old[one]) for one, _ in pairs),
            counted_new.sum(),
            sum(bool(counted_new[other]) for _, other in pairs),
        ],
        dtype=np.int64,
    )


def _counterparts(old: Found, new: Found) -> list[tuple[int, int]]:
    if not old.classes or not new.classes:
        return []
    alike = overlaps(old.objects, new.objects)
    return most_alike(np.where(same_class(old, new), alike, 0), SAME_OBJECT)
