"""Curves of a training, drawn from Detectron2's `metrics.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from examples.coins.validation import VALIDATION_LOSS

FIGURE_INCHES = (6.4, 4.0)
DOTS_PER_INCH = 100

Curve = list[tuple[int, float]]
"""Pairs of a number of iterations done and a value."""


def read_curves(metrics_file: Path) -> dict[str, Curve]:
    """Read every scalar of a training.

    Lines of an interrupted training that were done again after resuming count once, as redone.

    Args:
        metrics_file: one JSON object a line, each with the key `iteration`.

    Returns:
        The curve of each scalar by name, in the order of iterations.
    """
    values: dict[str, dict[int, float]] = {}
    for line in metrics_file.read_text().splitlines():
        scalars = json.loads(line)
        done = int(scalars.pop("iteration")) + 1
        for name, value in scalars.items():
            values.setdefault(name, {})[done] = value
    return {name: sorted(points.items()) for name, points in values.items()}


def draw_curves(path: Path, title: str, y_label: str, curves: Mapping[str, Curve]) -> None:
    """Write one PNG with named curves over iterations.

    Args:
        path: where to write.
        title: heading of the figure.
        y_label: what the values are.
        curves: the curves by the name that the legend shows.
    """
    figure, axes = plt.subplots(figsize=FIGURE_INCHES, layout="constrained")
    for name, curve in curves.items():
        iterations, values = [point[0] for point in curve], [point[1] for point in curve]
        axes.plot(iterations, values, marker="." if len(curve) < 40 else "", label=name)
    axes.set(title=title, xlabel="iterations", ylabel=y_label)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=DOTS_PER_INCH)
    plt.close(figure)


def draw_plots(metrics_file: Path, folder: Path) -> None:
    """Write `loss.png` and `ap.png` into a folder.

    Args:
        metrics_file: the metrics of the training.
        folder: where to write; it exists.
    """
    curves = read_curves(metrics_file)
    losses = {
        "training (median of 20)": curves.get("total_loss", []),
        "validation": curves.get(VALIDATION_LOSS, []),
    }
    draw_curves(folder / "loss.png", "Training and validation loss", "sum of losses", losses)
    precision = {
        "masks": curves.get("segm/AP", []),
        "boxes": curves.get("bbox/AP", []),
    }
    draw_curves(folder / "ap.png", "Average precision on validation scenes", "COCO AP", precision)
