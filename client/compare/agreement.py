"""Differences of all images -> how far two versions agree: counts, overlaps, shifts of scores."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from client.compare.differences import Differences, Match, Single
from client.evaluate.steps import Step, no_step

NOTHING = "nothing"
"""What an object is taken for by a version that does not say it."""

_OVERLAP_PERCENTILES = {"median": 50, "p10": 10, "p5": 5, "p1": 1, "lowest": 0}
_SHIFT_PERCENTILES = {"median": 50, "p5": 5, "p95": 95, "lowest": 0, "highest": 100}


@dataclass(frozen=True)
class Counts:
    """How many objects both versions say; those that count have the least score.

    Attributes:
        old: What the old version says and counts.
        found_again: Of these, what the new one takes for the same class, whatever its score.
        new: What the new version says and counts.
        found_before: Of these, what the old one takes for the same class, whatever its score.
        changed: What both say and count, and take for different classes. Of one class: what the
            old version took for it.
        only_old: What the old version alone says.
        only_new: What the new one alone says.
    """

    old: int
    found_again: int
    new: int
    found_before: int
    changed: int
    only_old: int
    only_new: int

    @property
    def agreement(self) -> float:
        """0 to 1, counting both directions, as `models rollout` does; NaN where nothing counts."""
        both = self.old + self.new
        return (self.found_again + self.found_before) / both if both else float("nan")


@dataclass(frozen=True)
class Spread:
    """A number of many objects.

    Attributes:
        values: (N,) float64, ascending.
    """

    values: npt.NDArray[np.float64]

    @property
    def median(self) -> float:
        """NaN where there are none."""
        return float(np.median(self.values)) if len(self.values) else float("nan")

    def of_overlaps(self) -> dict[str, float]:
        """`count`, `median`, and how low it gets: percentiles 10, 5 and 1, and the lowest."""
        return self._named(_OVERLAP_PERCENTILES)

    def of_shifts(self) -> dict[str, float]:
        """`count`, `median`, how wide it is, and how large: of the sizes, median and largest."""
        sizes = Spread(np.sort(np.abs(self.values)))
        return {
            **self._named(_SHIFT_PERCENTILES),
            "median_size": sizes.median,
            "largest_size": float(sizes.values[-1]) if len(self.values) else float("nan"),
        }

    def _named(self, percentiles: dict[str, int]) -> dict[str, float]:
        nothing = [float("nan")] * len(percentiles)
        there = len(self.values) > 0
        found = np.percentile(self.values, [*percentiles.values()]).tolist() if there else nothing
        return {"count": len(self.values), **dict(zip(percentiles, found, strict=True))}


@dataclass(frozen=True)
class Group:
    """Objects of a class, or of all of them.

    Attributes:
        counts: How many.
        overlaps: By shape, of objects that both take for the same class.
        shifts: Likewise, the new score without the old one.
    """

    counts: Counts
    overlaps: dict[str, Spread]
    shifts: Spread


@dataclass(frozen=True)
class ClassName:
    """A class, by its kind (`client.counterparts.KINDS`) and name."""

    kind: str
    name: str


@dataclass(frozen=True)
class Agreement:
    """How far two versions say the same.

    Attributes:
        total: Of all objects.
        classes: Of each class, those of one kind together, by their names.
        cells: Of each image, the cells of `changes` that it has objects in.
        changes: (K + 1, K + 1) int64: objects by what the old version (row) and the new one
            (column) takes them for. The last row and column are `NOTHING`.
        one_sided: What only one of them answers with, such as `mask`.
    """

    total: Group
    classes: dict[ClassName, Group]
    cells: Sequence[Sequence[tuple[int, int]]]
    changes: npt.NDArray[np.int64]
    one_sided: tuple[str, ...]


def agreement(
    images: Sequence[Differences], one_sided: tuple[str, ...] = (), *, step: Step = no_step
) -> Agreement:
    """Add up the differences of all images.

    Args:
        images: Of each.
        one_sided: Kept.
        step: Called with each.
    """
    tallies: defaultdict[ClassName, _Tally] = defaultdict(_Tally)
    for one in images:
        step("adding up what differs")
        _count(one, tallies)
    names = sorted(tallies, key=lambda one: (one.kind, one.name))
    places = {name: position for position, name in enumerate(names)}
    # The same few cells are those of all images.
    known: dict[tuple[int, int], tuple[int, int]] = {}
    cells = [tuple(known.setdefault(cell, cell) for cell in _cells(one, places)) for one in images]
    changes = np.zeros((len(names) + 1, len(names) + 1), dtype=np.int64)
    for cell in (cell for of_image in cells for cell in of_image):
        changes[cell] += 1
    return Agreement(
        _group(tallies.values()),
        {name: _group([tallies[name]]) for name in names},
        cells,
        changes,
        one_sided,
    )


def _no_values() -> "array[float]":
    return array("d")  # a quarter of a list


class _Tally:
    """What is counted of a class."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.overlaps: defaultdict[str, array[float]] = defaultdict(_no_values)
        self.shifts = _no_values()

    def add(self, match: Match) -> None:
        """An object that both take for this class."""
        self.counts.update(old=match.old.counts, found_again=match.old.counts)
        self.counts.update(new=match.new.counts, found_before=match.new.counts)
        for shape, value in match.overlap.items():
            self.overlaps[shape].append(value)
        if match.shift is not None:
            self.shifts.append(match.shift)


def _count(one: Differences, tallies: Mapping[ClassName, _Tally]) -> None:
    for match in one.same:
        tallies[_old(match)].add(match)
    for match in one.changed:
        tallies[_old(match)].counts.update(("old", "changed"))
        tallies[_new(match)].counts.update(("new",))
    for single in one.only_old:
        tallies[_single(single)].counts.update(("old", "only_old"))
    for single in one.only_new:
        tallies[_single(single)].counts.update(("new", "only_new"))


def _group(tallies: Iterable[_Tally]) -> Group:
    counts: Counter[str] = Counter()
    overlaps: defaultdict[str, array[float]] = defaultdict(_no_values)
    shifts = _no_values()
    for one in tallies:
        counts.update(one.counts)
        for shape, values in one.overlaps.items():
            overlaps[shape] += values
        shifts += one.shifts
    return Group(
        Counts(**{field.name: counts[field.name] for field in fields(Counts)}),
        {shape: Spread(np.sort(values)) for shape, values in overlaps.items()},
        Spread(np.sort(np.array(shifts, dtype=np.float64))),
    )


def _cells(one: Differences, places: Mapping[ClassName, int]) -> Iterator[tuple[int, int]]:
    nothing = len(places)
    for match in (*one.same, *one.changed):
        yield places[_old(match)], places[_new(match)]
    for single in one.only_old:
        yield places[_single(single)], nothing
    for single in one.only_new:
        yield nothing, places[_single(single)]


def _old(match: Match) -> ClassName:
    return ClassName(match.kind, match.old.class_name)


def _new(match: Match) -> ClassName:
    return ClassName(match.kind, match.new.class_name)


def _single(single: Single) -> ClassName:
    return ClassName(single.kind, single.thing.class_name)
