from dataclasses import replace

import pytest
import yaml

from handler.layout import MODEL_CONFIG_FILE
from handler.settings import Settings
from server.properties import read_properties


@pytest.mark.parametrize(
    "model_config",
    [
        pytest.param(None, id="no file"),
        pytest.param({}, id="empty file"),
        pytest.param({"batchSize": 4}, id="no section"),
        pytest.param({"detectron2": None}, id="empty section"),
    ],
)
def test_defaults(model_config):
    assert Settings.from_model_config(model_config) == Settings()


def test_the_shipped_file_says_every_setting(request):
    file = request.config.rootpath / "export" / MODEL_CONFIG_FILE
    shipped = Settings.from_model_config(yaml.safe_load(file.read_text()))
    assert set(yaml.safe_load(file.read_text())["detectron2"]) == set(vars(Settings()))
    # A larger answer kills the worker; both files are ours, and say the same.
    properties = read_properties(request.config.rootpath / "config.properties")
    assert shipped.max_response_bytes == int(properties["max_response_size"])
    assert shipped == replace(Settings(), max_response_bytes=shipped.max_response_bytes)


def test_reads_a_value():
    model_config = {"detectron2": {"max_image_pixels": 10}}
    assert Settings.from_model_config(model_config).max_image_pixels == 10


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"max_pixels": 1}, r"unknown keys \['max_pixels'\].*known are \['max_image_pixels', "),
        ({"max_image_pixels": 0}, "max_image_pixels is 0, a whole number from 1 on"),
        ({"max_image_pixels": "many"}, "max_image_pixels is 'many'"),
        ({"max_image_pixels": True}, "max_image_pixels is True"),
    ],
)
def test_refuses_with_a_sentence(section, sentence):
    with pytest.raises(ValueError, match=sentence):
        Settings.from_model_config({"detectron2": section})
