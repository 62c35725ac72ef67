import json

import numpy as np
import pytest

from client.detections import Detections
from handler.formats.native import encode_native
from handler.predictions import Predictions

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("count", [0, 1, 5], ids=["nothing found", "one", "some"])
@pytest.mark.parametrize("masks", [True, False], ids=["masks", "boxes alone"])
def test_reads_what_the_handler_writes(count, masks):
    given = Predictions(
        size_hw=(7, 9),
        boxes_xyxy=RANDOM.random((count, 4)).astype(np.float32),
        scores=np.sort(RANDOM.random(count).astype(np.float32))[::-1],
        class_ids=np.zeros(count, np.int64),
        masks=RANDOM.random((count, 7, 9)) > 0.5 if masks else None,
    )
    body = encode_native(given, classes=("cat",), model_name="pets", model_version="1")
    found = Detections.from_native(json.loads(body))
    assert found.model == ("pets", "1")
    assert found.size_hw == (7, 9)
    assert found.class_names == ("cat",) * count
    np.testing.assert_array_equal(found.boxes_xyxy, given.boxes_xyxy)
    np.testing.assert_array_equal(found.scores, given.scores)
    if masks:
        np.testing.assert_array_equal(found.masks, given.masks)
    elif count:
        assert found.masks is None
