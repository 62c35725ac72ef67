"""What TorchServe's management API says of models, said of Serve applications; read only."""

import asyncio
from collections.abc import Iterable
from typing import Any

import ray.exceptions
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

_WAIT_S = 5.0


def listed(models: Iterable[str]) -> dict[str, Any]:
    """The document of `GET /models`."""
    return {"models": [{"modelName": name} for name in sorted(models)]}


async def answering(handle: DeploymentHandle) -> list[dict[str, Any]]:
    """What each replica of an application says of itself; empty where nobody answers."""
    try:
        return await asyncio.wait_for(_states(handle), _WAIT_S)
    except (RayServeException, ray.exceptions.RayError, TimeoutError):
        return []


async def described(
    model: str, version: str, handle: DeploymentHandle, *, customized: bool
) -> dict[str, Any]:
    """One entry of `GET /models/NAME`: the keys of TorchServe's that mean something here.

    Args:
        model: Its name.
        version: Its version.
        handle: Of its application.
        customized: Whether the model is asked what it says of itself.

    Raises:
        ray.exceptions.RayError, ray.serve.exceptions.RayServeException, TimeoutError: It was asked
            what it says of itself, and nobody answered.
    """
    states = await answering(handle)
    arguments = states[0]["arguments"] if states else {}
    entry: dict[str, Any] = {
        "modelName": model,
        "modelVersion": version,
        "modelUrl": str(arguments.get("url", "")).rpartition("/")[2],
        "runtime": "python",
        "minWorkers": len(states),
        "maxWorkers": len(states),
        "batchSize": arguments.get("batch_size", 1),
        "maxBatchDelay": round(1000 * arguments.get("batch_wait_s", 0)),
        "responseTimeout": arguments.get("response_timeout_s", 0),
        "workers": [
            {
                "id": state["node"][:8] + f"-{state['pid']}",
                "status": "READY",
                "pid": state["pid"],
                "gpu": bool(state["gpus"]),
            }
            for state in states
        ],
    }
    if customized:
        entry["customizedMetadata"] = await asyncio.wait_for(handle.describe.remote(), _WAIT_S)
    return entry


async def _states(handle: DeploymentHandle) -> list[dict[str, Any]]:
    answered = handle.broadcast("state")
    states: list[dict[str, Any]] = await answered.results_async()
    return states
