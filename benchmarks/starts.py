"""Starts every arm once; all of them wait while one is measured."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import checking
from benchmarks.arms.archives import EXACT, with_workers
from benchmarks.arms.in_process import our_handler
from benchmarks.arms.litserve import lit_serving
from benchmarks.arms.litserve import posts as lit_posts
from benchmarks.arms.pool import PredictorPool, reader_of
from benchmarks.arms.torchserve import NAIVE_LIMITS, Serving, serving
from benchmarks.checking import Checker, LengthChecker
from benchmarks.errors import ArmUnavailable
from benchmarks.found import (
    Found,
    from_coco,
    from_instances,
    from_lists,
    from_native,
    with_coco_boxes,
)
from benchmarks.http import Client, Endpoint, Post
from benchmarks.lineup import Lineup
from benchmarks.posts import image_posts, noop_posts, noop_sizes, work_of
from benchmarks.processes import started_by
from benchmarks.progress import Say
from benchmarks.replies import Ask
from benchmarks.scene import Scene
from benchmarks.series import Asking


@contextmanager
def lineup(scene: Scene, say: Say) -> Iterator[Lineup]:
    """Start all arms that are asked for; stop them after the block.

    An arm that cannot run here is left out, and `scene.left_out` says why.
    """
    starts: list[tuple[tuple[str, ...], Callable[[Lineup, ExitStack], None]]] = [
        (("B1xP",), _start_pool),
        (("S",), _start_busy),
        (("S1", "T"), _start_alone),
        (("N1",), _start_naive),
        (("N2",), _start_litserve),
    ]
    ready = Lineup(scene)
    with ExitStack() as stack:
        _add_loops(ready)
        for arms, start in starts:
            if any(map(scene.wants, arms)):
                wanted = " and ".join(filter(scene.wants, arms))
                say(f"{scene.options.model}: start of {wanted}")
                try:
                    start(ready, stack)
                except ArmUnavailable as error:
                    scene.left_out.update(dict.fromkeys(arms, str(error)))
        yield ready


def _add_loops(ready: Lineup) -> None:
    scene, predictors = ready.scene, ready.scene.predictors
    expected = scene.expected[scene.options.threads]

    of_instances = partial(
        Checker[Any],
        from_instances,
        expected,
        fingerprint=checking.of_instances,
        promises_identical=True,
    )
    if scene.wants("B0"):
        ready.add_loop("B0", predictors.forward(), of_instances())
        # On a CPU `S / B1` says enough, and this costs time.
        for precision in _models(scene) if scene.options.device != "cpu" else ():
            if precision != EXACT:
                run, checker = predictors.forward(precision), of_instances(promises_identical=False)
                ready.add_loop(f"B0 {precision}", run, checker)
    ready.add_loop("B1", predictors.predict, of_instances())
    if scene.wants("B2"):
        boxes_moved = [with_coco_boxes(one) for one in expected]
        ready.add_loop("B2", predictors.serial_service, _checker(from_coco, boxes_moved))
    if scene.wants("H"):
        run = our_handler(
            scene.archives[EXACT], scene.scratch / "opened", scene.images, scene.options.device
        )
        ready.add_loop("H", run, _checker(from_native, expected))
    ready.add_loop("B1 again", predictors.predict, of_instances(), warm=False)


def _start_pool(ready: Lineup, stack: ExitStack) -> None:
    scene, options = ready.scene, ready.scene.options
    pool = PredictorPool(
        scene.files,
        scene.images,
        processes=options.workers,
        threads=options.worker_threads,
        device=options.device,
    )
    stack.callback(pool.stop)
    with started_by() as ready.trees["B1xP"]:
        pool.start()
    expected = scene.expected[options.worker_threads]
    for name, forward_alone in (("B1xP", False), ("B1xP forward", True)):
        checker = _checker(reader_of(expected), expected, compares_masks=False)
        asking = partial(pool.asking, forward_alone=forward_alone)
        ready.add_server(name, asking, checker, concurrency=2 * options.workers)


def _start_busy(ready: Lineup, stack: ExitStack) -> None:
    """S: as many workers as cores, so many threads each that all cores have work."""
    scene, options = ready.scene, ready.scene.options
    running = _serve(ready, stack, "S", workers=options.workers, threads=options.worker_threads)
    expected = scene.expected[options.worker_threads]
    for precision, model in _models(scene).items():
        checker = _checker(from_native, expected, promises_identical=precision == EXACT)
        asking = _asking(running.endpoint(model), image_posts(scene))
        name = "S" if precision == EXACT else f"S {precision}"
        ready.add_server(name, asking, checker, concurrency=2 * options.workers)
        if precision == EXACT and scene.wants("N1"):
            _add_light(ready, "S", asking, checker)


def _start_alone(ready: Lineup, stack: ExitStack) -> None:
    """S1: one worker that has all cores; and T beside it."""
    scene, options = ready.scene, ready.scene.options
    running = _serve(ready, stack, "S1", workers=1, threads=options.threads)
    expected = scene.expected[options.threads]
    if scene.wants("S1"):
        checker = _checker(from_native, expected)
        asking = _asking(running.endpoint(_models(scene)[EXACT]), image_posts(scene))
        # T is told to work as long as the second pass took, when caches are warm.
        ready.add_server("S1", asking, checker, concurrency=1, warm_passes=2)
        if scene.wants("T"):
            asking_for_work = _asking_for_work(ready, running)
            lengths = LengthChecker(noop_sizes(scene))
            ready.add_server("T work", asking_for_work, lengths, concurrency=1)
        ready.add_server("S1 busy", asking, checker, concurrency=2, warm=False)
    if scene.wants("T"):
        asking = _asking(running.endpoint("noop"), noop_posts(scene))
        ready.add_server("T", asking, LengthChecker(noop_sizes(scene)), concurrency=1)


def _start_naive(ready: Lineup, stack: ExitStack) -> None:
    scene, options = ready.scene, ready.scene.options
    archive = scene.archives["naive"]
    running = stack.enter_context(
        serving(
            {"naive": archive},
            scene.scratch / "N1",
            threads=options.worker_threads,
            limits=NAIVE_LIMITS,
        )
    )
    ready.trees["N1"] = running.tree
    ready.workers["N1"] = running.workers("naive")
    checker = _checker(
        from_lists,
        scene.expected[options.worker_threads],
        promises_identical=options.device == "cpu",
    )
    asking = _asking(running.endpoint("naive"), image_posts(scene))
    _add_light(ready, "N1", asking, checker)


def _start_litserve(ready: Lineup, stack: ExitStack) -> None:
    scene, options = ready.scene, ready.scene.options
    running = stack.enter_context(
        lit_serving(
            scene.files,
            scene.scratch / "N2",
            workers=options.workers,
            threads=options.worker_threads,
            device=options.device,
        )
    )
    ready.trees["N2"] = running.tree
    checker = _checker(
        from_lists,
        scene.expected[options.worker_threads],
        promises_identical=options.device == "cpu",
    )
    asking = _asking(running.endpoint, lit_posts(scene.images))
    ready.add_server("N2", asking, checker, concurrency=2 * options.workers)


def _serve(ready: Lineup, stack: ExitStack, name: str, *, workers: int, threads: int) -> Serving:
    """A TorchServe with our archives, of all precisions for S, and with T's where S1 is."""
    scene = ready.scene
    store = scene.scratch / f"store-{name}"
    store.mkdir()
    archives: dict[str, Path] = {}
    for precision, model in _models(scene).items() if scene.wants(name) else ():
        if name == "S1" and precision != EXACT:
            continue
        archives[model] = with_workers(
            scene.archives[precision],
            store / f"{model}.mar",
            workers=workers,
            device=scene.options.device,
        )
    if name == "S1" and scene.wants("T"):
        archives["noop"] = store / "noop.mar"
        archives["noop"].write_bytes(scene.archives["noop"].read_bytes())
    running = stack.enter_context(serving(archives, scene.scratch / name, threads=threads))
    ready.trees[name] = running.tree
    for model in archives:
        ready.workers[f"{name} {model}"] = running.workers(model)
    return running


