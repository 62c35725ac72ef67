"""What clients reach: TorchServe's paths, and behind them one Serve application a version."""

import asyncio
import hmac
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray.exceptions
from pydantic import ValidationError
from ray.serve.exceptions import RayServeException
from starlette.requests import Request
from starlette.responses import Response

from deploy.ray.arguments import GatewayArguments, GatewayConfig
from deploy.ray.asking import ask
from deploy.ray.bodies import BodyRefused, read_body
from deploy.ray.descriptions import answering, described, listed
from deploy.ray.logs import SERVE_LOG
from deploy.ray.messages import Asked, Reply
from deploy.ray.replies import (
    document,
    no_such_path,
    queue_full,
    refusal,
    too_large,
    wrong_key,
    wrong_method,
)
from deploy.ray.targets import Purpose, Target, target_of
from deploy.ray.versions import Versions

log = logging.getLogger(SERVE_LOG)

UNCACHEABLE = {
    "pragma": "no-cache",
    "cache-control": "no-cache; no-store, must-revalidate, private",
    "expires": "Thu, 01 Jan 1970 00:00:00 UTC",
}
"""Headers that TorchServe gives every answer."""


class Gateway:
    """A replica of the gateway: takes requests, finds out who answers, and passes answers on."""

    def __init__(self, arguments: GatewayArguments) -> None:
        self._arguments = arguments
        self._versions = Versions()

    async def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Take over which versions there are.

        Raises:
            pydantic.ValidationError: The config is none, and there was none before. One that
                answers requests keeps what it has: Serve ends a replica that raises here.
        """
        try:
            config = GatewayConfig.model_validate(user_config)
        except ValidationError:
            if not self._versions.models:
                raise
            log.exception("The user_config is not taken over")
            return
        self._versions.take_over(config)

    async def __call__(self, request: Request) -> Response:
        """Answer one HTTP request."""
        reply = await self._reply(request)
        if reply.content_type is None:
            return Response(reply.body, reply.status)
        # Not `media_type`: to that of text Starlette appends a charset.
        headers = {"content-type": reply.content_type, **UNCACHEABLE, **reply.headers}
        return Response(reply.body, reply.status, headers)

    async def _reply(self, request: Request) -> Reply:
        # Who has no key has no body read either.
        if not self._is_allowed(request.headers.get("authorization", "")):
            return wrong_key()
        target = target_of(request.scope.get("raw_path", b"").decode("latin-1"))
        if target is None:
            return no_such_path()
        if target.purpose is Purpose.PREDICT:
            return await self._predict(target, request)
        if request.method not in ("GET", "HEAD"):
            return wrong_method()
        if target.purpose is Purpose.PING:
            return await self._ping()
        if target.purpose is Purpose.LIST_MODELS:
            return document(listed(self._versions.models))
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

    async def _predict(self, target: Target, request: Request) -> Reply:
        found = self._versions.find(target.model, target.version)
        if isinstance(found, Reply):
            return found
        try:
            body = await read_body(
                request,
                max_bytes=self._arguments.max_request_bytes,
                timeout_s=self._arguments.body_timeout_s,
            )
        except BodyRefused as error:
            if error.status == 413:
                return too_large()
            return refusal(error.status, "RequestTimeoutException", "The body did not come whole.")
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw
        }
        _, handle = found
        wait_s = self._arguments.answer_timeout_s
        return await ask(handle, Asked(headers, body), target.model, wait_s=wait_s)

    async def _ping(self) -> Reply:
        """Healthy where every default version has somebody who answers."""
        found = [self._versions.find(model, None) for model in self._versions.models]
        states = await asyncio.gather(
            *(answering(one[1]) for one in found if not isinstance(one, Reply))
        )
        healthy = len(states) == len(found) and all(states)
        return document({"status": "Healthy" if healthy else "Unhealthy"}, 200 if healthy else 500)

    async def _describe(self, target: Target, request: Request) -> Reply:
        everything = target.version == "all" and target.model in self._versions.models
        wanted = self._versions.versions_of(target.model) if everything else [target.version]
        customized = request.query_params.get("customized") == "true"
        entries = []
        for version in wanted:
            found = self._versions.find(target.model, version)
            if isinstance(found, Reply):
                return found
            try:
                entries.append(await described(target.model, *found, customized=customized))
            except (RayServeException, ray.exceptions.RayError, TimeoutError) as error:
                log.warning("%s %s cannot be described: %s", target.model, found[0], error)
                return queue_full(target.model)
        return document(entries)
