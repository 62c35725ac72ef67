"""Move a default version on a running cluster, over Serve's REST API."""

import contextlib
import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from deploy.ray.serve_config import GATEWAY

_PATH = "/api/serve/applications/"
_WAIT_S = 60
_KEPT = (
    "proxy_location",
    "http_options",
    "grpc_options",
    "logging_config",
    "tracing_config",
    "controller_options",
    "target_capacity",
)


class ClusterError(Exception):
    """A sentence: what the cluster did not do, and what it said."""


def set_default(dashboard: str, model: str, version: str) -> str:
    """Make a version the default one of its model; nothing restarts.

    Args:
        dashboard: URL of the cluster's dashboard, where Serve's REST API is.
        model: A served model.
        version: One of its versions, which is running.

    Returns:
        The version that was the default one.

    Raises:
        ClusterError: No answer, no such model or version, or it is not running.
    """
    details = _send("GET", dashboard)
    applications = details.get("applications", {})
    if GATEWAY not in applications:
        raise ClusterError(
            f"No application {GATEWAY} runs there; running are {_named(applications)}."
        )
    configs = _configs(details)
    before_move = copy.deepcopy(configs)
    (deployment,) = configs[GATEWAY]["deployments"]
    models = deployment["user_config"]["models"]
    if model not in models:
        raise ClusterError(f'No model "{model}" is served; served are {_named(models)}.')
    versions = models[model]["versions"]
    if version not in versions:
        raise ClusterError(f"{model} has no version {version}; it has {_named(versions)}.")
    status = applications.get(versions[version], {}).get("status", "not deployed")
    if status != "RUNNING":
        raise ClusterError(f"{model} {version} is {status}; only a running version is moved to.")
    before: str = models[model]["default"]
    models[model]["default"] = version
    config = {key: details[key] for key in _KEPT if details.get(key) is not None}
    if _configs(_send("GET", dashboard)) != before_move:
        # What is sent is the whole of what is to run: it would undo what was deployed meanwhile.
        raise ClusterError("Something else was deployed in the same moment; try again.")
    _send("PUT", dashboard, {**config, "applications": list(configs.values())})
    return before


def _configs(details: Mapping[str, Any]) -> dict[str, Any]:
    """The config of each application, as it was deployed."""
    return {
        name: one["deployed_app_config"]
        for name, one in details.get("applications", {}).items()
        if one.get("deployed_app_config")
    }


def _authorization() -> dict[str, str]:
    """The cluster's token, found where Ray's own commands look for it."""
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"
    if not token:
        with contextlib.suppress(OSError, ValueError):  # a cluster need not have one
            token = Path(file).read_text(encoding="utf-8")
    return {"Authorization": f"Bearer {token.strip()}"} if token.strip() else {}


def _named(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"


def _send(method: str, dashboard: str, document: Any = None) -> dict[str, Any]:
    url = f"{dashboard.rstrip('/')}{_PATH}"
    try:
        response = requests.request(
            method, url, json=document, headers=_authorization(), timeout=_WAIT_S
        )
    except requests.RequestException as error:
        raise ClusterError(f"{url} cannot be reached: {error}.") from error
    if not response.ok:
        raise ClusterError(f"{url} answered {response.status_code}: {response.text[:500]}")
    found: dict[str, Any] = response.json() if response.content else {}
    return found
