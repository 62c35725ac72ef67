"""A small result as `benchmarks.run` gives it, with numbers that are easy to work out."""

from typing import Any


def turn(indices: list[int], latency_ms: float, **given: Any) -> dict[str, Any]:
    """Every request took as long."""
    return {
        "indices": indices,
        "seconds": len(indices) * latency_ms / 1000,
        "latencies_ms": [latency_ms] * len(indices),
        "stages_ms": {},
        "sizes": [],
        "failures": 0,
        "client_cpu": 0.0,
        "problems": [],
        **given,
    }


def stages(count: int, **milliseconds: float) -> dict[str, list[float]]:
    return {name: [value] * count for name, value in milliseconds.items()}


def one_round(slower: float = 1.0) -> dict[str, Any]:
    """B1 takes 100 ms, S 50, S1 120 of which 100 are the forward pass and 10 other stages.

    T takes 3 ms, and 4 beyond its work; N1 100 ms where S takes 50, and 1200 where it takes 60.
    """
    images = [0, 1]
    b2, h = stages(2, decode=4, model=100, masks=16), stages(2, decode=4, model=100, masks=6)
    s1 = stages(2, decode=4, model=100, masks=6)
    return {
        "B1": turn(images, 100 * slower),
        "B2": turn(images, 120 * slower, stages_ms=b2),
        "H": turn(images, 110 * slower, stages_ms=h),
        "B1 again": turn(images, 100 * slower),
        "S": turn(images, 50 * slower, sizes=[10, 20]),
        "S light": turn(images, 50 * slower, sizes=[10, 20]),
        "S1": turn(images, 120, stages_ms=s1, sizes=[10, 20]),
        "T work": turn(images, 114, stages_ms=stages(2, model=100, host=10), sizes=[10, 20]),
        "T": turn(images, 3, sizes=[10, 20]),
        "N1": turn(images, 200 * slower, sizes=[1000, 4000]),
        "S one by one": {**turn(images, 55), "latencies_ms": [50.0, 60.0]},
        "N1 one by one": {
            **turn(images, 650, sizes=[10_000_000, 42_000_000]),
            "latencies_ms": [100.0, 1200.0],
        },
    }


def result(rounds: int = 3) -> dict[str, Any]:
    agreed = {
        "answers": 2,
        "identical": 2,
        "objects": 13,
        "found": 12,
        "unpaired": 0,
        "missed_confident": 0,
        "largest_box_px": 0.0,
        "largest_score": 0.0,
        "least_mask_iou": 1.0,
        "median_mask_iou": 1.0,
        "reasons": [],
    }
    measured = [one_round(1 + number) for number in range(rounds)]
    return {
        "schema": 1,
        "model": "coins",
        "options": {
            "precisions": ["exact"],
            "rounds": rounds,
            "requests": 2,
            "threads": 2,
            "workers": 2,
        },
        "environment": {
            "date": "2026-01-01",
            "commit": "abc",
            "python": "3.11",
            "packages": {"torch": "2.14.1"},
            "cpu": "a CPU",
            "cores": 2,
        },
        "images": [
            {"name": "3 coins", "width": 640, "height": 480, "bytes": 100, "objects": 3},
            {"name": "coins x1", "width": 300, "height": 400, "bytes": 100, "objects": 10},
        ],
        "rounds": measured,
        "series": {name: {"arm": name.split()[0], "concurrency": 1} for name in measured[0]},
        "checked": {
            name: {"reasons": []} if name.split()[0] == "T" else agreed for name in measured[0]
        },
        "warm_problems": {},
        "starts": {"S": [4.0, 6.0], "N1": [8.0, 12.0]},
        "archive_bytes": {"exact": 50, "naive": 100, "noop": 1},
        "memory_mb": {"S coins": {"uss": [400.0, 410.0], "rss": [800.0, 800.0]}},
        "idle_cpu": {"S": 0.002},
        "concurrency": [{"clients": 1, **turn([0, 1], 100)}, {"clients": 2, **turn([0, 1], 50)}],
        "open_loop": {"offered_seconds": 0.19, **turn([0, 1], 100)},
        "left_out": {"N2": "it is not there."},
    }
