"""Sections of a page that are drawn over axes: lines and histograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes:
        name: Of it in the legend.
        y: A value for each of the plot's `x`; None where there is none.
        point: x, y of a mark on it.
    """

    name: str
    y: Sequence[float | None]
    point: tuple[float, float] | None = None


@dataclass(frozen=True)
class Plot:
    """Lines over one axis; both axes go from 0 to 1.

    Attributes:
        title: Above it.
        x_label: Below it.
        y_label: At its left.
        x: Where lines have values, ascending.
        series: The lines.
        view: Name of the view that it is in.
    """

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    series: Sequence[Series]
    view: str = ""


@dataclass(frozen=True)
class Plots:
    """Plots side by side with one legend: a line that is chosen is chosen in all.

    Attributes:
        title: Heading.
        plots: Those; where they have several views, the reader chooses one, and sees the first one
            before that.
        lead: A sentence below the heading.
        main: Name of the line that stands out.
    """

    kind: ClassVar[str] = "plots"
    title: str
    plots: Sequence[Plot]
    lead: str = ""
    main: str = ""


@dataclass(frozen=True)
class Histogram:
    """How often values fall where.

    Attributes:
        title: Heading; empty where it belongs to the section before.
        label: What it shows, for those who cannot see it.
        unit: Of the values.
        what: What is counted.
        edges: N + 1 ascending values.
        counts: N numbers.
        marks: Value and name of lines across it.
        lead: A sentence below the heading.
        digits: Decimals of values.
    """

    kind: ClassVar[str] = "histogram"
    title: str
    label: str
    unit: str
    what: str
    edges: Sequence[float]
    counts: Sequence[int]
    marks: Sequence[tuple[float, str]] = ()
    lead: str = ""
    digits: int = 0


@dataclass(frozen=True)
class Histograms:
    """Histograms side by side; each has its title above it.

    Attributes:
        title: Heading.
        histograms: Those.
        lead: A sentence below the heading.
    """

    kind: ClassVar[str] = "histograms"
    title: str
    histograms: Sequence[Histogram]
    lead: str = ""
