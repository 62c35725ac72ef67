"""What a new version has to pass before anybody else asks it."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.management import ServedVersion
from client.models.agreement import Agreement, agreement
from client.models.archive import Archive
from client.models.checks import CheckAnswer, CheckImage, Timing, ask, compare_speed
from client.models.errors import RolloutRefused
from client.models.examination import Examination
from client.models.site import Site
from client.models.worker_log import load_failure

_POLL_S = 0.2
_OPENING_S = 10.0
"""As long as TorchServe may take to open an archive, before the version is in its list."""


@dataclass(frozen=True)
class Gates:
    """What a new version has to pass.

    Attributes:
        images: What it is asked about.
        compare: Whether its answers are held against the old version's.
        min_agreement: Least share of detections that both versions find; 0 to 1.
        score: Detections below it do not count; 0 to 1.
        max_slowdown: Most times as long as the old version that it may take.
        rounds: How often each image is asked about, each version in turn.
        load_timeout_s: Longest wait until its workers have loaded it.
        drain_timeout_s: Longest wait until the old version has answered everything.
        drain_quiet_s: Least time in which nobody has named the old version before it goes.
        examination: Images of the user's own on which both are compared as well; None is none.
    """

    images: Sequence[CheckImage]
    compare: bool = True
    min_agreement: float = 0.8
    score: float = 0.5
    max_slowdown: float = 2.0
    rounds: int = 5
    load_timeout_s: float = 600.0
    drain_timeout_s: float = 300.0
    drain_quiet_s: float = 1.0
    examination: Examination | None = None


@dataclass(frozen=True)
class Compared:
    """A version beside the one that it is to replace.

    Attributes:
        agreement: Of their answers.
        timing: Of both.
    """

    agreement: Agreement
    timing: Timing


def load(site: Site, archive: Archive, workers: int, gates: Gates) -> None:
    """Register a kept archive, and wait until all its workers answer.

    Args:
        site: Where.
        archive: The new version; one that is registered already only gets its workers.
        workers: How many at least.
        gates: Has the time-out.

    Raises:
        RolloutRefused: It cannot be loaded, or not in time.
        ClientError: The server registers nothing, or does not answer.
    """
    site.step("loading it")
    workers = max(workers, 1)
    started = time.time()
    try:
        if archive.version not in registered(site, archive.model):
            _register(site, archive, workers, gates.load_timeout_s)
        if len(site.management.version(archive.model, archive.version).workers) < workers:
            site.management.scale(
                archive.model,
                archive.version,
                workers=workers,
                timeout_s=gates.load_timeout_s,
            )
        _wait_until_ready(site, archive, gates.load_timeout_s)
    except RequestRefused as error:
        raise RolloutRefused(
            "load",
            f"{archive} cannot be loaded: {str(error).rstrip('.')}. {_why(site, archive, started)}",
        ) from error


def _register(site: Site, archive: Archive, workers: int, timeout_s: float) -> None:
    try:
        site.management.register(
            site.store.kept_file(archive.model, archive.version).name,
            workers=workers,
            timeout_s=timeout_s,
        )
    except (ServerUnreachable, KeyboardInterrupt):
        # The server goes on with it. What undoes this has to find the version in the list.
        with site.interrupts.held(), contextlib.suppress(ClientError):
            end = time.monotonic() + _OPENING_S
            while time.monotonic() < end:
                if archive.version in registered(site, archive.model):
                    break
                time.sleep(_POLL_S)
        raise


def _wait_until_ready(site: Site, archive: Archive, timeout_s: float) -> None:
    start = time.monotonic()
    while not (served := site.management.version(archive.model, archive.version)).is_ready:
        site.step("waiting until every worker is ready")
        if time.monotonic() - start > timeout_s:
            states = ", ".join(worker.status for worker in served.workers) or "none"
            raise RolloutRefused(
                "load",
                f"{archive} was not ready after {timeout_s:.0f} s; its workers: {states}.",
            )
        time.sleep(_POLL_S)


def _why(site: Site, archive: Archive, since: float) -> str:
    failure = load_failure(site.logs, archive.model, archive.version, since=since)
    return f"Its worker says: {failure}" if failure else "The server's model_log.log says why."


def registered(site: Site, model: str) -> list[str]:
    """The registered versions of a model; none where there is no such model."""
    try:
        return [one.version for one in site.management.versions(model)]
    except RequestRefused as error:
        if error.status == 404:
            return []
        raise


def first_answers(site: Site, archive: Archive, gates: Gates) -> list[CheckAnswer]:
    """What a version says of the check images; the first answers are slow, and warm it up.

    Raises:
        RolloutRefused: An error for an answer.
    """
    site.step("asking it about check images")
    for image in gates.images:
        _ask_new(site, image, archive)
    return [_ask_new(site, image, archive) for image in gates.images]


def compare(
    site: Site,
    old: ServedVersion,
    archive: Archive,
    answers: Sequence[CheckAnswer],
    gates: Gates,
) -> Compared:
    """Hold a version's answers and speed against those of the version that serves.

    Args:
        site: Where.
        old: The version that serves.
        archive: The new one.
        answers: What it said of the check images.
        gates: What it has to pass.

    Raises:
        RolloutRefused: It answers otherwise, or is too slow, or neither finds anything.
        ClientError: The old version does not answer.
    """
    site.step(f"comparing it with {old.version}")
    before = [_ask_old(site, image, old) for image in gates.images]
    agreed = agreement(
        [one.document for one in before], [one.document for one in answers], score=gates.score
    )
    if not agreed.old + agreed.new:
        raise RolloutRefused(
            "agreement",
            f"Neither {archive} nor {old.version} found anything above the score {gates.score:g} "
            f"on {', '.join(image.name for image in gates.images)}, so nothing tells whether they "
            "agree. --image takes images on which the model finds something, --score sets what "
            "counts; --no-compare does without.",
        )
    if agreed.share < gates.min_agreement:
        raise RolloutRefused(
            "agreement",
            f"{archive} answers otherwise than {old.version}: {agreed.sentence()}, and "
            f"{gates.min_agreement:.0%} is the least. --min-agreement sets it; --no-compare is for "
            "a model that was trained for something else.",
        )
    site.step("timing both in turns")
    ours: list[CheckAnswer] = []
    theirs: list[CheckAnswer] = []
    for _ in range(gates.rounds):
        for image in gates.images:
            theirs.append(_ask_old(site, image, old))
            ours.append(_ask_new(site, image, archive))
    timing = compare_speed(theirs, ours)
    if timing.slowdown > gates.max_slowdown:
        raise RolloutRefused(
            "speed",
            f"{archive} takes {timing.slowdown:.2f} times as long as {old.version} "
            f"({1000 * timing.new_median_s:.0f} ms, {1000 * timing.old_median_s:.0f} ms), and "
            f"{gates.max_slowdown:g} times is the most: --max-slowdown sets it.",
        )
    return Compared(agreed, timing)


def _ask_new(site: Site, image: CheckImage, archive: Archive) -> CheckAnswer:
    try:
        return ask(site.inference, image, archive.model, archive.version)
    except ClientError as error:
        raise RolloutRefused("answers", f"{archive} does not answer: {error}") from error


def _ask_old(site: Site, image: CheckImage, old: ServedVersion) -> CheckAnswer:
    try:
        return ask(site.inference, image, old.model, old.version)
    except ClientError as error:
        raise ClientError(
            f"{old.model} {old.version} does not answer, so nothing can be compared with it "
            f"(--no-compare does without): {error}"
        ) from error
