"""A real server, and something in front of it that counts what it is asked."""

import json
from collections.abc import Iterator

import pytest

from client.detector import Detector
from client.patience import Patience
from examples.coins.photograph import load_photograph
from server.torchserve import TorchServe
from tests.client.proxy import Proxy, Reply
from tests.images import png

NATIVE = {
    "model": {"name": "m", "version": "1.0"},
    "image": {"width": 1, "height": 1},
    "predictions": [],
}


@pytest.fixture(scope="session")
def inference_key(served: TorchServe) -> str:
    key = served.inference.token
    assert key is not None
    return key


@pytest.fixture
def proxy(served: TorchServe) -> Iterator[Proxy]:
    """In front of the real server."""
    with Proxy(served.properties["inference_address"]) as running:
        yield running


@pytest.fixture
def stand_in() -> Iterator[Proxy]:
    """In front of nothing: every image is one pixel in which nothing is found."""
    with Proxy() as running:
        running.instead = lambda asked: Reply(200, json.dumps(NATIVE).encode())
        yield running


@pytest.fixture
def tiny(proxy: Proxy, inference_key: str) -> Iterator[Detector]:
    """The model of the tests, asked through the proxy."""
    with Detector(proxy.url, "tiny", token=inference_key, patience=Patience(0)) as detector:
        yield detector


@pytest.fixture(scope="session")
def photograph() -> bytes:
    """A part of the demo's photograph, with seven coins or so."""
    return png(load_photograph()[:160, :200])
