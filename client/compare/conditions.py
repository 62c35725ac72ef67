"""`--fail-if "ap_drop>0.01"`: what may be asked of a comparison, and how it is written.

Nothing here knows how versions are compared, so that every command with such gates reads them
alike.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from client.errors import ClientError
from client.evaluate.matches import TASKS

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_WRITTEN = re.compile(rf"\s*(\w+)\s*({'|'.join(_OPERATORS)})\s*(\S+)\s*")
_POINTS = "AP is from 0 to 1 here: 0.01 is one point of COCOEvaluator's table"


class ConditionError(ClientError):
    """A condition that is not one, or that nothing is known for: wrong usage."""


@dataclass(frozen=True)
class Quantity:
    """A number that a comparison brings.

    Attributes:
        name: Of it in conditions.
        meaning: What it is.
        low: The least that it can be.
        high: The most.
        of_annotations: Whether it takes annotations.
    """

    name: str
    meaning: str
    low: float = 0.0
    high: float = 1.0
    of_annotations: bool = False

    @property
    def range(self) -> str:
        """For people."""
        if math.isinf(self.high):
            return f"{self.low:g} or more"
        return f"from {self.low:g} to {self.high:g}"


def _precision() -> Iterable[Quantity]:
    def drop(name: str, meaning: str) -> Quantity:
        return Quantity(name, meaning, -1.0, 1.0, of_annotations=True)

    for metric in ("ap", "ap50", "ap75"):
        what = f"{metric.upper()} of the old version without that of the new one"
        yield drop(f"{metric}_drop", f"{what}; of boxes, masks and keypoints the largest")
        for task, of_what in TASKS.items():
            yield drop(f"{metric}_drop_{task}", f"the same of {of_what} alone")
    interval = "end of the 95 % interval of ap_drop; of boxes, masks and keypoints the largest"
    yield drop("ap_drop_low", f"lower {interval}: above 0 it is no chance of the images")
    yield drop("ap_drop_high", f"upper {interval}: so much it may be with other images")
    yield drop("class_ap_drop", "AP drop of the class, and task, that loses most")


def _overlaps() -> Iterable[Quantity]:
    for name, what in (
        ("box_iou", "IoU of the boxes (rotated ones where there are such)"),
        ("mask_iou", "IoU of the masks"),
        ("keypoint_oks", "likeness (OKS) of the keypoints"),
    ):
        yield Quantity(f"{name}_median", f"median {what} of objects that both versions find")
        yield Quantity(f"{name}_p5", "the value that 5 % of them do not reach")


_TABLE = (
    Quantity("agreement", "share of the detections that are found again, in both directions"),
    Quantity("lost_share", "share of the old version's detections where the new one finds nothing"),
    Quantity("new_share", "share of the new version's detections where the old one finds nothing"),
    Quantity("changed_share", "share of the old version's detections with another class now"),
    *_overlaps(),
    Quantity("score_shift", "median of the new score without the old one", -1.0),
    Quantity("score_shift_size", "median size of that, whichever its sign"),
    Quantity("score_shift_largest", "largest size of it"),
    *_precision(),
    Quantity("slowdown", "times as long as the old version that the new one takes", 0.0, math.inf),
    Quantity("slowdown_low", "lower end of the 95 % interval of slowdown", 0.0, math.inf),
    Quantity("server_slowdown", "slowdown of the worker alone", 0.0, math.inf),
    Quantity(
        "failed_images",
        "images that the old version answers and the new one does not",
        0.0,
        math.inf,
    ),
)

QUANTITIES: Mapping[str, Quantity] = {one.name: one for one in _TABLE}


@dataclass(frozen=True)
class Condition:
    """Something that must not be so.

    Attributes:
        quantity: Of which number.
        operator: `>`, `>=`, `<` or `<=`.
        limit: What it is held against.
    """

    quantity: Quantity
    operator: str
    limit: float

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.quantity.name}{self.operator}{self.limit:.12g}"

    def holds(self, value: float) -> bool:
        """Whether it is so.

        Args:
            value: Of the quantity.
        """
        return _OPERATORS[self.operator](value, self.limit)


@dataclass(frozen=True)
class Value:
    """A number that a comparison has brought, or why it has not.

    Attributes:
        number: None where there is none.
        why: Why there is none, as a sentence without its full stop.
        is_missing: Whether what it would be made of was not there at all: to ask for it is wrong
            usage. Otherwise the versions themselves give none, and a condition on it fails.
    """

    number: float | None
    why: str = ""
    is_missing: bool = False


@dataclass(frozen=True)
class Verdict:
    """A condition, and what became of it.

    Attributes:
        condition: Which one.
        value: Of its quantity.
    """

    condition: Condition
    value: Value

    @property
    def fails(self) -> bool:
        """Whether what must not be so is so, or nobody can tell."""
        return self.value.number is None or self.condition.holds(self.value.number)

    def sentence(self) -> str:
        """For people."""
        name = self.condition.quantity.name
        if self.value.number is None:
            return f"{self.condition}: {name} is not defined, {self.value.why}"
        return f"{self.condition}: {name} is {self.value.number:.4g}"


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Args:
        text: Such as `ap_drop>0.01`.

    Raises:
        ConditionError: It is none, or one that is always so or never.
    """
    found = _WRITTEN.fullmatch(text)
    limit = _number(found[3]) if found else None
    if not found or limit is None:
        raise ConditionError(
            f"{text!r} is no condition; accepted are NAME OPERATOR NUMBER such as ap_drop>0.01, "
            f"with {', '.join(sorted(_OPERATORS))}."
        )
    quantity = QUANTITIES.get(found[1])
    if quantity is None:
        raise ConditionError(
            f"{text!r} names {found[1]}, which is unknown; known are {', '.join(QUANTITIES)}."
        )
    condition = Condition(quantity, found[2], limit)
    ends = {condition.holds(quantity.low), condition.holds(quantity.high)}
    # One that holds at one end and not at the other can tell versions apart.
    if len(ends) == 1:
        always = "always" if ends == {True} else "never"
        points = f" ({_POINTS})" if quantity.of_annotations else ""
        raise ConditionError(
            f"{text!r} is {always} so: {quantity.name} is {quantity.range}{points}."
        )
    return condition


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def require_annotations(conditions: Sequence[Condition]) -> None:
    """Refuse what cannot be known without annotations.

    Args:
        conditions: Of a comparison that has none.

    Raises:
        ConditionError: Some cannot.
    """
    names = [str(one) for one in conditions if one.quantity.of_annotations]
    if names:
        raise ConditionError(
            f"--fail-if {', '.join(names)}: AP takes annotations, and there are none; "
            "--annotations names them."
        )


def verdicts(conditions: Sequence[Condition], values: Mapping[str, Value]) -> tuple[Verdict, ...]:
    """What became of conditions, in their order.

    Args:
        conditions: Those.
        values: Of all quantities.
    """
    return tuple(Verdict(one, values[one.quantity.name]) for one in conditions)


def refuse_missing(found: Sequence[Verdict]) -> None:
    """Refuse conditions on what was not there at all.

    Args:
        found: What became of all.

    Raises:
        ConditionError: All such.
    """
    missing = [one for one in found if one.value.is_missing]
    if missing:
        raise ConditionError(
            "\n".join(f"--fail-if {one.condition}: {one.value.why}." for one in missing)
        )
