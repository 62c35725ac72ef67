"""`python -m torture.versions`: rollouts and rollbacks in a row under a steady load.

Two versions of a model that answer almost alike take turns. No request may be lost, and each answer
has to be, number for number, what the version that it names says of the image.

Exit codes: 0 nothing lost and nothing wrong; 1 something; 2 usage.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from client.models.checks import CheckImage
from client.models.gates import Gates
from client.models.rollout import Changed, rollback, rollout
from client.models.site import Site
from client.models.store import ModelStore
from examples.coins.photograph import load_photograph
from server.ports import with_free_ports
from server.properties import read_properties, write_properties
from server.torchserve import TorchServe
from torture.account import account
from torture.load import OK, Load, Outcome
from torture.variants import WEIGHTS, make_variant, nudged_weights

MODEL = "coins"
_READY_TIMEOUT_S = 300.0
_NUDGE = 1.001
_PATIENCE_S = 30.0
"""Of who names a version: longer than anything takes that is still answered."""

_PAUSE_S = 2.0
"""Of the same: a version that is named all the time is never quiet, and stays."""

_GONE = 404

EPILOG = """\
example:
  python -m torture.versions --changes 20

  {"changes": 20, "requests": 1693, "lost": 0, "wrong": 0, ...}
"""


def run(
    *, archive: Path, config: Path, work_dir: Path, changes: int, threads: int = 3, workers: int = 1
) -> dict[str, Any]:
    """Let two versions take turns under load.

    Args:
        archive: Of the coins model.
        config: A `config.properties`; its ports are replaced by free ones.
        work_dir: Where server, model store and logs go.
        changes: How many rollouts and rollbacks, in turns.
        threads: How many requests are under way at once.
        workers: Of each version.

    Returns:
        Figures: `lost` and `wrong` are what counts, `problems` tells of the first ones; `by_name`
        is of one more caller, who names each of the versions in turns, now and then.
    """
    images = _images()
    store = work_dir / "store"
    store.mkdir(parents=True)
    first, second = "1.0", "2.0"
    make_variant(archive, store / f"{MODEL}.mar", first)
    other = make_variant(archive, work_dir / "other.mar", second, {WEIGHTS: nudged_weights(_NUDGE)})
    config_file = work_dir / "config.properties"
    properties = with_free_ports(read_properties(config))
    write_properties(config_file, properties)
    with (
        (work_dir / "output.log").open("wb") as output,
        TorchServe(
            config=config_file,
            model_store=store,
            work_dir=work_dir / "run",
            output=output,
            model_api=True,
        ) as server,
    ):
        server.wait_until_ready(MODEL, timeout_s=_READY_TIMEOUT_S)
        site = Site(
            server.management,
            server.inference,
            ModelStore(store),
            metrics=properties["metrics_address"],
        )
        if workers > 1:
            site.management.scale(MODEL, None, workers=workers, timeout_s=_READY_TIMEOUT_S)
        gates = Gates(
            images=[CheckImage(f"crop {n}", image) for n, image in enumerate(images)],
            max_slowdown=float("inf"),  # the load alone makes either as slow as it likes
            rounds=1,
            drain_quiet_s=0,  # one caller never stops to name the old version
        )
        expected = {first: _answers(server, images, first)}
        url = f"{server.inference.url}/predictions/{MODEL}"
        token = server.inference.token
        done: list[Changed] = []
        start = time.monotonic()
        by_name = [f"{url}/{version}" for version in (first, second)]
        with (
            Load([url], token, images, threads=threads) as load,
            Load(
                by_name, token, images, threads=1, timeout_s=_PATIENCE_S, pause_s=_PAUSE_S
            ) as named,
        ):
            for number in range(changes):
                if number % 2 == 0:
                    done.append(rollout(site, other, gates))
                else:
                    done.append(rollback(site, MODEL, gates))
                if second not in expected:
                    expected[second] = _answers(server, images, second)
        seconds = time.monotonic() - start
    return {
        **_figures(load.outcomes, expected, done, seconds),
        "by_name": _figures_by_name(named.outcomes, expected),
    }


def _images() -> list[bytes]:
    """Crops of the photograph, each with some coins."""
    photograph = load_photograph()
    height, width = photograph.shape[:2]
    crops = [photograph[y : y + height // 2, x : x + width // 2] for y in (0, 90) for x in (0, 110)]
    return [cv2.imencode(".png", crop)[1].tobytes() for crop in crops]


def _answers(server: TorchServe, images: Sequence[bytes], version: str) -> list[Any]:
    from client.http import send

    return [
        send(
            "POST",
            f"{server.inference.url}/predictions/{MODEL}/{version}",
            token=server.inference.token,
            data=image,
            headers={"Content-Type": "image/png"},
        )
        for image in images
    ]


def _figures(
    outcomes: Sequence[Outcome],
    expected: dict[str, list[Any]],
    done: Sequence[Changed],
    seconds: float,
) -> dict[str, Any]:
    lost = [one for one in outcomes if one.status != OK]
    answered = [one for one in outcomes if one.status == OK]
    wrong = [one for one in answered if not _is_right(one, expected)]
    by_version = Counter(_version(one) for one in answered)
    latencies = sorted(one.seconds for one in answered)
    return {
        "changes": len(done),
        "requests": len(outcomes),
        "lost": len(lost),
        "wrong": len(wrong),
        "answers_by_version": dict(sorted(by_version.items())),
        "versions_differ": _differ(expected["1.0"], expected.get("2.0", [])),
        "undrained": sum(not one.drained for one in done),
        "seconds": round(seconds, 1),
        "change_median_s": round(statistics.median(one.total_s for one in done), 2),
        "change_longest_s": round(max(one.total_s for one in done), 2),
        "latency_median_s": round(statistics.median(latencies), 3),
        "latency_longest_s": round(latencies[-1], 3),
        "problems": [
            f"{one.status} after {one.seconds:.1f} s: {str(one.document)[:200]}"
            for one in (*lost, *wrong)[:10]
        ],
    }


def _figures_by_name(outcomes: Sequence[Outcome], expected: dict[str, list[Any]]) -> dict[str, Any]:
    """Of callers who name a version whether it is served or not: 404 says that it is not."""
    lost = [one for one in outcomes if one.status not in (OK, _GONE)]
    return {
        "requests": len(outcomes),
        "answers": account(outcomes).answers,
        "lost": len(lost),
        "wrong": sum(one.status == OK and not _is_right(one, expected) for one in outcomes),
        "problems": [
            f"{one.status} after {one.seconds:.1f} s: {str(one.document)[:200]}"
            for one in lost[:10]
        ],
    }


def _differ(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two versions say different things of every image, their names aside."""
    return len(one) == len(other) and all(
        mine["predictions"] != theirs["predictions"]
        for mine, theirs in zip(one, other, strict=True)
    )


