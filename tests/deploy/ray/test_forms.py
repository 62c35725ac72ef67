"""What becomes of bodies; tests/cluster compares thousands with what TorchServe makes of them."""

import json

import pytest

from deploy.ray.forms import fields_of

NOT_UTF8 = b"\x89PNG\xff"
BOUNDARY = "multipart/form-data; boundary=x"


def form(*parts: tuple[str, bytes]) -> bytes:
    """A form; each part has its headers after `form-data; `, and its content."""
    whole = [
        b'--x\r\nContent-Disposition: form-data; name="' + headers.encode() + b"\r\n\r\n" + content
        for headers, content in parts
    ]
    return b"\r\n".join([*whole, b"--x--\r\n"])


@pytest.mark.parametrize(
    ("content_type", "body", "fields"),
    [
        pytest.param("", NOT_UTF8, {"body": NOT_UTF8}, id="no type"),
        pytest.param("image/png", NOT_UTF8, {"body": NOT_UTF8}, id="an image's"),
        pytest.param("", b"", {"body": b""}, id="nothing"),
        pytest.param("application/json", b'{"a": 1}', {"body": {"a": 1}}, id="json"),
        pytest.param(
            "Application/JSON; charset=utf-8", b"[1]", {"body": [1]}, id="json in capitals"
        ),
        pytest.param("application/json", b"{", {"body": b"{"}, id="json cut off"),
        pytest.param("application/json", b"", {"body": b""}, id="json of nothing"),
        pytest.param("application/json", NOT_UTF8, {"body": NOT_UTF8}, id="json of bytes"),
        pytest.param("text/plain", b"hello", {"body": "hello"}, id="text"),
        pytest.param("text/plain", NOT_UTF8, {"body": NOT_UTF8}, id="text of bytes"),
        pytest.param(BOUNDARY, form(('a"', b"1")), {"a": b"1"}, id="field"),
        pytest.param(
            BOUNDARY, form(('a"; filename="x.png"', NOT_UTF8)), {"a": NOT_UTF8}, id="file"
        ),
        pytest.param(
            BOUNDARY,
            form(('a"; filename="x.json"\r\nContent-Type: application/json', b"[2]")),
            {"a": [2]},
            id="file of json",
        ),
        pytest.param(BOUNDARY, form(('a"', b"1"), ('a"', b"2")), {"a": b"2"}, id="twice"),
        pytest.param(BOUNDARY, form(('a:b\x01"', b"1")), {"a b": b"1"}, id="odd name"),
        pytest.param(BOUNDARY, form(('a"', b"")), {"a": b""}, id="empty field"),
        pytest.param(BOUNDARY, b"hello", {}, id="no form"),
        pytest.param(BOUNDARY, form(('a"', b"1"))[:-40], {}, id="form cut off"),
        pytest.param("multipart/form-data", b"x", {"body": b"x"}, id="no boundary"),
        pytest.param(
            "application/x-www-form-urlencoded", b"a=1&b=", {"a": b"1", "b": b""}, id="urlencoded"
        ),
        pytest.param(
            "application/x-www-form-urlencoded",
            NOT_UTF8,
            {"body": NOT_UTF8},
            id="an image that curl calls a form",
        ),
    ],
)
def test_fields(content_type, body, fields):
    assert fields_of(content_type, body) == fields


def test_json_nested_too_deeply_is_handed_on_as_it_came():
    body = b"[" * 100_000
    assert fields_of("application/json", body) == {"body": body}


def test_a_large_file_stays_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = bytes(5_000_000)
    found = fields_of(BOUNDARY, form(('data"; filename="x"', content)))
    assert found == {"data": content}
    assert not list(tmp_path.iterdir())
    assert json.dumps(list(found)) == '["data"]'
