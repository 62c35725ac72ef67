"""What clients reach: TorchServe's paths, and behind them one Serve application a version."""

import asyncio
import hmac
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray.exceptions
from ray import serve
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    ReplicaUnavailableError,
)
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response

from deploy.ray.arguments import GatewayArguments, GatewayConfig
from deploy.ray.descriptions import described, listed
from deploy.ray.model import SERVE_LOG, Asked
from deploy.ray.replies import (
    Reply,
    document,
    no_answer,
    no_such_model,
    no_such_path,
    no_such_version,
    queue_full,
    refusal,
    too_large,
    wrong_key,
    wrong_method,
)
from deploy.ray.targets import Purpose, Target, target_of

log = logging.getLogger(SERVE_LOG)

UNCACHEABLE = {
    "pragma": "no-cache",
    "cache-control": "no-cache; no-store, must-revalidate, private",
    "expires": "Thu, 01 Jan 1970 00:00:00 UTC",
}
"""Headers that TorchServe gives every answer."""

ATTEMPTS = 2
_REPLICA_LOST = (
    ray.exceptions.RayActorError,
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.NodeDiedError,
    ReplicaUnavailableError,
)
_NOBODY_THERE = (BackPressureError, DeploymentUnavailableError)


class Gateway:
    """A replica of the gateway: knows which application answers for which version."""

    def __init__(self, arguments: GatewayArguments) -> None:
        self._arguments = arguments
        self._versions: dict[str, dict[str, DeploymentHandle]] = {}
        self._defaults: dict[str, str] = {}
        self._moves: dict[str, asyncio.Task[None]] = {}

    async def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Take over which versions there are.

        A default moves once the new version has answered; until then the old one stays, so that no
        request waits for a model to load.

        Raises:
            pydantic.ValidationError: The config is none, all that is wrong with it.
        """
        config = GatewayConfig.model_validate(user_config)
        for move in self._moves.values():
            move.cancel()
        self._moves.clear()
        # A handle looks for its application when it is first used, and not before.
        self._versions = {
            name: {
                version: serve.get_deployment_handle("Model", application)
                for version, application in model.versions.items()
            }
            for name, model in config.models.items()
        }
        before, self._defaults = self._defaults, {}
        for name, model in config.models.items():
            old = before.get(name, model.default)
            if old == model.default or old not in model.versions:
                self._defaults[name] = model.default
            else:
                self._defaults[name] = old
                self._moves[name] = asyncio.create_task(self._move(name, model.default))

    async def __call__(self, request: Request) -> Response:
        """Answer one HTTP request."""
        reply = await self._reply(request)
        if reply.content_type is None:
            return Response(reply.body, reply.status)
        # Not `media_type`: to that of text Starlette appends a charset.
        headers = {"content-type": reply.content_type, **UNCACHEABLE, **reply.headers}
        return Response(reply.body, reply.status, headers)

    async def _reply(self, request: Request) -> Reply:
        body = await request.body()
        if len(body) > self._arguments.max_request_bytes:
            return too_large()
        if not self._is_allowed(request.headers.get("authorization", "")):
            return wrong_key()
        target = target_of(request.scope.get("raw_path", b"").decode("latin-1"))
        if target is None:
            return no_such_path()
        if target.purpose is Purpose.PREDICT:
            return await self._predict(target, request, body)
        if request.method not in ("GET", "HEAD"):
            return wrong_method()
        if target.purpose is Purpose.PING:
            return document({"status": "Healthy"})
        if target.purpose is Purpose.LIST_MODELS:
            return document(listed(self._defaults))
        return await self._describe(target, request)

    def _is_allowed(self, authorization: str) -> bool:
        if self._arguments.key_file is None:
            return True
        try:
            key = Path(self._arguments.key_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            log.exception("No request is answered: the key cannot be read")
            return False
        kind, _, given = authorization.partition(" ")
        matches = hmac.compare_digest(given.strip().encode(), key.encode())
        return bool(key) and kind == "Bearer" and matches

    async def _predict(self, target: Target, request: Request, body: bytes) -> Reply:
        found = self._handle(target)
        if isinstance(found, Reply):
            return found
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw
        }
        return await _ask(found, Asked(headers, body), target.model)

    def _handle(self, target: Target) -> DeploymentHandle | Reply:
        versions = self._versions.get(target.model)
        if versions is None:
            return no_such_model(target.model)
        version = target.version or self._defaults[target.model]
        found = versions.get(version)
        return no_such_version(target.model, version) if found is None else found

    async def _describe(self, target: Target, request: Request) -> Reply:
        versions = self._versions.get(target.model)
        if versions is None:
            return no_such_model(target.model)
        wanted = [target.version or self._defaults[target.model]]
        if target.version == "all":
            wanted = list(versions)
        elif wanted[0] not in versions:
            return no_such_version(target.model, wanted[0])
        customized = request.query_params.get("customized") == "true"
        try:
            return document(
                [
                    await described(target.model, one, versions[one], customized=customized)
                    for one in wanted
                ]
            )
        except (RayServeException, ray.exceptions.RayError, TimeoutError) as error:
            log.warning("%s cannot be described: %s", target.model, error)
            return queue_full(target.model)

    async def _move(self, name: str, version: str) -> None:
        while True:
            try:
                await self._versions[name][version].describe.remote()
                break
            except (RayServeException, ray.exceptions.RayError) as error:
                log.info("%s %s does not answer yet: %s", name, version, error)
                await asyncio.sleep(1)
        self._defaults[name] = version
        log.info("The default version of %s is %s now", name, version)


async def _ask(handle: DeploymentHandle, asked: Asked, model: str) -> Reply:
    """Ask a version; where the replica is lost under way, once more another one.

    A request that has ended two replicas may be what ended them, and is not tried on a third.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            reply: Reply = await handle.remote(asked)
        except _NOBODY_THERE as error:
            log.warning("%s has nobody to answer: %s", model, error)
            return queue_full(model)
        except _REPLICA_LOST as error:
            log.warning("A replica of %s is lost (attempt %d): %s", model, attempt, error)
        except RayServeException as error:  # its application is gone, or not there yet
            log.warning("%s cannot be asked: %s", model, error)
            return queue_full(model)
        except Exception:
            log.exception("An unforeseen error of %s", model)
            return refusal(500, "InternalServerException", "Prediction failed")
        else:
            return reply
    return no_answer("Worker died.")
