"""Pages of every kind of section, with names that would be code if somebody let them."""

import base64

import cv2
import numpy as np

from client.report.page import Page
from client.report.plots import Histogram, Histograms, Plot, Plots, Series
from client.report.sections import (
    Column,
    Figure,
    Figures,
    Gallery,
    Matrix,
    Notes,
    Panel,
    Picture,
    Shape,
    Table,
    Text,
    nonzero,
)

EVIL = (
    "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'>&amp;\u2028"
)
CLASSES = ("cat", "dog", EVIL)


def jpeg(seed: int) -> str:
    """A data URI of some colours."""
    blocks = np.random.default_rng(seed).integers(40, 220, (6, 8, 3), dtype=np.uint8)
    picture = cv2.resize(blocks, (320, 240), interpolation=cv2.INTER_CUBIC)
    return f"data:image/jpeg;base64,{base64.b64encode(cv2.imencode('.jpg', picture)[1]).decode()}"


def picture(number: int) -> Picture:
    shapes = (
        Shape("right", "cat 0.93", (20, 30, 120, 90), "M20 30L140 30L140 120L20 120Z"),
        Shape("false", f"{EVIL} 0.71", (180, 60, 90, 140), points=((200, 80), (220, 90))),
    )
    panels = (Panel("ground truth", shapes[:1]), Panel("prediction", shapes))
    return Picture(name(number), "1 false alarm", jpeg(number), 320, 240, panels)


def name(number: int) -> str:
    return EVIL if number == 0 else f"val/{number:06d}.jpg"


def every_kind(*, images: int = 40, pictures: int = 3) -> Page:
    """A page with one section of each kind.

    Args:
        images: Rows of the long table; their errors are (7 * number) % 11, of number 3 nothing.
        pictures: In the gallery, of the first images.
    """
    scores = [k / 10 for k in range(11)]
    lines = [Series(one, [1 - x * (k + 1) / 4 for x in scores]) for k, one in enumerate(CLASSES)]
    rows = [[name(k), None if k == 3 else (7 * k) % 11, k / 2] for k in range(images)]
    return Page(
        f"made up {EVIL}",
        "a line below",
        [
            Figures([Figure("46.9", "AP boxes", EVIL), Figure("75 ms", "median")]),
            Notes("Before you believe", [EVIL, "It is made up."]),
            Plots(
                "Curves",
                [
                    Plot("one", "recall", "precision", scores, lines),
                    Plot("two", "score", "F1", scores, [*lines[:2], Series("all", [0.5] * 11)]),
                ],
                main="all",
            ),
            Matrix(
                "Confusion",
                [*CLASSES, "background"],
                nonzero([[9, 2, 0, 1], [0, 8, 0, 0], [3, 0, 5, 1], [1, 0, 2, 0]]),
                "truth",
                "prediction",
                filters="images",
            ),
            Gallery(
                "Worst",
                [picture(k) for k in range(pictures)],
                (("right", "found"), ("false", "false alarm")),
            ),
            Table(
                "Images",
                [Column("image", "image"), Column("errors"), Column("ms", digits=1, bar=20)],
                rows,
                id="images",
                tags=[[4 * (k % 2) + k % 4] for k in range(images)],
                search=True,
                sort=1,
            ),
            Histogram("Times", "times", "ms", "images", [0, 10, 20, 30], [3, 9, 1], [(12, "half")]),
            Histograms(
                "Shifts",
                [
                    Histogram(EVIL, "shifts", "score", "objects", [-1, 0, 1], [2, 1], digits=1),
                    Histogram("masks", "masks", "IoU", "objects", [0, 0.5, 1], [0, 1]),
                ],
                "a line below",
            ),
            Text("How", [("term", EVIL)]),
        ],
    )
