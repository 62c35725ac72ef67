"""What a fault is, and what is found when it is done."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torture.place import Place


@dataclass(frozen=True)
class Finding:
    """What one fault showed, in words for the table and in figures.

    Attributes:
        saw: What clients saw.
        returned: Until service returned.
        lost: What was lost.
        figures: JSON values.
        broken: Promises that were not kept.
    """

    saw: str
    returned: str
    lost: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "broken": list(self.broken)}


@dataclass(frozen=True)
class Fault:
    """One thing that is done to a server on purpose.

    Attributes:
        name: By which `--only` finds it.
        done: What is done, as the table says it.
        promise: What has to be true then.
        do: Does it.
        quick: Whether it belongs to the short form.
    """

    name: str
    done: str
    promise: str
    do: Callable[[Place], Finding]
    quick: bool = True


def unmet(promises: Mapping[str, bool]) -> tuple[str, ...]:
    """Those that are not true, as sentences.

    Args:
        promises: Whether each is kept, by what it says.
    """
    return tuple(f"Not so: {promise}." for promise, kept in promises.items() if not kept)
