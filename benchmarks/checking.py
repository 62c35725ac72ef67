"""Holds every answer of an arm against what Detectron2 says of the image."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from benchmarks.comparison import Comparison, compare
from benchmarks.found import Found

T = TypeVar("T")

_REASONS_KEPT = 5


class Checks(Protocol):
    """What looks at the answers of a series.

    Attributes:
        reasons: Why answers were not good, in words; the first few.
    """

    reasons: list[str]

    def is_good(self, index: int, answer: Any) -> bool:
        """Whether an answer for an image is what the arm promises."""

    def as_dict(self) -> dict[str, Any]:
        """What was found, as JSON values."""


class Checker(Generic[T]):
    """Knows the answers that were found to be right by their fingerprints.

    The first answer for an image, before the clock runs, is read and compared as a whole; while the
    clock runs its repetitions cost a hash. An answer that is not a repetition is read again.
    """

    def __init__(
        self,
        read: Callable[[T], Found],
        expected: Sequence[Found],
        *,
        fingerprint: Callable[[T], bytes],
        promises_identical: bool,
        compares_masks: bool = True,
    ) -> None:
        """Set up.

        Args:
            read: Makes sense of an answer.
            expected: What Detectron2 says of each image.
            fingerprint: Equal for answers that are equal.
            promises_identical: Any other answer is a failure; else it is one that deviates.
            compares_masks: Answers have masks; else those of `read` say nothing.
        """
        self._read = read
        self._expected = expected
        self._fingerprint = fingerprint
        self._promises_identical = promises_identical
        self._compares_masks = compares_masks
        self._known: list[dict[bytes, bool]] = [{} for _ in expected]
        self.comparison = Comparison()
        self.reasons: list[str] = []

    def is_good(self, index: int, answer: T) -> bool:
        """Whether an answer for an image is what the arm promises."""
        key = self._fingerprint(answer)
        if key not in self._known[index]:
            self._known[index][key] = self._compare(index, answer)
        return self._known[index][key]

    def fail(self, reason: str) -> None:
        """Note why there was no answer."""
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(reason)

    def as_dict(self) -> dict[str, Any]:
        """What was found, as JSON values; different answers for one image count each."""
        found = self.comparison.as_dict()
        if not self._compares_masks:
            found |= {"least_mask_iou": None, "median_mask_iou": None}
        return {**found, "compares_masks": self._compares_masks, "reasons": self.reasons}

    def _compare(self, index: int, answer: T) -> bool:
        try:
            found = self._read(answer)
        except (ValueError, KeyError, TypeError) as error:
            self.fail(f"image {index}: unreadable answer: {error!r}")
            return False
        one = compare(found, self._expected[index])
        self.comparison += one
        if one.is_identical or not self._promises_identical:
            return True
        objects = one.matching
        least = objects.least_mask_iou if self._compares_masks else None
        self.fail(
            f"image {index}: {objects.unpaired} unpaired of {objects.expected} objects, boxes "
            f"differ by {objects.largest_box_px:.3g} px, scores by {objects.largest_score:.3g}"
            + ("" if least is None else f", mask IoU down to {least:.4f}")
        )
        return False


class LengthChecker:
    """Of answers that say nothing: they have to be as long as was asked for."""

    def __init__(self, sizes: Sequence[int]) -> None:
        """Set up.

        Args:
            sizes: Bytes of the answer for each image.
        """
        self._sizes = sizes
        self.reasons: list[str] = []

    def is_good(self, index: int, answer: bytes) -> bool:
        """Whether an answer is as long as was asked for."""
        if len(answer) == self._sizes[index]:
            return True
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(
                f"image {index}: {len(answer)} bytes, {self._sizes[index]} were asked for"
            )
        return False

    def as_dict(self) -> dict[str, Any]:
        """Nothing but reasons: there is nothing to compare with Detectron2's."""
        return {"reasons": self.reasons}


def of_bytes(body: bytes) -> bytes:
    """Fingerprint of a response body."""
    return hashlib.blake2b(body, digest_size=16).digest()


def of_instances(instances: Any) -> bytes:
    """Fingerprint of Detectron2's `Instances`, on any device."""
    digest = hashlib.blake2b(digest_size=16)
    for value in instances.to("cpu").get_fields().values():
        digest.update(getattr(value, "tensor", value).contiguous().numpy())
    return digest.digest()
