"""The body of an HTTP request -> the fields that TorchServe would hand to a handler.

What is in a body is the handler's to judge; nothing is refused here.
"""

import json
import logging
from collections.abc import Callable
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

log = logging.getLogger(__name__)

BODY = "body"
_FORM = "multipart/form-data"
_URLENCODED = "application/x-www-form-urlencoded"
_JSON = "application/json"

# `HttpPostMultipartRequestDecoder.cleanString` of Netty, which ends with Java's `trim`.
_CLEANED = str.maketrans({**dict.fromkeys(":,=;\t", " "), '"': None})
_TRIMMED = "".join(map(chr, range(0x21)))


def fields_of(content_type: str, body: bytes) -> dict[str, object]:
    """Take a body apart as TorchServe's frontend and `ts.protocol.otf_message_handler` do.

    Args:
        content_type: As it was sent; may be empty.
        body: As it was sent.

    Returns:
        Values by name. A form has its fields, of several with one name the last. Any other body is
        the field `body`: decoded JSON, text, or bytes, which is also what becomes of JSON and text
        that cannot be read.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == _FORM and "boundary=" in content_type.lower():
        return _form(content_type, body)
    if media_type == _URLENCODED:
        fields = _urlencoded(body)
        if fields is not None:
            return fields
    return {BODY: _value(media_type, body)}


def _value(media_type: str, content: bytes) -> object:
    try:
        if media_type == _JSON:
            return json.loads(content.decode("utf-8"))
        if media_type.startswith("text"):
            return content.decode("utf-8")
    except (ValueError, RecursionError):
        log.debug("A body said to be %s is not", media_type)
    return content


def _form(content_type: str, body: bytes) -> dict[str, object]:
    """The parts of a form; of one that breaks off those that are whole."""
    fields: dict[str, object] = {}

    def add_field(field: Field) -> None:
        fields[_name(field.field_name)] = field.value or b""

    def add_file(file: File) -> None:
        file.file_object.seek(0)
        media_type = (file.content_type or "").partition(";")[0].strip().lower()
        fields[_name(file.field_name)] = _value(media_type, file.file_object.read())
        file.close()

    _parse(content_type, body, add_field, add_file)
    return fields


def _parse(
    content_type: str,
    body: bytes,
    on_field: Callable[[Field], None],
    on_file: Callable[[File], None],
) -> None:
    try:
        parser = create_form_parser(
            {"Content-Type": content_type.encode("latin-1", errors="replace")},
            on_field,
            on_file,
            # The body is in memory already; nothing is written to disk.
            config={"MAX_MEMORY_FILE_SIZE": len(body) + 1},
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        log.debug("A form breaks off: %s", error)


def _name(name: bytes | None) -> str:
    """A field's name as Netty's decoder of forms leaves it."""
    return (name or b"").decode("utf-8", errors="replace").translate(_CLEANED).strip(_TRIMMED)


def _urlencoded(body: bytes) -> dict[str, object] | None:
    """The fields of a form, or None where these are bytes that a client called one.

    `curl --data-binary` and urllib give that type to an image when they are told none.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return {name: value.encode() for name, value in parse_qsl(text, keep_blank_values=True)}
