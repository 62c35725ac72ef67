"""Documents that TorchServe itself answers with."""

import json
from typing import Any

from deploy.ray.messages import Reply


def document(value: Any, status: int = 200) -> Reply:
    """JSON as TorchServe's frontend writes it: indented by two, with a line break at the end."""
    return Reply(status, f"{json.dumps(value, indent=2, ensure_ascii=False)}\n".encode())


def refusal(status: int, kind: str, message: str) -> Reply:
    """An error in the three keys that all errors have."""
    return document({"code": status, "type": kind, "message": message}, status)


def no_such_path() -> Reply:
    """For a path that leads nowhere."""
    return refusal(
        404,
        "ResourceNotFoundException",
        "Requested resource is not found, please refer to API document.",
    )


def wrong_method() -> Reply:
    """For a path that is asked in another way."""
    return refusal(
        405,
        "MethodNotAllowedException",
        "Requested method is not allowed, please refer to API document.",
    )


def no_such_model(model: str) -> Reply:
    """For a model that is not served."""
    return refusal(404, "ModelNotFoundException", f"Model not found: {model}")


def no_such_version(model: str, version: str) -> Reply:
    """For a version that is not served of a model that is."""
    return refusal(
        404,
        "ModelVersionNotFoundException",
        f"Model version: {version} does not exist for model: {model}",
    )


def wrong_key() -> Reply:
    """For a request without the key, or with another one."""
    return refusal(
        400,
        "InvalidKeyException",
        "Token Authorization failed. Token either incorrect, expired, or not provided correctly",
    )


def too_large() -> Reply:
    """For a request that is larger than what is accepted; without a body, as from TorchServe."""
    return Reply(413, content_type=None)


def queue_full(model: str) -> Reply:
    """For a request that finds too many others waiting, or nobody to wait for."""
    return refusal(
        503,
        "ServiceUnavailableException",
        f'Model "{model}" has no worker to serve inference request. Please use scale workers API '
        "to add workers. If this is a sequence inference, please check if it is closed, or expired;"
        " or exceeds maxSequenceJobQueueSize",
    )


def no_answer(message: str) -> Reply:
    """For a request that a replica took and did not answer."""
    return refusal(500, "InternalServerException", message)
