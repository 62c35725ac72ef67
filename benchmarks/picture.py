"""Results -> one picture: ratios, where the time goes, how it grows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import figures, growth
from benchmarks.figures import Result

_COLOURS = {
    "decode": "#4477aa",
    "preprocess": "#66ccee",
    "read": "#bbbbbb",
    "masks": "#ee6677",
    "encode": "#ccbb44",
    "beyond the handler": "#228833",
}
"""Paul Tol's bright scheme, which colour-blind people tell apart."""


def draw(results: Mapping[str, Result], path: Path) -> None:
    """Draw a row of three panels for each result.

    Args:
        results: By name.
        path: A PNG file.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, rows = plt.subplots(
        len(results), 3, figsize=(15, 4 * len(results)), squeeze=False, layout="constrained"
    )
    for (name, result), (left, middle, right) in zip(results.items(), rows, strict=True):
        _draw_ratios(left, name, result)
        _draw_stages(middle, result)
        _draw_growth(right, result)
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def _draw_ratios(axes: Any, name: str, result: Result) -> None:
    compared = figures.throughput_ratios(result)[::-1]
    for row, one in enumerate(compared):
        value = one.ratio
        errors = [[value.median - value.low], [value.high - value.median]]
        axes.errorbar(value.median, row, xerr=errors, fmt="o", color="#4477aa", capsize=3)
        axes.annotate(
            f"{value.median:.2f}", (value.median, row), (0, 6), textcoords="offset points",
            ha="center", fontsize=8,
        )  # fmt: skip
    axes.axvline(1, color="#bbbbbb", zorder=0)
    axes.set_xscale("log")
    axes.set_yticks(range(len(compared)), [one.text for one in compared], fontsize=8)
    axes.set_title(f"{name}: throughput, ratios of one run")
    axes.set_xlabel("ratio, 95 % interval over rounds")


def _draw_stages(axes: Any, result: Result) -> None:
    """What is not the forward pass."""
    bars = {name: figures.stage_medians(result, name) for name in ("B2", "H", "S1")}
    bars = {name: stages for name, stages in bars.items() if stages}
    beyond = figures.over_rounds(result, "S1", figures.transport_ms)
    if beyond is not None and "S1" in bars:
        bars["S1"]["beyond the handler"] = beyond.median
    for stage, colour in _COLOURS.items():
        heights = [stages.get(stage, 0.0) for stages in bars.values()]
        bottoms = [
            sum(stages.get(one, 0.0) for one in list(_COLOURS)[: list(_COLOURS).index(stage)])
            for stages in bars.values()
        ]
        axes.bar(list(bars), heights, bottom=bottoms, color=colour, label=stage, width=0.6)
    axes.set_title("an image, without its forward pass; medians")
    axes.set_ylabel("ms")
    axes.legend(fontsize=8)


def _draw_growth(axes: Any, result: Result) -> None:
    buckets = growth.by_objects(result)
    for name, marker in (("B2 host", "s"), ("H host", "o"), ("S1 beyond forward", "^")):
        points = [(one.text, one.values[name]) for one in buckets if name in one.values]
        if points:
            axes.plot(*zip(*points, strict=True), marker=marker, label=name)
    axes.set_title("the same by number of objects, 640 x 480")
    axes.set_xlabel("objects")
    axes.set_ylabel("ms")
    axes.set_ylim(bottom=0)
    if buckets:
        axes.legend(fontsize=8)
