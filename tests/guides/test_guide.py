"""What a guide shows is held against what is printed, but for what was measured."""

import pytest

from tests.guides.guide import assert_printed

TABLE = """\
pets 1.0 on val.json: 4 of 4 images, 31 objects, 60 detections of score 0.5 or more

class  objects  AP boxes  best score
cat          4     80.89       0.972
dog          2         -       0.994
        20 cat
More, with pictures: judged/report.html
"""


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(TABLE, id="all of it"),
        pytest.param("pets 1.0 on val.json:\n   4 of 4 images, ...\nMore, with", id="a part"),
        pytest.param("4 of 4 images, 9 objects, 7 detections of score 0.4", id="other counts"),
        pytest.param("cat  5  1.00  0.500\n...\n         7 cat", id="other measures"),
    ],
)
def test_what_was_printed(shown):
    assert_printed(shown, TABLE)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param("pets 1.0 on train.json", id="another word"),
        pytest.param("4 of 5 images", id="other images"),
        pytest.param("cow  4  80.89  0.972", id="another class"),
        pytest.param("cat  4  80.89  0.972  1", id="another column"),
        pytest.param("More, ...\npets 1.0", id="another order"),
        pytest.param("        20 cow", id="another class that was found"),
    ],
)
def test_what_was_not_printed(shown):
    with pytest.raises(AssertionError, match="not printed"):
        assert_printed(shown, TABLE)
