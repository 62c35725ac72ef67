import json

import numpy as np
import pytest

from client.detections import Detections
from handler.formats.native import encode_native
from tests.handler.formats.answers import instances


@pytest.mark.parametrize("count", [0, 1, 5], ids=["nothing found", "one", "some"])
@pytest.mark.parametrize("masks", [True, False], ids=["masks", "boxes alone"])
def test_reads_what_the_handler_writes(count, masks):
    answered = instances(count, masks=masks)
    given = answered.predictions.objects
    found = Detections.from_native(json.loads(encode_native(answered)))
    assert found.model == (answered.model_name, answered.model_version)
    assert found.size_hw == answered.predictions.size_hw
    names = [answered.metadata.class_of(one).name for one in given.class_ids.tolist()]
    assert list(found.class_names) == names
    np.testing.assert_array_equal(found.boxes_xyxy, given.boxes_xyxy)
    np.testing.assert_array_equal(found.scores, given.scores)
    if masks:
        np.testing.assert_array_equal(found.masks, given.masks)
    elif count:
        assert found.masks is None
