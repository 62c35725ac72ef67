import json
import sys

import pytest

from client.predictions import Predictions
from handler.formats.native import encode_native
from tests.handler.formats.answers import instances


@pytest.mark.parametrize(
    ("method", "library", "hint"),
    [
        ("to_supervision", "supervision", "pip install supervision"),
        ("to_detectron2", "detectron2.structures", "INSTALL.md"),
        ("to_detectron2", "torch", "pip install torch"),
    ],
)
def test_a_library_that_is_not_there_is_named(monkeypatch, method, library, hint):
    found = Predictions.from_native(json.loads(encode_native(instances(1))))
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=f"{method} needs {library}.*{hint}"):
        getattr(found, method)()
