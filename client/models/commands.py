"""The commands: each does its work and says what became of it, for people and for scripts."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from client.errors import ClientError
from client.management import ManagementClient, ServedVersion
from client.models.archive import verify
from client.models.gates import Gates, load, registered
from client.models.removal import drain_at, forget_unless_registered, take_back
from client.models.rollout import Changed, rollback, rollout
from client.models.scaling import scale
from client.models.site import Site
from client.models.store import ModelStore
from client.models.undo import undone_on_failure


@dataclass(frozen=True)
class Result:
    """What a command has to say.

    Attributes:
        document: For `--json`.
        text: For people.
        warnings: What the person should know, a sentence each.
        complete: Whether all was done; else something is left to do.
    """

    document: Any
    text: str
    warnings: Sequence[str] = field(default=())
    complete: bool = True


def show(
    management: ManagementClient, store: ModelStore | None, names: Sequence[str] | None
) -> Result:
    """What is served of these models, or of all."""
    models = sorted(management.models() if names is None else names)
    shown = [_model(management, store, name) for name in models]
    return Result(
        {"models": [one.document for one in shown]},
        "\n".join(one.text for one in shown) or "No model.",
        tuple(warning for one in shown for warning in one.warnings),
    )


def _model(management: ManagementClient, store: ModelStore | None, model: str) -> Result:
    default = management.version(model).version
    versions = [_version(one, default) for one in management.versions(model)]
    document: dict[str, Any] = {"model": model, "versions": versions}
    lines = [f"{model}"]
    for one in versions:
        states = ", ".join(worker["status"] for worker in one["workers"]) or "no workers"
        lines.append(
            f"  {one['version']:<12} {'default' if one['is_default'] else '':<8} {states}; "
            f"{one['pending']} waiting; from {one['archive']}"
        )
    warnings: list[str] = []
    if store is not None:
        kept, published = sorted(store.kept(model)), [v for v, _ in store.published(model)]
        document |= {
            "kept": kept,
            "after_restart": published,
            "rollback_to": store.history(model).before(default),
        }
        lines.append(f"  kept: {', '.join(kept) or 'none'}; {_way_back(document, default)}")
        if problem := store.history(model).problem:
            warnings.append(problem)
        if published != [default]:
            warnings.append(
                f"{model} {default} is the default, and a restart would serve "
                f"{' and '.join(published) or 'no version of it'}: "
                f"`set-default {model} {default}` makes them the same, where it is kept."
            )
    return Result(document, "\n".join(lines), warnings)


def _way_back(document: Mapping[str, Any], default: str) -> str:
    if document["rollback_to"]:
        return f"rollback leads to {document['rollback_to']}"
    others = [version for version in document["kept"] if version != default]
    if not others:
        return "rollback leads to nothing"
    named = " or ".join(f"--to {version}" for version in others)
    return f"nothing was the default before; rollback {named} leads there"


def _version(served: ServedVersion, default: str) -> dict[str, Any]:
    return {
        **asdict(served),
        "is_default": served.version == default,
        "is_ready": served.is_ready,
    }


def change(site: Site, arguments: argparse.Namespace, gates: Gates) -> Result:
    """Run one of the commands that change something.

    Args:
        site: Where.
        arguments: Of the command line.
        gates: Made of them.

    Raises:
        UndoFailed: It could not be done, and something of it is left.
        ClientError: It could not be done, and nothing has changed.
    """
    # Before anything is copied into the model store: what cannot be done leaves nothing there.
    if arguments.command in ("scale", "set-default"):
        site.management.check_changes()
    else:
        site.management.check_model_api()
    match arguments.command:
        case "register":
            return _register(site, arguments.archive, gates, arguments.workers or 1)
        case "scale":
            return _scale(site, arguments, gates)
        case "set-default":
            return _set_default(site, arguments.model, arguments.version)
        case "unregister":
            return _unregister(site, arguments, gates)
        case "rollout":
            changed = rollout(site, arguments.archive, gates, workers=arguments.workers)
        case _:
            changed = rollback(site, arguments.model, gates, to=arguments.to)
    return _changed(changed)


def _changed(changed: Changed) -> Result:
    lines = [f"{changed.model} {changed.new} is the default in the place of {changed.old}."]
    if changed.agreement is not None and changed.timing is not None:
        timing = changed.timing
        new_ms, old_ms = 1000 * timing.new_median_s, 1000 * timing.old_median_s
        lines += [
            f"  answers   {changed.agreement.sentence()}",
            f"  speed     {timing.slowdown:.2f} times as long ({new_ms:.0f} ms, {old_ms:.0f} ms "
            "before, by the clock)",
        ]
    lines += [f"  passed    {one.sentence()}" for one in changed.conditions]
    lines.append(
        f"  took      {changed.switch_s:.1f} s until the switch, {changed.total_s:.1f} s in all"
    )
    if changed.drained:
        lines.append(f"  {changed.old} has answered everything and is unregistered.")
    return Result(changed.as_dict(), "\n".join(lines), changed.warnings, changed.drained)


def _register(site: Site, path: Path, gates: Gates, workers: int) -> Result:
    site.step("verifying the archive")
    archive = verify(path)
    with site.store.changing(archive.model):
        versions = registered(site, archive.model)
        if archive.version in versions:
            raise ClientError(f"{archive} is registered already, and a version never changes.")
        history = site.store.history(archive.model)
        warnings = [history.problem] if history.problem and not versions else []
        was_there = site.store.kept_file(archive.model, archive.version).exists()
        with undone_on_failure(site, f"removing {archive}") as undo:
            if not was_there:
                undo.append(partial(forget_unless_registered, site, archive))
            undo.append(site.store.remembered(archive.model))
            site.store.keep(archive)
            undo.append(partial(take_back, site, archive, was_default=not versions))
            load(site, archive, workers, gates)
            if not versions:
                site.store.publish(archive.model, archive.version)
                history.record_rollout(None, archive.version)
            site.interrupts.settle()
    role = (
        f"beside {', '.join(versions)}. Ask for it at /predictions/{archive.model}/"
        f"{archive.version}; a restart forgets it, unless `set-default` makes it the default"
        if versions
        else f"as the default. Ask for it at /predictions/{archive.model}"
    )
    document = {"model": archive.model, "version": archive.version, "is_default": not versions}
    return Result(document, f"{archive} is served {role}.", warnings)


def _scale(site: Site, arguments: argparse.Namespace, gates: Gates) -> Result:
    served = site.management.version(arguments.model, arguments.version)
    model, version, workers = served.model, served.version, arguments.workers
    if workers < len(served.workers) and not arguments.force:
        raise ClientError(
            f"{model} {version} has {len(served.workers)} workers. TorchServe ends those that are "
            "too many at once, and what they are at is answered with 500. Say --force where that "
            "may be, or where nobody asks."
        )
    site.step(f"starting workers of {model} {version}")
    scale(site, served, workers, timeout_s=gates.load_timeout_s)
    return Result(
        {"model": model, "version": version, "workers": workers},
        f"{model} {version} has {workers} workers now; a restart starts as many as its "
        "model-config.yaml says.",
    )


def _set_default(site: Site, model: str, version: str) -> Result:
    with site.store.changing(model):
        served = site.management.version(model)
        old = served.version
        site.store.refuse_misnamed(model, served.archive)
        history = site.store.history(model)
        with undone_on_failure(site, f"going back to {old}") as undo:
            undo.append(site.store.remembered(model))
            warnings = []
            kept = site.store.kept(model)
            if version in kept:
                verify(kept[version])
            undo.append(partial(site.management.set_default, model, old))
            site.management.set_default(model, version)
            if version in kept:
                site.store.publish(model, version, served_from=served.archive)
                if version != old:
                    warnings += [history.problem] if history.problem else []
                    history.record_rollout(old, version)
            else:
                published = [v for v, _ in site.store.published(model)]
                warnings.append(
                    f"{site.store.folder} has no archive of {model} {version}: a restart serves "
                    f"{' and '.join(published) or 'none of it'}."
                )
            site.interrupts.settle()
    return Result(
        {"model": model, "old": old, "new": version},
        f"{model} {version} is the default{'' if version == old else f' in the place of {old}'}.",
        warnings,
    )


def _unregister(site: Site, arguments: argparse.Namespace, gates: Gates) -> Result:
    model, version = arguments.model, arguments.version
    with site.store.changing(model):
        versions = registered(site, model)
        if version not in versions:
            known = ", ".join(versions) or "none"
            raise ClientError(f"{model} {version} is not registered; registered: {known}.")
        is_default = site.management.version(model).version == version
        if is_default and len(versions) > 1:
            others = ", ".join(one for one in versions if one != version)
            raise ClientError(
                f"{model} {version} is the default: `set-default {model} VERSION` first, with one "
                f"of {others}."
            )
        if is_default and not arguments.force:
            raise ClientError(
                f"{model} {version} is the only version: without it requests get 404, and those at "
                "hand are lost. Say --force where that is meant."
            )
        warnings: list[str] = []
        if not arguments.force:
            warnings += drain_at(site, model, version, gates)
        with undone_on_failure(site, f"keeping {version}") as undo, site.interrupts.held():
            if is_default:
                undo.append(site.store.remembered(model))
                site.store.withdraw(model)
            site.management.unregister(model, version)
            site.interrupts.settle()
    return Result(
        {"model": model, "version": version},
        f"{model} {version} is not registered any more.",
        warnings,
    )
