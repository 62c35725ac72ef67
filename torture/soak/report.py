"""A soak's result -> a table and a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def markdown(result: Mapping[str, Any]) -> str:
    """The table, and what it was found on."""
    memory, latency = result["memory"], result["latency_s"]
    given, counted = result["environment"], result["account"]
    rows = {
        "how long": f"{result['seconds'] / 60:.0f} min, the first "
        f"{memory['warm_up_s'] / 60:.1f} of them warm-up",
        "images": f"{result['images']}, of 96 to 1600 pixels",
        "answers a second at most": f"{result['saturation_per_s']:.1f}",
        "asked for": f"{result['rate_per_s']:.1f} a second, at random times",
        "requests": f"{counted['requests']}, of which lost {counted['lost']}, wrong "
        f"{counted['wrong']}",
        "wait": f"{latency['median']:.2f} s in the median, {latency['p99']:.2f} s of 99 %, "
        f"{latency['longest']:.2f} s at most",
        "worker's own memory after warm-up": f"{memory['after_warm_up_mb']:.0f} MB",
        "at the end": f"{memory['at_the_end_mb']:.0f} MB, {100 * memory['growth']:+.1f} %",
        "most": f"{memory['most_mb']:.0f} MB",
    }
    lines = ["|  |  |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())]
    broken = [f"**{one}**" for one in result["broken"]]
    return "\n".join(
        [
            *lines,
            "",
            *broken,
            f"On {given['date']} at commit {given['commit']}, {given['cores']} cores of "
            f"{given['cpu']}.",
        ]
    )


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Memory and waits over time.

    Args:
        result: Of `soak`.
        path: A PNG file.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    samples = result["samples"]
    minutes = [one["at_s"] / 60 for one in samples]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(8, 4.5), sharex=True, layout="constrained", height_ratios=(3, 2)
    )
    for key, text, colour in (
        ("worker_own_mb", "worker, its own", "#4477aa"),
        ("worker_resident_mb", "worker, with what it shares", "#66ccee"),
        ("java_resident_mb", "Java", "#ccbb44"),
    ):
        above.plot(minutes, [one[key] for one in samples], label=text, color=colour)
    above.axvline(result["memory"]["warm_up_s"] / 60, color="#bbbbbb", linestyle="--")
    above.set_ylabel("MB")
    above.set_ylim(bottom=0)
    above.legend(fontsize=8, loc="lower right")
    for key, text, colour in (
        ("median_s", "median", "#228833"),
        ("p99_s", "99 %", "#ee6677"),
    ):
        waits = [1000 * one.get(key, float("nan")) for one in samples]
        below.plot(minutes, waits, label=text, color=colour)
    below.set_ylabel("wait, ms")
    below.set_ylim(bottom=0)
    below.set_xlabel("minutes")
    below.legend(fontsize=8, loc="upper right")
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)
