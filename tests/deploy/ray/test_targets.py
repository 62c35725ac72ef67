import pytest

from deploy.ray.targets import Purpose, Target, target_of


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/ping", Target(Purpose.PING)),
        ("/predictions/coins", Target(Purpose.PREDICT, "coins")),
        ("/predictions/coins/", Target(Purpose.PREDICT, "coins")),
        ("/predictions/coins/1.0", Target(Purpose.PREDICT, "coins", "1.0")),
        ("/predictions/coins/1.0/a/b", Target(Purpose.PREDICT, "coins", "1.0")),
        ("/predictions/two%20words", Target(Purpose.PREDICT, "two words")),
        ("/v1/models/coins:predict", Target(Purpose.PREDICT, "coins")),
        ("/v2/models/coins/infer", Target(Purpose.PREDICT, "coins")),
        ("/models", Target(Purpose.LIST_MODELS)),
        ("/models/coins", Target(Purpose.DESCRIBE, "coins")),
        ("/models/coins/all", Target(Purpose.DESCRIBE, "coins", "all")),
        ("/", None),
        ("", None),
        ("/predictions", None),
        ("/predictions/", None),
        ("/v1/models/coins", None),
        ("/v2/models/coins", None),
        ("/workflows", None),
    ],
)
def test_paths(path, target):
    assert target_of(path) == target
