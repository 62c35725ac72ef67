import pytest
import yaml

from handler.plain_yaml import parse_yaml


def test_knows_tuples():
    assert parse_yaml("a: !!python/tuple [1, !!python/tuple [2, 3]]") == {"a": (1, (2, 3))}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("A: !!python/object/apply:os.system ['true']", id="a call"),
        pytest.param("A: !!python/name:os.system", id="a function"),
        pytest.param("A: !!python/object/new:set [[1]]", id="an object"),
        pytest.param("A: !mine 3", id="a tag of somebody's own"),
    ],
)
def test_refuses_every_other_tag(text):
    with pytest.raises(yaml.constructor.ConstructorError):
        parse_yaml(text)
