"""One benchmark of one model, from nothing to its result."""

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.arms.archives import EXACT, with_workers
from benchmarks.arms.torchserve import NAIVE_LIMITS, serving
from benchmarks.environment import environment, gpu_state
from benchmarks.errors import ArmUnavailable
from benchmarks.lineup import Lineup
from benchmarks.load import schedule
from benchmarks.options import ARMS, SCHEMA, Options
from benchmarks.processes import Tree, end_leftovers, idle_cpu, memory_mb
from benchmarks.progress import Progress, Say
from benchmarks.scene import Scene, prepare
from benchmarks.series import Series, open_served, served
from benchmarks.starts import lineup

_LOAD = 0.7
"""Share of the measured saturation at which the open loop asks."""

_IDLE_S = 5.0


def run(options: Options, say: Say) -> dict[str, Any]:
    """Measure.

    Args:
        options: What, and how long.
        say: Gets a line for every step.

    Returns:
        Everything that was measured, as JSON values; the numbers of every single request.

    Raises:
        BenchmarkError: Something that all arms need is missing.
    """
    result: dict[str, Any] = {"schema": SCHEMA, "options": options.as_dict()}
    trees: list[Tree] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        try:
            scene = prepare(options, Path(scratch), say)
            result["environment"] = environment(options.device)
            result["starts"] = _starts(scene, trees, say)
            with lineup(scene, say) as ready:
                trees += ready.trees.values()
                result |= _measured(ready, say)
            if options.device != "cpu":
                result["environment"]["gpu_state_after"] = gpu_state()
            result |= _described(scene)
        finally:
            if killed := end_leftovers(trees):
                say(f"Still running after they were stopped, now killed: {', '.join(killed)}")
    return result


def _measured(ready: Lineup, say: Say) -> dict[str, Any]:
    options = ready.scene.options
    progress = Progress(say, _expected_seconds(ready))
    result: dict[str, Any] = {}
    progress.step(f"{options.model}: every image in every arm")
    problems = {one.name: _warm(ready, one) for one in ready.series if one.warm_passes}
    result["warm_problems"] = {name: some for name, some in problems.items() if some}
    for name, some in result["warm_problems"].items():
        say(f"{name} does not answer as it should: {some[0]}")
    result["idle_cpu"] = idle_cpu(ready.trees, seconds=_IDLE_S)
    result["rounds"] = []
    for number in range(options.rounds):
        turns: dict[str, Any] = {}
        # A B C, C B A: what drifts over a round weighs on the first as much as on the last.
        for one in ready.series[:: 1 if number % 2 == 0 else -1]:
            progress.step(f"{options.model}: round {number + 1} of {options.rounds}: {one.name}")
            turns[one.name] = one.turn(number).as_dict()
        result["rounds"].append(turns)
    progress.step(f"{options.model}: S, more and more clients")
    result["concurrency"] = _concurrency(ready)
    progress.step(f"{options.model}: S, open loop")
    result["open_loop"] = _open_loop(ready, result["rounds"])
    result["memory_mb"] = {name: memory_mb(pids) for name, pids in ready.workers.items()}
    result["checked"] = {one.name: one.checker.as_dict() for one in ready.series}
    result["series"] = {
        one.name: {"arm": one.arm, "concurrency": one.concurrency} for one in ready.series
    }
    return result


def _warm(ready: Lineup, one: Series) -> list[str]:
    measured = ready.warmed[one.name] = one.measure([*one.indices] * one.warm_passes)
    return [*one.checker.reasons, *measured.problems]


