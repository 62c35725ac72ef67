"""What can go wrong between the caller and a server."""


class ClientError(Exception):
    """A request could not be done; the message says what to do about it."""


class ServerUnreachable(ClientError):
    """Nobody answers at the address, or not in time."""


class RequestRefused(ClientError):
    """The server answered with an error.

    Attributes:
        status: HTTP status.
        type: The error's name in the server's answer, such as `UndecodableImage`.
    """

    def __init__(self, status: int, type_: str, message: str) -> None:
        super().__init__(f"{status} {type_}: {message}")
        self.status = status
        self.type = type_


class ModelApiOff(ClientError):
    """The server registers and unregisters nothing, which is how it starts unless asked."""

    def __init__(self) -> None:
        super().__init__(
            "The server's model API is off, so it registers and unregisters nothing. Start it with "
            "it on: python -m server --model-api, torchserve --enable-model-api, or "
            "enable_model_api=true in config.properties. Whoever reaches the management port with "
            "its key can then run code on the server."
        )


class ReadOnlyManagement(ClientError):
    """The management API is not TorchServe's: what serves there takes changes in another way."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"What serves at {url} describes its models, and its versions are not moved over HTTP: "
            "it refuses what every TorchServe takes. Ray Serve is such a server, and its versions "
            "are moved by its config (docs/ray.md)."
        )
