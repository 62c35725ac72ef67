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
