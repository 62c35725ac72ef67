"""Put a new version in the place of the old one, or leave everything as it was and say why."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from client.compare.conditions import Verdict
from client.errors import ClientError, RequestRefused
from client.management import ServedVersion
from client.models.agreement import Agreement
from client.models.archive import Archive, verify
from client.models.checks import Timing, ask
from client.models.errors import RolloutRefused
from client.models.examination import examine
from client.models.gates import Compared, Gates, compare, first_answers, load, registered
from client.models.removal import drain_at, forget_unless_registered, take_back
from client.models.site import Site
from client.models.undo import undone_on_failure
from client.wording import many


@dataclass(frozen=True)
class Changed:
    """What a rollout or rollback has done.

    Attributes:
        model: Its name.
        old: The version that was the default.
        new: The version that is.
        drained: Whether the old one has answered everything and is unregistered.
        agreement: Of their answers, or None where they were not compared.
        timing: Of both, or None likewise.
        switch_s: From the first step to the new version being the default.
        total_s: To the end.
        warnings: What the person should know, a sentence each.
        conditions: What the new version was held to on images of the user's own.
    """

    model: str
    old: str
    new: str
    drained: bool
    agreement: Agreement | None
    timing: Timing | None
    switch_s: float
    total_s: float
    warnings: tuple[str, ...]
    conditions: tuple[Verdict, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        found = asdict(self)
        if self.agreement is not None:
            found["agreement"]["share"] = self.agreement.share
        found["conditions"] = [
            {"condition": str(one.condition), "value": one.value.number} for one in self.conditions
        ]
        return found


def rollout(site: Site, path: Path, gates: Gates, *, workers: int | None = None) -> Changed:
    """Serve an archive's version in the place of the default one.

    Args:
        site: Where.
        path: The archive.
        gates: What it has to pass.
        workers: How many to start; None is as many as the old version has.

    Raises:
        ArchiveRefused: The archive does not verify; nothing was done.
        RolloutRefused: It has not passed a gate. It is unregistered, the old version serves.
        UndoFailed: It cannot be done, and what was done cannot be undone.
        ClientError: It cannot be done; what was done is undone.
    """
    site.step("verifying the archive")
    archive = verify(path)
    with site.store.changing(archive.model):
        old = _default(site, archive)
        site.store.refuse_misnamed(old.model, old.archive)
        _restore(site, old)
        history = site.store.history(archive.model)
        warnings = [history.problem] if history.problem else []
        was_there = site.store.kept_file(archive.model, archive.version).exists()
        start = time.monotonic()
        with _back_on_failure(site, old) as undo:
            if not was_there:
                undo.append(partial(forget_unless_registered, site, archive))
            undo.append(site.store.remembered(archive.model))
            site.store.keep(archive)
            undo.append(partial(_undo_on_server, site, old, archive, was_registered=False))
            load(site, archive, max(workers or 0, old.min_workers), gates)
            answers = first_answers(site, archive, gates)
            compared = compare(site, old, archive, answers, gates) if gates.compare else None
            passed = _examine(site, old, archive, gates)
            history.record_rollout(old.version, archive.version)
            _switch(site, old, archive, gates)
            site.interrupts.settle()
        changed = _finish(site, old, archive, gates, compared, start, warnings)
        return replace(changed, conditions=passed)


def rollback(site: Site, model: str, gates: Gates, *, to: str | None = None) -> Changed:
    """Serve the version that was the default before, or another that is kept.

    It is not held against the version that it replaces, which is the one that is wrong.

    Args:
        site: Where.
        model: Its name.
        gates: Images and time-outs; the rest does not count.
        to: A version, or None for the one before.

    Raises:
        UndoFailed: It cannot be done, and what was done cannot be undone.
        ClientError: There is none to go back to, or it does not answer.
    """
    with site.store.changing(model):
        old = site.management.version(model)
        site.store.refuse_misnamed(model, old.archive)
        history = site.store.history(model)
        target = to or history.before(old.version)
        site.store.adopt(model)
        kept = site.store.kept(model)
        if target is None or target not in kept or target == old.version:
            others = sorted(kept.keys() - {old.version})
            raise ClientError(
                f"{model} {old.version} is the default, and "
                + (f"{target} is not one to go back to" if target else "nothing was before it")
                + f": {site.store.folder} keeps {', '.join(others) or 'no other version'}."
                + (f" --to {' or --to '.join(others)} leads there." if others else "")
                + (f" {history.problem}" if history.problem and not to else "")
            )
        site.step("verifying the archive")
        archive = verify(kept[target])
        was_registered = target in registered(site, model)
        start = time.monotonic()
        with _back_on_failure(site, old) as undo:
            undo.append(site.store.remembered(model))
            undo.append(partial(_undo_on_server, site, old, archive, was_registered=was_registered))
            load(site, archive, old.min_workers, gates)
            first_answers(site, archive, gates)
            _switch(site, old, archive, gates)
            history.record_rollback(target)
            site.interrupts.settle()
        return _finish(site, old, archive, gates, None, start, [])


def _default(site: Site, archive: Archive) -> ServedVersion:
    """The version that the archive is to replace."""
    try:
        served = site.management.versions(archive.model)
        old = site.management.version(archive.model)
    except RequestRefused as error:
        if error.status != 404:
            raise
        raise ClientError(
            f"The server has no model {archive.model} that {archive.path} could replace: "
            "`register` adds a new one."
        ) from error
    if archive.version in [one.version for one in served]:
        is_default = archive.version == old.version
        raise ClientError(
            f"{archive} is served already{', as the default' if is_default else ''}. "
            + (
                "Export the new one under another --version."
                if is_default
                else "`set-default` makes it the default, `unregister` removes it."
            )
        )
    return old


def _restore(site: Site, old: ServedVersion) -> None:
    """Let a restart serve what is served now, until the new version has passed."""
    site.store.adopt(old.model)
    if old.version in site.store.kept(old.model):
        site.store.publish(old.model, old.version, served_from=old.archive)


def _examine(site: Site, old: ServedVersion, archive: Archive, gates: Gates) -> tuple[Verdict, ...]:
    examination = gates.examination
    if examination is None:
        return ()
    images = many(len(examination.images.files), "image")
    step = partial(site.step, f"comparing it with {old.version} on {images}")
    return examine(examination, old, archive, step)


def _switch(site: Site, old: ServedVersion, archive: Archive, gates: Gates) -> None:
    """From here on requests go to the new version, and so they would after a restart."""
    site.step("making it the default")
    try:
        with site.store.publishing(
            archive.model, archive.version, served_from=old.archive
        ) as publish:
            site.management.set_default(archive.model, archive.version)
            publish()
        image = gates.images[0]
        ask(site.inference, image, archive.model, archive.version, by_default=True)
    except ClientError as error:
        raise RolloutRefused(
            "switch", f"{archive} could not take the place of {old.version}: {error}"
        ) from error


def _finish(
    site: Site,
    old: ServedVersion,
    archive: Archive,
    gates: Gates,
    compared: Compared | None,
    start: float,
    warnings: list[str],
) -> Changed:
    """Let the old version answer what it has, and remove it."""
    switched = time.monotonic()
    for _, path in site.store.published(old.model):
        if path.name != f"{old.model}.mar":
            warnings.append(
                f"A restart serves {archive} from {path.name}, which {old.model} was loaded from: "
                "the file's name says nothing of its version."
            )
    if old.version not in site.store.kept(old.model):
        warnings.append(
            f"{site.store.folder} has no archive of {old.model} {old.version}, so `rollback` "
            "cannot bring it back."
        )
    drained = False
    try:
        with site.interrupts.admitted():
            unseen = drain_at(site, old.model, old.version, gates)
        site.step(f"unregistering {old.version}")
        site.management.unregister(old.model, old.version)
        drained = True
        warnings += unseen
    except (Exception, KeyboardInterrupt) as error:  # whatever it is, the new version is there
        why = "interrupted." if isinstance(error, KeyboardInterrupt) else str(error) or repr(error)
        warnings.append(
            f"{archive} is the default and answers, but {old.version} is registered still: "
            f"{why} `unregister {old.model} {old.version}` removes it."
        )
    return Changed(
        old.model,
        old.version,
        archive.version,
        drained,
        compared.agreement if compared else None,
        compared.timing if compared else None,
        switched - start,
        time.monotonic() - start,
        tuple(warnings),
    )


@contextmanager
def _back_on_failure(site: Site, old: ServedVersion) -> Iterator[list[Callable[[], None]]]:
    """Whatever goes wrong, Ctrl-C included: the old version serves, the new one is gone."""
    try:
        with undone_on_failure(site, f"going back to {old.version}") as undo:
            yield undo
    except BaseException as error:
        after_restart = [version for version, _ in site.store.published(old.model)]
        if after_restart != [old.version]:
            error.add_note(
                f"A restart would serve {' and '.join(after_restart) or 'nothing'}: "
                f"{site.store.folder} has no archive of {old.model} {old.version}."
            )
        raise


def _undo_on_server(
    site: Site, old: ServedVersion, archive: Archive, *, was_registered: bool
) -> None:
    was_switched = site.management.version(old.model).version != old.version
    if was_switched:
        site.management.set_default(old.model, old.version)
    if not was_registered:
        take_back(site, archive, was_default=was_switched)
