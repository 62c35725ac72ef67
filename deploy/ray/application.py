"""The applications that a Serve config names: `:gateway` once, and `:model` for each version."""

from ray import serve
from ray.serve import Application

from deploy.ray.arguments import GatewayArguments, ModelArguments
from deploy.ray.gateway import Gateway
from deploy.ray.model import Model


def gateway(arguments: GatewayArguments) -> Application:
    """What clients reach, at the route `/`."""
    return serve.deployment(Gateway).bind(arguments)


def model(arguments: ModelArguments) -> Application:
    """One version of a model; it has no route, the gateway asks it."""
    return serve.deployment(Model).bind(arguments)
