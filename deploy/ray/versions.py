"""Which versions of which models there are, who answers for them, and which one is the default."""

import asyncio
import logging
from collections.abc import Iterable

import ray.exceptions
from ray import serve
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from deploy.ray.arguments import GatewayConfig
from deploy.ray.logs import SERVE_LOG
from deploy.ray.messages import Reply
from deploy.ray.replies import no_such_model, no_such_version

_AGAIN_S = 1.0

log = logging.getLogger(SERVE_LOG)


class Versions:
    """What one gateway knows; changed by each `user_config`."""

    def __init__(self) -> None:
        self._handles: dict[str, dict[str, DeploymentHandle]] = {}
        self._defaults: dict[str, str] = {}
        self._moves: dict[str, asyncio.Task[None]] = {}

    def take_over(self, config: GatewayConfig) -> None:
        """Serve what a config says, whether all of it is there already or not.

        A default moves once the new version has answered; until then the old one stays, so that no
        request waits for a model to load. A default that is none of the versions is not moved to.
        """
        for move in self._moves.values():
            move.cancel()
        self._moves.clear()
        self._handles = {
            name: {
                # Unchecked: a new version's application is deployed in the same moment.
                version: serve.get_deployment_handle("Model", application, _check_exists=False)
                for version, application in model.versions.items()
            }
            for name, model in config.models.items()
        }
        before, self._defaults = self._defaults, {}
        for name, model in config.models.items():
            old = before.get(name, model.default)
            if model.default not in model.versions:
                log.error("%s has no version %s to be the default one", name, model.default)
                self._defaults[name] = old
            elif old == model.default or old not in model.versions:
                self._defaults[name] = model.default
            else:
                self._defaults[name] = old
                self._moves[name] = asyncio.create_task(self._move(name, model.default))

    @property
    def models(self) -> Iterable[str]:
        """Names of the models that are served."""
        return self._handles

    def versions_of(self, model: str) -> list[str]:
        """Versions of a served model."""
        return sorted(self._handles[model])

    def find(self, model: str, version: str | None) -> tuple[str, DeploymentHandle] | Reply:
        """A version and who answers for it, or the refusal.

        Args:
            model: Its name.
            version: Its version, or None for the default one.
        """
        versions = self._handles.get(model)
        if versions is None:
            return no_such_model(model)
        wanted = version or self._defaults[model]
        handle = versions.get(wanted)
        return no_such_version(model, wanted) if handle is None else (wanted, handle)

    async def _move(self, name: str, version: str) -> None:
        while True:
            try:
                await self._handles[name][version].describe.remote()
                break
            except (RayServeException, ray.exceptions.RayError) as error:
                log.info("%s %s does not answer yet: %s", name, version, error)
                await asyncio.sleep(_AGAIN_S)
        self._defaults[name] = version
        log.info("The default version of %s is %s now", name, version)
