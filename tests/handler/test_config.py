import pytest

from handler.config import build_from_config, parse_config
from tests.models import tiny_config


def test_reads_back_a_dump():
    config = parse_config(tiny_config().dump())
    assert config.MODEL.FPN.OUT_CHANNELS == 16
    assert parse_config(config.dump()) == config


def test_keeps_keys_that_the_installed_detectron2_does_not_know():
    config = parse_config("MODEL:\n  NEW: 1\nMINE:\n  A: [1, x]\nVERSION: 2")
    assert config.MODEL.NEW == 1
    assert config.MINE.A == [1, "x"]


@pytest.mark.parametrize("text", ["", "- a", "3", "just words"])
def test_refuses_what_is_not_a_mapping(text):
    with pytest.raises(ValueError, match="mapping of keys"):
        parse_config(text)


def test_building_leaves_the_config_as_it_was():
    config = tiny_config()
    config.MODEL.DEVICE = "cuda"
    network = build_from_config(config, device="cpu")
    assert network.device.type == "cpu"
    assert config.MODEL.DEVICE == "cuda"
    assert not config.is_frozen()
