"""Memory of a job does not grow with the number of its images."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from tests.cluster.conftest import Record
from tests.deploy.ray.jobs.processes import Jobs
from tests.images import png

COUNTS = (1_000, 10_000)
GROWTH_MB = 60
"""More than a run differs from the next one; answers of 9,000 images alone would be more."""


@pytest.mark.timeout(1800)
def test_ten_times_the_images_take_no_more_memory(
    tmp_path: Path, store: Path, record: Record
) -> None:
    random = np.random.default_rng(0)
    for number in range(max(COUNTS)):
        blocks = random.integers(0, 256, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        file = tmp_path / "images" / f"{number // 1000}" / f"{number:05}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(blocks))
    measured: list[dict[str, Any]] = []
    for count in COUNTS:
        # The first thousand are a folder of their own.
        folder = tmp_path / "images" / ("0" if count == COUNTS[0] else "")
        out = tmp_path / f"out{count}"
        with Jobs(tmp_path, store / "tiny.mar") as jobs:
            words = (folder, "--output", out, "--json", "--workers", 2, "--images-per-part", 50)
            said = jobs.run(*words, timeout_s=1500)
        assert said.code == 0, said.err
        summary = json.loads(said.out)
        assert summary["answered"] == summary["asked"] == count
        results = parquet.read_table(out / "results", columns=["index", "instances"])
        assert sorted(results["index"].to_pylist()) == list(range(count))
        measured.append(
            {
                "images": count,
                "detections": summary["detections"],
                "coco_results_mb": (out / "coco_results.json").stat().st_size / 1e6,
                "driver_peak_mb": summary["peak_memory_mb"]["driver"],
                "worker_peak_mb": summary["peak_memory_mb"]["worker"],
                "images_per_second": summary["images_per_second"],
            }
        )
    record("jobs", {"workers": 2, "runs": measured})
    few, many = measured
    assert many["coco_results_mb"] > 9 * few["coco_results_mb"] > 0
    for process in ("driver_peak_mb", "worker_peak_mb"):
        assert many[process] - few[process] < GROWTH_MB
