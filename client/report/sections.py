"""What a page is made of; each kind is drawn by a function of the page's script.

Texts are texts: whatever is in them, the page shows it as it is. A number that does not exist is
None, or NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from client.report.plots import Histogram, Histograms, Plots

Value: TypeAlias = "str | int | float | None"

Look: TypeAlias = Literal["right", "wrong", "missed", "false", "ignored"]
"""How a shape is drawn; the legend of a gallery explains those that it has."""


@dataclass(frozen=True)
class Figure:
    """A number in large type.

    Attributes:
        value: As it is to be read.
        label: What it is.
        hint: A line below.
    """

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True)
class Figures:
    """The few numbers that matter most, side by side."""

    kind: ClassVar[str] = "figures"
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Notes:
    """Sentences that must not be overlooked."""

    kind: ClassVar[str] = "notes"
    title: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class Text:
    """Terms and what they mean.

    Attributes:
        title: Heading.
        entries: Term and sentence.
    """

    kind: ClassVar[str] = "text"
    title: str
    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        label: Its head.
        kind: `text`; `number`; or `image`, a name that opens the gallery where it has that image.
        digits: Decimals of numbers.
        most_digits: Of numbers that have more decimals, so many are shown; 0 is `digits`.
        hint: What it is, for those who point at the head.
        bar: Whether a bar shows numbers as shares of this one; 0 draws none.
    """

    label: str
    kind: Literal["text", "number", "image"] = "number"
    digits: int = 0
    most_digits: int = 0
    hint: str = ""
    bar: float = 0


@dataclass(frozen=True)
class Table:
    """Rows that are sorted by a click on a head, and made when they are scrolled to.

    Attributes:
        title: Heading.
        columns: C of them.
        rows: Lists of C values.
        lead: A sentence below the heading.
        id: Name by which a `Matrix` filters it.
        tags: Of each row, the cells of that matrix that the row belongs to.
        search: Whether rows can be searched by their texts.
        sort: Column that rows are sorted by; None leaves their order.
    """

    kind: ClassVar[str] = "table"
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    lead: str = ""
    id: str = ""
    tags: Sequence[Sequence[int]] | None = None
    search: bool = False
    sort: int | None = None


@dataclass(frozen=True)
class Matrix:
    """A heat table; its diagonal is what is right.

    Of many labels those are left out that have no counts; where many are still left, what is not on
    the diagonal is listed, the largest first.

    Attributes:
        title: Heading.
        labels: Of rows and columns.
        cells: Row, column and count of those that are not 0; `nonzero` makes them.
        row_name: What rows are.
        column_name: What columns are.
        lead: A sentence below the heading.
        filters: Name of the table that shows a cell's rows; their tag is
            row * number of labels + column.
    """

    kind: ClassVar[str] = "matrix"
    title: str
    labels: Sequence[str]
    cells: Sequence[tuple[int, int, int]]
    row_name: str
    column_name: str
    lead: str = ""
    filters: str = ""


def nonzero(counts: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    """The cells of a `Matrix`.

    Args:
        counts: Rows of numbers.
    """
    return [
        (row, column, count)
        for row, numbers in enumerate(counts)
        for column, count in enumerate(numbers)
        if count
    ]


@dataclass(frozen=True)
class Shape:
    """Something drawn on a picture, in the pixels of the picture as it is in the page.

    Attributes:
        look: How it is drawn.
        label: Its name, for those who point at it and in the large view.
        box: x0, y0, width, height.
        outline: Path data of SVG; empty where there is no mask.
        points: x, y of keypoints.
    """

    look: Look
    label: str
    box: tuple[float, float, float, float]
    outline: str = ""
    points: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Panel:
    """One view of a picture.

    Attributes:
        label: What it shows.
        shapes: Drawn on it.
    """

    label: str
    shapes: Sequence[Shape]


@dataclass(frozen=True)
class Picture:
    """A picture, seen once for each panel.

    Attributes:
        name: Of it; `image` columns of tables find it by that.
        caption: What is worth seeing.
        src: A data URI.
        width: In pixels.
        height: In pixels.
        panels: Side by side.
    """

    name: str
    caption: str
    src: str
    width: int
    height: int
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Gallery:
    """Pictures, which open large.

    Attributes:
        title: Heading.
        pictures: Those.
        legend: What each look means.
        lead: A sentence below the heading.
    """

    kind: ClassVar[str] = "gallery"
    title: str
    pictures: Sequence[Picture]
    legend: Sequence[tuple[Look, str]]
    lead: str = ""


Section: TypeAlias = (
    Figures | Notes | Text | Table | Plots | Histogram | Histograms | Matrix | Gallery
)
