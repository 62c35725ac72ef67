import pytest
import yaml

from handler.layout import MODEL_CONFIG_FILE
from handler.settings import Settings


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


def test_the_shipped_file_says_the_defaults(request):
    file = request.config.rootpath / "export" / MODEL_CONFIG_FILE
    shipped = yaml.safe_load(file.read_text())
    assert shipped["detectron2"]
    assert Settings.from_model_config(shipped) == Settings()


def test_reads_a_value():
    model_config = {"detectron2": {"max_image_pixels": 10}}
    assert Settings.from_model_config(model_config).max_image_pixels == 10


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"max_pixels": 1}, r"unknown keys \['max_pixels'\].*known are \['max_image_pixels'\]"),
        ({"max_image_pixels": 0}, "max_image_pixels is 0, at least 1"),
        ({"max_image_pixels": "many"}, "max_image_pixels is 'many'"),
        ({"max_image_pixels": True}, "max_image_pixels is True"),
    ],
)
def test_refuses_with_a_sentence(section, sentence):
    with pytest.raises(ValueError, match=sentence):
        Settings.from_model_config({"detectron2": section})
