"""One request to the application of a version: the answer, or why there is none."""

import asyncio
import logging

import ray.exceptions
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    ReplicaUnavailableError,
)
from ray.serve.handle import DeploymentHandle

from deploy.ray.descriptions import answering
from deploy.ray.logs import SERVE_LOG
from deploy.ray.messages import Asked, Reply
from deploy.ray.replies import no_answer, queue_full, refusal

log = logging.getLogger(SERVE_LOG)

ATTEMPTS = 2
NOBODY_S = 30.0
"""Longest wait of a request for a first replica: longer than most models take to load."""

_REPLICA_LOST = (
    ray.exceptions.RayActorError,
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.NodeDiedError,
    ReplicaUnavailableError,
)
# The last one: its application is gone, or not there yet.
_NOBODY_THERE = (BackPressureError, DeploymentUnavailableError, RayServeException)


async def ask(handle: DeploymentHandle, asked: Asked, model: str, *, wait_s: float) -> Reply:
    """Ask a version; where the replica is lost under way, once more another one.

    A request that has ended two replicas may be what ended them, and is not tried on a third.

    Args:
        handle: Of the version's application.
        asked: The request.
        model: Its name.
        wait_s: Longest wait, for a replica and for its answer. Where there is no replica at all, as
            where no node has cores for one, it is not waited for longer than `NOBODY_S`.
    """
    asking = asyncio.create_task(_ask(handle, asked, model))
    try:
        done, _ = await asyncio.wait({asking}, timeout=min(NOBODY_S, wait_s))
        if not done and await answering(handle):
            done, _ = await asyncio.wait({asking}, timeout=wait_s - NOBODY_S)
        if done:
            return asking.result()
    finally:
        asking.cancel()  # as where the client has left
    log.warning("%s has not answered in time", model)
    return queue_full(model)


async def _ask(handle: DeploymentHandle, asked: Asked, model: str) -> Reply:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            reply: Reply = await handle.remote(asked)
        except _REPLICA_LOST as error:
            log.warning("A replica of %s is lost (attempt %d): %s", model, attempt, error)
        except _NOBODY_THERE as error:
            log.warning("%s has nobody to answer: %s", model, error)
            return queue_full(model)
        except Exception:
            log.exception("An unforeseen error of %s", model)
            return refusal(503, "InternalServerException", "Prediction failed")
        else:
            return reply
    return no_answer("Worker died.")
