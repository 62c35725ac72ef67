import base64

import pytest

from handler.errors import EmptyRequest, InvalidRequest
from handler.request import parse_request

IMAGE = b"\x89PNG..."
BASE64 = base64.b64encode(IMAGE).decode()


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"body": bytearray(IMAGE)}, id="raw body"),
        pytest.param({"data": bytearray(IMAGE)}, id="form field data"),
        pytest.param({"image": bytearray(IMAGE)}, id="form field image"),
        pytest.param({"file": bytearray(IMAGE)}, id="form field file"),
        pytest.param({"body": {"image": BASE64}}, id="json body"),
        pytest.param({"data": {"image": BASE64}}, id="json in a form field"),
        pytest.param({"body": IMAGE}, id="bytes instead of bytearray"),
    ],
)
def test_finds_the_image_in_every_form(row):
    assert parse_request(row).image_bytes == IMAGE


@pytest.mark.parametrize(
    ("row", "error", "sentence"),
    [
        pytest.param({}, EmptyRequest, "no image", id="nothing at all"),
        pytest.param({"body": bytearray()}, EmptyRequest, "no bytes", id="empty body"),
        pytest.param({"data": bytearray()}, EmptyRequest, "no bytes", id="empty field"),
        pytest.param({"body": {}}, EmptyRequest, 'no key "image"', id="empty json"),
        pytest.param({"body": {"image": ""}}, EmptyRequest, "no bytes", id="empty base64"),
        pytest.param({"body": "hello"}, InvalidRequest, "The body is text", id="text body"),
        pytest.param({"body": [1]}, InvalidRequest, "a JSON list", id="json list"),
        pytest.param({"body": None}, InvalidRequest, "JSON null", id="json null"),
        pytest.param({"body": 3.5}, InvalidRequest, "a JSON float", id="json number"),
        pytest.param({"body": {"image": 1}}, InvalidRequest, "a JSON int", id="not a string"),
        pytest.param({"body": {"image": "%%%="}}, InvalidRequest, "not base64", id="bad base64"),
        pytest.param({"body": {"image": "é"}}, InvalidRequest, "not base64", id="not ascii"),
        pytest.param(
            {"body": {"image": BASE64, "imge": 1}}, InvalidRequest, '"imge"', id="unknown json key"
        ),
        pytest.param({"picture": b"x"}, InvalidRequest, '"picture"', id="unknown field"),
        pytest.param(
            {"data": b"x", "body": b"y"}, InvalidRequest, '"body", "data"', id="two images"
        ),
    ],
)
def test_refuses_with_a_sentence(row, error, sentence):
    with pytest.raises(error, match=sentence):
        parse_request(row)
