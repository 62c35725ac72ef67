import json

import pytest

from handler.formats.registry import FORMATS
from tests.handler.formats.answers import (
    EVERY_KIND,
    instances,
    panoptic,
    semantic,
    unnamed,
)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("given", EVERY_KIND)
def test_every_format_answers_every_kind(name, given):
    body = FORMATS[name].encode(given)
    if FORMATS[name].content_type.endswith("json"):
        json.loads(body)
    else:
        assert FORMATS[name].content_type.startswith("image/")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(instances(3, masks=True, keypoints=True), id="instances"),
        pytest.param(semantic(), id="semantic"),
        pytest.param(panoptic(), id="panoptic"),
    ],
)
def test_classes_that_nobody_has_named_are_no_error(name, given):
    assert FORMATS[name].encode(unnamed(given))
