"""Give a version another number of workers; where that cannot be, it has as many as before."""

from functools import partial

from client.errors import ClientError
from client.management import READY, ServedVersion
from client.models.site import Site
from client.models.undo import undone_on_failure
from client.wording import many


def scale(site: Site, served: ServedVersion, workers: int, *, timeout_s: float) -> None:
    """Start workers and wait until they answer, or end those that are too many.

    Args:
        site: Where.
        served: The version as it is.
        workers: How many it is to have. TorchServe ends surplus ones at once, and what they are at
            is lost: that is neither interrupted nor undone.
        timeout_s: Longest wait.

    Raises:
        UndoFailed: It cannot be done, and some of the new workers answer already: to end those
            would lose what they are at.
        ClientError: It cannot be done.
    """
    model, version, before = served.model, served.version, len(served.workers)
    if workers <= before:
        with site.interrupts.held():
            site.management.scale(model, version, workers=workers, timeout_s=timeout_s)
            site.interrupts.settle()
        return
    with undone_on_failure(site, f"going back to {many(before, 'worker')}") as undo:
        undo.append(partial(_end_new_workers, site, served, timeout_s))
        try:
            site.management.scale(model, version, workers=workers, timeout_s=timeout_s)
            site.interrupts.settle()
        except KeyboardInterrupt:
            with site.interrupts.held():
                if not _has(site.management.version(model, version), workers):
                    raise
            site.interrupts.settle()


def _has(served: ServedVersion, workers: int) -> bool:
    return served.is_ready and len(served.workers) == workers


def _end_new_workers(site: Site, served: ServedVersion, timeout_s: float) -> None:
    model, version = served.model, served.version
    known = {worker.id for worker in served.workers}
    now = site.management.version(model, version).workers
    answer = sum(worker.status == READY and worker.id not in known for worker in now)
    if answer:
        raise ClientError(
            f"{answer} of the new workers of {model} {version} can answer requests already, and "
            "what they are at would be lost: `scale --force` ends them."
        )
    site.management.scale(model, version, workers=len(known), timeout_s=timeout_s)