def _models(scene: Scene) -> dict[str, str]:
    """Names that our archives are served under, by precision."""
    ours = [one for one in scene.options.precisions if one in scene.archives]
    return {precision: scene.archives[precision].stem for precision in ours}


def _checker(
    read: Callable[[bytes], Found],
    expected: Sequence[Found],
    *,
    promises_identical: bool = True,
    compares_masks: bool = True,
) -> Checker[bytes]:
    return Checker(
        read,
        expected,
        fingerprint=checking.of_bytes,
        promises_identical=promises_identical,
        compares_masks=compares_masks,
    )


def _add_light(ready: Lineup, arm: str, asking: Asking, checker: Checker[bytes]) -> None:
    """S or N1 on images with so few mask pixels that N1 can answer."""
    options, add = ready.scene.options, ready.add_server
    is_new = arm == "N1"  # S has been asked about all of them
    light = ready.scene.light_indices(one_by_one=False)
    add(
        arm if is_new else f"{arm} light",
        asking,
        checker,
        concurrency=2 * options.workers,
        indices=light,
        requests=options.light_requests,
        warm=is_new,
    )
    if options.one_by_one:
        each = ready.scene.light_indices(one_by_one=True)
        name = f"{arm} one by one"
        add(name, asking, checker, concurrency=1, indices=each, requests=len(each), warm=is_new)


def _asking_for_work(ready: Lineup, running: Serving) -> Asking:
    """Asks T to work on each image as long as S1's stages took when it was last warmed up."""

    @asynccontextmanager
    async def asking() -> AsyncIterator[Ask]:
        posts = noop_posts(ready.scene, work_of(ready.warmed["S1"]))
        async with Client(running.endpoint("noop"), posts) as client:
            yield client.ask

    return asking


def _asking(endpoint: Endpoint, posts: Sequence[Post]) -> Asking:
    @asynccontextmanager
    async def asking() -> AsyncIterator[Ask]:
        async with Client(endpoint, posts) as client:
            yield client.ask

    return asking
