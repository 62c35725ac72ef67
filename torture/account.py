"""Outcomes -> how many were what: right, wrong, lost, without an answer, badly formed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from torture.load import OK, Outcome

CUT_OFF = "cut off"
HUNG = "no answer"


@dataclass(frozen=True)
class Account:
    """Of many requests.

    Attributes:
        requests: How many.
        answers: How many got what: `200`, `500 InternalServerException`, `cut off`, `no answer`.
        wrong: Answers of 200 that are not what the model says of that image.
        malformed: Answers whose body is not of the form that docs/api.md describes.
        lost: Requests that did not get a right answer.
        longest_s: Longest wait of a request, in seconds.
        reasons: What the first answer of each kind but 200 said.
    """

    requests: int
    answers: dict[str, int]
    wrong: int
    malformed: int
    lost: int
    longest_s: float
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def hung(self) -> int:
        """Requests that had no answer when their time-out came."""
        return self.answers.get(HUNG, 0)

    @property
    def said(self) -> str:
        """What clients saw, as a clause."""
        return ", ".join(f"{count} x {what}" for what, count in self.answers.items()) or "nothing"

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def account(outcomes: Sequence[Outcome], expected: Sequence[Any] | None = None) -> Account:
    """Count.

    Args:
        outcomes: What became of requests.
        expected: Of each image, the answer that it gets; None where answers are not looked at.
    """
    answers = Counter(_what(one) for one in outcomes)
    wrong = (
        0
        if expected is None
        else sum(one.status == OK for one in outcomes)
        - sum(is_right(one, expected) for one in outcomes)
    )
    return Account(
        requests=len(outcomes),
        answers=dict(answers.most_common()),
        wrong=wrong,
        malformed=sum(one.status != 0 and not is_well_formed(one) for one in outcomes),
        lost=sum(one.status != OK for one in outcomes) + wrong,
        longest_s=round(max((one.seconds for one in outcomes), default=0.0), 3),
        reasons={_what(one): _reason(one) for one in reversed(outcomes) if one.status != OK},
    )


def is_right(outcome: Outcome, expected: Sequence[Any]) -> bool:
    """Whether an answer is, number for number, what the model says of that image."""
    return outcome.status == OK and outcome.document == expected[outcome.image]


def lost_of(outcomes: Sequence[Outcome], expected: Sequence[Any]) -> list[Outcome]:
    """Those that got no right answer."""
    return [one for one in outcomes if not is_right(one, expected)]


def under_way(outcomes: Sequence[Outcome], moment: float) -> list[Outcome]:
    """Those that had been sent and were not answered at a moment; seconds of `time.monotonic`."""
    return [one for one in outcomes if one.start < moment < one.end]


def is_well_formed(outcome: Outcome) -> bool:
    """Whether a body is JSON of the documented form: an answer, or an error with its reason."""
    document = outcome.document
    if not isinstance(document, dict):
        return False
    if outcome.status == OK:
        return {"model", "image", "predictions"} <= document.keys()
    return (
        document.get("code") == outcome.status
        and isinstance(document.get("type"), str)
        and isinstance(document.get("message"), str)
    )


def longest_gap_s(
    outcomes: Sequence[Outcome], expected: Sequence[Any], *, since: float, until: float
) -> float:
    """Longest time in which nobody got a right answer, in seconds.

    Args:
        outcomes: Of a load that went on all the time.
        expected: Of each image, its answer.
        since: When the fault was done; seconds of `time.monotonic`.
        until: When it was over.
    """
    moments = sorted(one.end for one in outcomes if is_right(one, expected))
    inside = [moment for moment in moments if since < moment < until]
    edges = [since, *inside, until]
    return max(after - before for before, after in pairwise(edges))


def _what(outcome: Outcome) -> str:
    if outcome.hung:
        return HUNG
    if not outcome.status:
        return CUT_OFF
    if outcome.status == OK:
        return str(OK)
    kind = outcome.document.get("type") if isinstance(outcome.document, dict) else None
    return f"{outcome.status} {kind}" if kind else str(outcome.status)


def _reason(outcome: Outcome) -> str:
    document = outcome.document
    said = document.get("message") if isinstance(document, dict) else document
    return str(said)[:300]
