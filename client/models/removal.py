"""Take a version away, and lose no request by it."""

import contextlib

from client.errors import ClientError
from client.models.archive import Archive
from client.models.draining import drain
from client.models.gates import Gates, registered
from client.models.site import Site

_UNDO_DRAIN_S = 60.0


def drain_at(site: Site, model: str, version: str, gates: Gates) -> list[str]:
    """Wait until a version has answered everything, and nobody asks for it by its name.

    Args:
        site: Where.
        model: Its name.
        version: A version that is not the default.
        gates: Has the time-outs.

    Returns:
        A warning where nobody can tell whether the version is asked for by its name.

    Raises:
        client.models.draining.NotDrained: It is still in use.
        ClientError: The server does not answer.
    """
    sentence = f"waiting until {version} has answered everything"
    site.step(sentence)
    counted = drain(
        site.management,
        model,
        version,
        timeout_s=gates.drain_timeout_s,
        tick=lambda: site.step(sentence),
        arrivals=lambda: site.arrivals(model, version),
        quiet_s=gates.drain_quiet_s,
    )
    if counted:
        return []
    where = f"at {site.metrics}" if site.metrics else "(--metrics gives its address)"
    return [
        f"The server does not count requests for predictions {where}, so those that name {version} "
        "were not seen: one that came in the moment of its removal is lost."
    ]


def take_back(site: Site, archive: Archive, *, was_default: bool) -> None:
    """Unregister a version whose registration is undone; where it is not registered, do nothing.

    Args:
        site: Where.
        archive: The version; it is not the default of several.
        was_default: Whether requests that name no version may have gone to it.

    Raises:
        ClientError: The server does not answer.
    """
    if archive.version not in registered(site, archive.model):
        return  # TorchServe itself removes what it could not load
    if was_default:
        with contextlib.suppress(ClientError):  # a version that does not answer never is idle
            drain(
                site.management,
                archive.model,
                archive.version,
                timeout_s=_UNDO_DRAIN_S,
                arrivals=lambda: site.arrivals(archive.model, archive.version),
            )
    site.management.unregister(archive.model, archive.version)


def forget_unless_registered(site: Site, archive: Archive) -> None:
    """Delete a kept archive that nothing needs; one that is registered may still be needed.

    Raises:
        client.models.errors.StoreError: The model store cannot be written.
    """
    try:
        if archive.version in registered(site, archive.model):
            return
    except ClientError:
        return  # nobody knows
    site.store.forget(archive.model, archive.version)
