import base64

import pytest

from handler.errors import EmptyRequest, InvalidRequest
from handler.request import Envelope, Row, SentImage, asks_for_description, parse_request

IMAGE = b"\x89PNG..."
OTHER = b"\xff\xd8\xff..."
BASE64, OTHER64 = (base64.b64encode(one).decode() for one in (IMAGE, OTHER))


def parse(fields, **headers):
    return parse_request(Row(fields, headers))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"body": bytearray(IMAGE)}, id="raw body"),
        pytest.param({"data": bytearray(IMAGE)}, id="form field data"),
        pytest.param({"image": bytearray(IMAGE)}, id="form field image"),
        pytest.param({"file": bytearray(IMAGE)}, id="form field file"),
        pytest.param({"FILE": bytearray(IMAGE)}, id="a field in capitals"),
        pytest.param({"body": {"image": BASE64}}, id="json body"),
        pytest.param({"data": {"image": BASE64}}, id="json in a form field"),
        pytest.param({"body": {"image": {"b64": BASE64}}}, id="wrapped once more"),
        pytest.param({"body": {"image": f"data:image/png;base64,{BASE64}"}}, id="data url"),
        pytest.param({"body": {"image": f"{BASE64[:4]}\r\n{BASE64[4:]}\n"}}, id="broken lines"),
        pytest.param({"body": IMAGE}, id="bytes instead of bytearray"),
    ],
)
def test_finds_the_image_in_every_form(fields):
    request = parse(fields)
    assert request.images == (SentImage(IMAGE),)
    assert (request.envelope, request.given) == (Envelope.SINGLE, {})


@pytest.mark.parametrize(
    "instance",
    [
        pytest.param(BASE64, id="text"),
        pytest.param({"b64": BASE64}, id="b64"),
        pytest.param({"image": BASE64}, id="image"),
        pytest.param({"image": {"b64": BASE64}}, id="image b64"),
        pytest.param({"data": {"b64": BASE64}}, id="data b64"),
    ],
)
def test_finds_several_images(instance):
    request = parse({"body": {"instances": [instance, {"b64": OTHER64}], "format": "coco"}})
    assert request.images == (SentImage(IMAGE), SentImage(OTHER))
    assert request.envelope is Envelope.INSTANCES
    assert request.given == {"format": "coco"}


@pytest.mark.parametrize("data", [BASE64, [BASE64], [[BASE64]], [{"b64": BASE64}]])
def test_finds_the_image_of_a_tensor(data):
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": data}
    parameters = {"score_threshold": 0.5}
    request = parse(
        {"body": {"id": 7, "inputs": [tensor], "parameters": parameters, "outputs": []}}
    )
    assert request.images == (SentImage(IMAGE),)
    assert (request.envelope, request.id) == (Envelope.V2, "7")
    assert request.given == {"score_threshold": 0.5}


def test_finds_options_everywhere_the_closer_ones_winning():
    request = parse(
        {"data": bytearray(IMAGE), "Format": bytearray(b"coco"), "classes": "a"},
        **{"x-FORMAT": "cvat", "X-Score-Threshold": "0.5", "X-Request-Id": "1", "Accept": "*/*"},
    )
    assert request.given == {"format": "coco", "classes": "a", "score_threshold": "0.5"}
    json_request = parse({"body": {"image": BASE64, "Max_Detections": 3}}, **{"X-Format": "coco"})
    assert json_request.given == {"max_detections": 3, "format": "coco"}


@pytest.mark.parametrize(
    ("accept", "picture"),
    [
        ("image/jpeg", "image/jpeg"),
        ("image/png;q=0.9", "image/png"),
        ("IMAGE/PNG, */*", "image/png"),
        ("*/*", None),
        ("application/json, image/jpeg", None),
        ("", None),
        ("image/webp", None),
    ],
)
def test_a_client_that_accepts_pictures_gets_one(accept, picture):
    assert parse({"body": IMAGE}, accept=accept).picture_type == picture


@pytest.mark.parametrize(
    ("fields", "error", "sentence"),
    [
        pytest.param({}, EmptyRequest, "no image", id="nothing at all"),
        pytest.param({"format": b"coco"}, EmptyRequest, "no image", id="options alone"),
        pytest.param({"body": bytearray()}, EmptyRequest, "no bytes", id="empty body"),
        pytest.param({"data": bytearray()}, EmptyRequest, "no bytes", id="empty field"),
        pytest.param({"body": {}}, EmptyRequest, 'no key "image"', id="empty json"),
        pytest.param({"body": {"image": ""}}, EmptyRequest, "no bytes", id="empty base64"),
        pytest.param({"body": {"instances": []}}, EmptyRequest, "an empty list", id="no instances"),
        pytest.param({"body": "hello"}, InvalidRequest, "The body is text", id="text body"),
        pytest.param({"body": [1]}, InvalidRequest, "a JSON list", id="json list"),
        pytest.param({"body": None}, InvalidRequest, "JSON null", id="json null"),
        pytest.param({"body": 3.5}, InvalidRequest, "a JSON number", id="json number"),
        pytest.param({"body": {"image": 1}}, InvalidRequest, "a JSON number", id="not a string"),
        pytest.param({"body": {"image": "%%%="}}, InvalidRequest, "not base64", id="bad base64"),
        pytest.param({"body": {"image": "é"}}, InvalidRequest, "not base64", id="not ascii"),
        pytest.param(
            {"body": {"instances": [BASE64, 3]}}, InvalidRequest, r"instances\[1\]", id="instance"
        ),
        pytest.param(
            {"body": {"instances": BASE64}}, InvalidRequest, "a list is accepted", id="no list"
        ),
        pytest.param(
            {"body": {"image": BASE64, "instances": [BASE64]}},
            InvalidRequest,
            '"image", "instances"',
            id="two forms at once",
        ),
        pytest.param({"body": {"inputs": []}}, InvalidRequest, "one tensor", id="no tensor"),
        pytest.param({"body": {"inputs": [3]}}, InvalidRequest, "one tensor", id="a number"),
        pytest.param(
            {"body": {"inputs": [{"data": [BASE64, BASE64]}]}},
            InvalidRequest,
            "holds 2 images",
            id="two images in a tensor",
        ),
        pytest.param(
            {"body": {"inputs": [{"data": []}]}}, InvalidRequest, "holds 0 images", id="no data"
        ),
        pytest.param(
            {"data": b"x", "body": b"y"}, InvalidRequest, '"body", "data"', id="two images"
        ),
        pytest.param(
            {"data": b"x", "format": b"\xff"}, InvalidRequest, "not text", id="option no text"
        ),
        pytest.param(
            {"data": b"x", "picture": b"\x00" * 20_000},
            InvalidRequest,
            "has 20000 bytes, at most 10000",
            id="an image in an unknown field",
        ),
    ],
)
def test_refuses_with_a_sentence(fields, error, sentence):
    with pytest.raises(error, match=sentence):
        parse(fields)


@pytest.mark.parametrize(
    ("fields", "headers", "answer"),
    [
        ({"body": bytearray()}, {"describe": "True"}, True),
        ({}, {"Describe": "True"}, True),
        ({"body": bytearray(IMAGE)}, {"describe": "True"}, False),
        ({"body": bytearray()}, {}, False),
    ],
)
def test_tells_the_management_api_from_a_client_that_says_describe(fields, headers, answer):
    assert asks_for_description(Row(fields, headers)) == answer
