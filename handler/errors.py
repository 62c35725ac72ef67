"""What can go wrong with one request, each with the HTTP status that it is answered with.

    HandlerError
    ├── InvalidRequest         400  the request is not of a form that we accept
    │   ├── EmptyRequest       400  there is no image in it
    │   └── InvalidOption      400  an option that we do not know, or a value that it cannot have
    ├── UndecodableImage       400  the bytes are not an image, or not all of one
    ├── UnsupportedImage       400  an image, but of a shape that the model cannot take
    ├── ImageTooLarge          413  more pixels than the server is willing to decode
    ├── ResponseTooLarge       413  more bytes than TorchServe lets a worker answer
    ├── InternalError          500  our fault: the log has the cause, the client gets a sentence
    └── OutOfMemory            507  the image alone does not fit into the GPU's memory

An error belongs to one item of a batch and never leaves it.
"""

import uuid


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


class InvalidOption(InvalidRequest):
    """An option that the handler does not know, or a value that it cannot have."""


class UndecodableImage(HandlerError):
    """The bytes are not an image, or not all of one."""

    status = 400


class UnsupportedImage(HandlerError):
    """An image, but of a shape that the model cannot take."""

    status = 400


class ImageTooLarge(HandlerError):
    """The image has more pixels than the server is willing to decode."""

    status = 413


class ResponseTooLarge(HandlerError):
    """The answer has more bytes than TorchServe lets a worker answer; it would kill the worker."""

    status = 413


class InternalError(HandlerError):
    """Something failed that the client has no part in.

    Attributes:
        id: Stands in the message and, beside the cause, in the server's log.
    """

    status = 500

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex[:12]
        super().__init__(
            f"The server failed while answering this image; its log has the cause under {self.id}. "
            "Other requests are not affected."
        )


class OutOfMemory(HandlerError):
    """The image alone does not fit into the GPU's memory."""

    status = 507
