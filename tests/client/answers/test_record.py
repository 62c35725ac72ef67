import json

import pytest

from client.answers.record import HANDLERS_ERRORS, Failure, Record
from client.errors import ClientError, RequestRefused, ServerUnreachable
from handler.errors import HandlerError
from handler.formats.native import encode_native
from tests.handler.formats.answers import EVERY_KIND

FAILURES = [
    # error, type, may pass another time
    pytest.param(ClientError("cannot be read"), "ClientError", True, id="unreadable file"),
    pytest.param(ServerUnreachable("late"), "ServerUnreachable", True, id="no answer in time"),
    pytest.param(
        RequestRefused(400, "UndecodableImage", "no"), "UndecodableImage", False, id="no image"
    ),
    pytest.param(RequestRefused(413, "ImageTooLarge", "no"), "ImageTooLarge", True, id="too big"),
    pytest.param(RequestRefused(413, "Too Large", "no"), "Too Large", True, id="too many bytes"),
    pytest.param(
        RequestRefused(413, "ResponseTooLarge", "no"), "ResponseTooLarge", True, id="answer too big"
    ),
    pytest.param(
        RequestRefused(400, "InvalidOption", "no"), "InvalidOption", True, id="too many tiles"
    ),
    pytest.param(RequestRefused(400, "EmptyRequest", "no"), "EmptyRequest", False, id="no bytes"),
    pytest.param(
        RequestRefused(400, "InvalidRequest", "no"), "InvalidRequest", False, id="something else"
    ),
    pytest.param(
        RequestRefused(400, "UnsupportedImage", "no"), "UnsupportedImage", False, id="too thin"
    ),
    pytest.param(RequestRefused(404, "Not Found", "no"), "Not Found", True, id="a proxy's 404"),
    pytest.param(RequestRefused(401, "Unauthorized", "no"), "Unauthorized", True, id="no key"),
    pytest.param(RequestRefused(403, "Forbidden", "no"), "Forbidden", True, id="not let in"),
    pytest.param(RequestRefused(408, "Timeout", "no"), "Timeout", True, id="sent too slowly"),
    pytest.param(RequestRefused(429, "TooMany", "no"), "TooMany", True, id="too many at a time"),
    pytest.param(RequestRefused(500, "InternalError", "no"), "InternalError", True, id="a bug"),
    pytest.param(RequestRefused(507, "OutOfMemory", "no"), "OutOfMemory", True, id="memory"),
]


@pytest.mark.parametrize(("error", "type_", "may_pass"), FAILURES)
def test_failures(error, type_, may_pass):
    failure = Failure.of(error)
    assert failure.type == type_
    assert failure.may_pass == may_pass
    assert failure.message.startswith(str(error))
    assert ("max_request_size" in failure.message) == (type_ == "Too Large")


def test_the_errors_of_the_handler_are_known():
    with_subclasses = [HandlerError]
    for one in with_subclasses:
        with_subclasses += one.__subclasses__()
    assert {one.__name__ for one in with_subclasses} - {"HandlerError"} == set(HANDLERS_ERRORS)


@pytest.mark.parametrize("answered", EVERY_KIND)
def test_an_answer_is_read_when_it_is_asked_for(answered):
    document = json.loads(encode_native(answered))
    record = Record("a.jpg", "1", 0.5, document, {"model": 0.25})
    assert len(record.predictions) == len(answered.predictions.objects)
    assert record.predictions.seconds == {"model": 0.25}


def test_a_failure_has_no_predictions():
    assert Record("a.jpg", "1", 0.5, failure=Failure("X", "y")).predictions is None