def _starts(scene: Scene, trees: list[Tree], say: Say) -> dict[str, list[float]]:
    """Seconds from the start of a server until all workers of its only model answer."""
    options = scene.options
    found: dict[str, list[float]] = {}
    archives: dict[str, tuple[Path, dict[str, str]]] = {}
    if scene.wants("S") and EXACT in scene.archives:
        folder = scene.scratch / "store-starts"
        folder.mkdir()
        ours = with_workers(
            scene.archives[EXACT],
            folder / "ours.mar",
            workers=options.workers,
            device=options.device,
        )
        archives["S"] = ours, {}
    if scene.wants("N1"):
        archives["N1"] = scene.archives["naive"], NAIVE_LIMITS
    for number in range(options.starts):
        for arm in [*archives][:: 1 if number % 2 == 0 else -1]:
            archive, limits = archives[arm]
            say(f"{options.model}: start {number + 1} of {options.starts} of {arm}")
            try:
                with serving(
                    {"model": archive},
                    scene.scratch / f"start-{arm}-{number}",
                    threads=options.worker_threads,
                    limits=limits,
                ) as running:
                    trees.append(running.tree)
                    found.setdefault(arm, []).append(round(running.seconds_to_ready, 3))
            except ArmUnavailable as error:
                scene.left_out[arm] = str(error)
    return found


def _concurrency(ready: Lineup) -> list[dict[str, Any]]:
    """S with 1, 2, 4, ... clients."""
    series, options = ready.named("S"), ready.scene.options
    if series is None or not options.open_requests:
        return []
    rows = []
    clients = 1
    while clients <= 4 * options.workers:
        measure = served(ready.askings["S"], series.checker.is_good, concurrency=clients)
        count = max(options.requests // 2, clients)
        indices = [series.indices[k % len(series.indices)] for k in range(count)]
        rows.append({"clients": clients, **measure(indices).as_dict()})
        clients *= 2
    return rows


def _open_loop(ready: Lineup, rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    series = ready.named("S")
    if series is None or not ready.scene.options.open_requests:
        return {}
    rates = [
        (len(one["S"]["indices"]) - one["S"]["failures"]) / one["S"]["seconds"] for one in rounds
    ]
    rate = _LOAD * statistics.median(rates)
    if not rate:
        return {}
    offsets = schedule(rate=rate, count=ready.scene.options.open_requests)
    measured = open_served(
        ready.askings["S"], series.checker.is_good, series.indices, offsets=offsets
    )
    return {"offered_seconds": offsets[-1], **measured.as_dict()}


def _expected_seconds(ready: Lineup) -> dict[str, float]:
    """By name of the step: rough, only their proportions count."""
    scene, options = ready.scene, ready.scene.options
    model, one_image = options.model, scene.seconds_an_image
    cost = {one.name: _weight(one.name) * one_image for one in ready.series}
    expected = {
        f"{model}: every image in every arm": sum(
            cost[one.name] * len(one.indices) * one.warm_passes for one in ready.series
        )
        + _IDLE_S
    }
    for number in range(options.rounds):
        for one in ready.series:
            asked = one.requests + (2 * one.concurrency if one.concurrency > 1 else 0)
            name = f"{model}: round {number + 1} of {options.rounds}: {one.name}"
            expected[name] = cost[one.name] * asked
    if ready.named("S") is not None and options.open_requests:
        expected[f"{model}: S, more and more clients"] = one_image * options.requests * 3
        expected[f"{model}: S, open loop"] = one_image * options.open_requests / _LOAD
    return expected


def _weight(series: str) -> float:
    return {"T": 0.02, "N1": 4.0, "N1 one by one": 10.0}.get(series, 1.0)


def _described(scene: Scene) -> dict[str, Any]:
    options = scene.options
    expected = scene.expected[options.threads]
    return {
        "model": options.model,
        "arms": {name: ARMS[name] for name in options.arms},
        "left_out": scene.left_out,
        "images": [
            {
                "name": image.name,
                "height": image.size_hw[0],
                "width": image.size_hw[1],
                "bytes": len(image.jpeg),
                "objects": len(found),
            }
            for image, found in zip(scene.images, expected, strict=True)
        ],
        "archive_bytes": {name: file.stat().st_size for name, file in scene.archives.items()},
    }
