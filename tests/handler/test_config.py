import pytest
import yaml

from handler.config import parse_config, parse_yaml
from tests.models import tiny_config


def test_reads_back_a_dump():
    config = parse_config(tiny_config().dump())
    assert config.MODEL.FPN.OUT_CHANNELS == 16
    assert parse_config(config.dump()) == config


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


@pytest.mark.parametrize("text", ["", "- a", "3", "just words"])
def test_refuses_what_is_not_a_mapping(text):
    with pytest.raises(ValueError, match="mapping of keys"):
        parse_config(text)


def test_names_an_unknown_key():
    with pytest.raises(KeyError, match=r"MODEL\.NO_SUCH_KEY"):
        parse_config("MODEL:\n  NO_SUCH_KEY: 1\nVERSION: 2")
