import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

from examples.coins import photograph


def test_the_photograph_is_grey_in_three_channels():
    image_bgr = photograph.load_photograph()

    assert image_bgr.shape == (303, 384, 3)
    assert image_bgr.dtype == np.uint8
    assert (image_bgr == image_bgr[..., :1]).all()


def test_missing_scikit_image_is_explained(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(FileNotFoundError, match="pip install scikit-image"):
        photograph.load_photograph()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "has no photograph", id="not there"),
        pytest.param(b"not a picture", "cannot be decoded", id="damaged"),
    ],
)
def test_a_photograph_that_cannot_be_read_is_named(monkeypatch, tmp_path, content, message):
    origin = tmp_path / "__init__.py"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(origin=origin))
    (tmp_path / "data").mkdir()
    if content is not None:
        (tmp_path / "data" / "coins.png").write_bytes(content)

    with pytest.raises(FileNotFoundError, match=message):
        photograph.load_photograph()
