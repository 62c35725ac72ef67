"""Thousands of generated requests: no worker dies, nothing is answered with 5xx."""

import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from server.torchserve import TorchServe
from tests.images import noise_bgr, png
from tests.server.test_requests import post, worker

EXAMPLES = 1500
SCHEMA = schemathesis.openapi.from_path(Path(__file__).parents[2] / "docs" / "openapi.yaml")
OPERATION = SCHEMA["/predictions/{model}"]["POST"]
GENERATED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # Examples are independent requests to one server; shrinking 1500 of them tells nothing more.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

IMAGE = png(noise_bgr(16, 24))


@pytest.fixture(scope="module")
def unharmed(served: TorchServe):
    """The server; its worker must be the same at the end."""
    before = worker(served, "tiny")["pid"]
    yield served
    assert worker(served, "tiny")["pid"] == before
    assert post(served, "tiny", data=IMAGE).status_code == 200


@pytest.mark.timeout(900)
@GENERATED
@given(case=OPERATION.as_strategy())
def test_requests_of_the_documented_form(case, unharmed):
    case.path_parameters = {"model": "tiny"}
    response = case.call(
        base_url=unharmed.inference.url,
        headers={"Authorization": f"Bearer {unharmed.inference.token}"},
        timeout=60,
    )
    assert_no_5xx(response.status_code, response.content)


def assert_no_5xx(status: int, body: bytes) -> None:
    """TorchServe's Java part answers forms that it cannot take apart with a 500 of its own."""
    if status == 500 and b'"ErrorDataDecoderException"' in body:
        return
    assert status in (200, 400, 413), body


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["image", "instances", "inputs", "format", "classes", "b64", "data"])
DOCUMENTS = st.dictionaries(KEYS | TEXT, JSON, max_size=4) | JSON
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.strip)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["X-Format", "X-Classes", "x-max-detections", "X-Tile", "Accept", "describe", "X-Odd"]
    ),
    HEADER,
    max_size=4,
)


@st.composite
def damaged_images(draw) -> bytes:
    """A good image with some bytes changed and perhaps its end cut off."""
    content = bytearray(IMAGE)
    for _ in range(draw(st.integers(0, 4))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(0, len(content)))])


BODIES = st.one_of(
    st.builds(lambda body: {"data": body}, st.binary(max_size=100) | damaged_images()),
    st.builds(lambda document: {"json": document}, DOCUMENTS),
    st.builds(
        lambda fields: {"files": {name or "x": (None, value) for name, value in fields.items()}},
        st.dictionaries(
            KEYS | st.text(st.characters(codec="ascii", categories=["L"]), max_size=8),
            st.binary(max_size=50) | damaged_images(),
            min_size=1,
            max_size=3,
        ),
    ),
)


@pytest.mark.timeout(900)
@GENERATED
@given(body=BODIES, headers=HEADERS)
def test_requests_of_no_form_at_all(body, headers, unharmed):
    if "json" in body:
        # What requests refuses to write as JSON is written as Python does, NaN included.
        body = {"data": json.dumps(body["json"]).encode()}
        headers = {**headers, "Content-Type": "application/json"}
    response = post(unharmed, "tiny", headers=headers, **body)
    assert_no_5xx(response.status_code, response.content)