def _version(outcome: Outcome) -> str:
    """What an answer says; empty where it is not of the form that answers have."""
    document = outcome.document
    return str(document["model"]["version"]) if isinstance(document, dict) else ""


def _is_right(outcome: Outcome, expected: dict[str, list[Any]]) -> bool:
    version = _version(outcome)
    return version in expected and outcome.document == expected[version][outcome.image]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m torture.versions",
        description="Rollouts and rollbacks in a row under a steady load.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--changes", type=int, default=20, metavar="N", help="default: %(default)d")
    add("--threads", type=int, default=3, metavar="N", help="requests at once (default: 3)")
    add("--workers", type=int, default=1, metavar="N", help="of each version (default: 1)")
    add("--archive", type=Path, default=Path("model_store/coins.mar"), metavar="FILE.mar")
    add("--ts-config", type=Path, default=Path("config.properties"), metavar="FILE")
    add("--work-dir", type=Path, metavar="DIR", help="kept (default: a temporary one)")
    arguments = parser.parse_args(argv)
    work_dir = arguments.work_dir or Path(tempfile.mkdtemp(prefix="versions-"))
    try:
        figures = run(
            archive=arguments.archive,
            config=arguments.ts_config,
            work_dir=work_dir,
            changes=arguments.changes,
            threads=arguments.threads,
            workers=arguments.workers,
        )
    finally:
        if arguments.work_dir is None:
            shutil.rmtree(work_dir, ignore_errors=True)
    print(json.dumps(figures, indent=2))
    return 1 if figures["lost"] or figures["wrong"] or figures["undrained"] else 0


if __name__ == "__main__":
    sys.exit(main())
