"""What can go wrong with one request, each with the HTTP status that it is answered with.

    HandlerError
    ├── InvalidRequest         400  the request is not of a form that we accept
    │   └── EmptyRequest       400  there is no image in it
    ├── UndecodableImage       400  the bytes are not an image, or not all of one
    ├── UnsupportedImage       400  an image, but of a shape that the model cannot take
    ├── ImageTooLarge          413  more pixels than the server is willing to decode
    └── InternalError          500  our fault: the log has the cause, the client gets a sentence

An error belongs to one item of a batch and never leaves it.
"""


class HandlerError(Exception):
    """Base of everything that is answered with an error body.

    The message is written for the person who sent the request: what was wrong, the value seen,
    what is accepted.
    """

    status: int = 500

    @property
    def type(self) -> str:
        """The name that clients tell errors apart by, the `type` of the error body."""
        return self.__class__.__name__


class InvalidRequest(HandlerError):
    """The request is not of a form that the handler accepts."""

    status = 400


class EmptyRequest(InvalidRequest):
    """There is no image in the request."""


class UndecodableImage(HandlerError):
    """The bytes are not an image, or not all of one."""

    status = 400


class UnsupportedImage(HandlerError):
    """An image, but of a shape that the model cannot take."""

    status = 400


class ImageTooLarge(HandlerError):
    """The image has more pixels than the server is willing to decode."""

    status = 413


class InternalError(HandlerError):
    """Something failed that the client has no part in; the server's log has the cause."""

    status = 500

    def __init__(self) -> None:
        super().__init__(
            "The server failed while answering this image; its log has the cause. "
            "Other requests are not affected."
        )
