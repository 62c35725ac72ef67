"""The archives of a store -> a Serve config, which says all that Ray is to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from client.models.archive import Archive
from client.models.errors import ArchiveRefused
from deploy.ray.store import list_archives, look_at, settings_of

GATEWAY = "gateway"
HEADER = """\
# What Ray Serve runs: the archives of {store}.
#
#     serve deploy THIS-FILE          on a cluster; what has not changed goes on undisturbed
#     serve run THIS-FILE             in the foreground, on this machine
#
# Made by `python -m deploy.ray config`; yours to change. docs/ray.md says what each line does.

"""


@dataclass(frozen=True)
class Shape:
    """How many processes answer, and with what.

    Attributes:
        replicas: Fewest and most replicas of each version, or None: as the archive says.
        cpus: Cores of each; its network computes with as many threads.
        gpus: Share of a GPU of each.
        gateways: Processes that take requests; one a node is what a node's loss hurts least.
    """

    replicas: tuple[int, int] | None = None
    cpus: float = 1
    gpus: float = 0
    gateways: int = 2


@dataclass(frozen=True)
class Listening:
    """Where requests are taken.

    Attributes:
        host: Address of each node that is listened at.
        port: Likewise.
        key_file: File of each node with the key of requests, or None.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    key_file: str | None = None


def application_of(archive: Archive) -> str:
    """Name of the Serve application that answers for a version."""
    return f"{archive.model}@{archive.version}"


def make_config(
    store: str, *, defaults: Mapping[str, str], shape: Shape, listening: Listening
) -> dict[str, Any]:
    """Look at every archive of a store, and put the config together.

    Args:
        store: A folder that every node has, or a URL that fsspec opens.
        defaults: Default version by model; needed of models that have several.
        shape: How many processes.
        listening: Where.

    Raises:
        ArchiveRefused: There are none, some are not what was exported, two are one version, or
            a default is missing or unknown.
    """
    urls = list_archives(store)
    if not urls:
        raise ArchiveRefused(f"The store {store} has no .mar file.")
    archives = {url: look_at(url) for url in urls}
    arguments: dict[str, Any] = {"max_request_bytes": 67_108_864, "answer_timeout_s": 300}
    if listening.key_file:
        arguments["key_file"] = listening.key_file
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": listening.host, "port": listening.port},
        "applications": [
            {
                "name": GATEWAY,
                "route_prefix": "/",
                "import_path": "deploy.ray.application:gateway",
                "args": arguments,
                "deployments": [
                    {
                        "name": "Gateway",
                        "num_replicas": shape.gateways,
                        "max_ongoing_requests": 1000,
                        # As long as requests may wait: one that goes answers them first.
                        "graceful_shutdown_timeout_s": 310,
                        "ray_actor_options": {"num_cpus": 0},
                        "user_config": {"models": _models(list(archives.values()), defaults)},
                    }
                ],
            },
            *(_application(url, archive, shape) for url, archive in archives.items()),
        ],
    }


def as_yaml(config: Mapping[str, Any], store: str) -> str:
    """The file for `serve deploy`."""
    return HEADER.format(store=store) + yaml.safe_dump(dict(config), sort_keys=False)


def _models(archives: Sequence[Archive], defaults: Mapping[str, str]) -> dict[str, Any]:
    models: dict[str, dict[str, str]] = {}
    problems = []
    for archive in archives:
        versions = models.setdefault(archive.model, {})
        if archive.version in versions:
            problems.append(f"two archives are {archive}")
        versions[archive.version] = application_of(archive)
    problems += [f"no archive is of the model {name}" for name in defaults if name not in models]
    chosen = {}
    for name, versions in models.items():
        default = defaults.get(name, next(iter(versions)) if len(versions) == 1 else None)
        if default not in versions:
            said = f"{default} is none of them" if default else "say which is the default one"
            problems.append(f"{name} has the versions {', '.join(sorted(versions))}: {said}")
        chosen[name] = {"default": default, "versions": versions}
    if problems:
        raise ArchiveRefused(f"The store cannot be served like that: {'; '.join(problems)}.")
    return chosen


def _application(url: str, archive: Archive, shape: Shape) -> dict[str, Any]:
    settings = settings_of(url)
    batch_size = _number(settings, "batchSize", 1)
    response_timeout_s = _number(settings, "responseTimeout", 120)
    fewest, most = shape.replicas or (
        _number(settings, "minWorkers", 1),
        _number(settings, "maxWorkers", 1),
    )
    return {
        "name": application_of(archive),
        "route_prefix": None,
        "import_path": "deploy.ray.application:model",
        "args": {
            "url": url,
            "sha256": archive.sha256,
            "name": archive.model,
            "version": archive.version,
            "batch_size": batch_size,
            "batch_wait_s": _number(settings, "maxBatchDelay", 100, least=0) / 1000,
            "response_timeout_s": response_timeout_s,
        },
        "deployments": [
            {
                "name": "Model",
                # A batch under way and the next one filling; the rest waits at the gateway.
                "max_ongoing_requests": 2 * batch_size,
                "max_queued_requests": 100,
                "autoscaling_config": {
                    "min_replicas": fewest,
                    "max_replicas": max(fewest, most),
                    "target_ongoing_requests": 2 * batch_size,
                    "upscale_delay_s": 10,
                    "downscale_delay_s": 300,
                },
                # For the batch under way, and for the one that has filled behind it.
                "graceful_shutdown_timeout_s": 2 * response_timeout_s + 10,
                "ray_actor_options": {"num_cpus": shape.cpus}
                | ({"num_gpus": shape.gpus} if shape.gpus else {}),
            }
        ],
    }


def _number(settings: Mapping[str, Any], name: str, default: int, *, least: int = 1) -> int:
    value = settings.get(name)
    return value if type(value) is int and value >= least else default
