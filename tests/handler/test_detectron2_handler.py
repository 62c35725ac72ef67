"""The entry file under TorchServe's own context and loader, without Java."""

import json
import shutil
from pathlib import Path

import pytest
from ts.context import Context, RequestProcessor

from handler.detectron2_handler import Detectron2Handler
from tests.images import noise_bgr, png

GOOD = {"body": bytearray(png(noise_bgr(64, 64)))}


def make_context(model_dir: Path, *, requests: int = 0, model_config=None) -> Context:
    manifest = json.loads((model_dir / "MAR-INF" / "MANIFEST.json").read_text())
    context = Context(
        "tiny", str(model_dir), manifest, requests, None, "0.12.0", model_yaml_config=model_config
    )
    context.request_processor = [RequestProcessor({}) for _ in range(requests)]
    return context


def test_sets_status_and_content_type_of_each_item(opened):
    handler = Detectron2Handler()
    handler.initialize(make_context(opened))
    context = make_context(opened, requests=3)
    bodies = handler.handle([GOOD, {"body": bytearray(b"hello")}, GOOD], context)
    assert [context.get_response_status(i) for i in range(3)] == [
        (200, "OK"),
        (400, "Bad Request"),
        (200, "OK"),
    ]
    assert {context.get_response_content_type(i) for i in range(3)} == {"application/json"}
    assert "decode;dur=" in context.get_response_headers(0)["Server-Timing"]
    assert all(type(body) is bytes for body in bodies)
    assert json.loads(bodies[0])["model"] == {"name": "tiny", "version": "1.0"}
    assert json.loads(bodies[1])["type"] == "UndecodableImage"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        pytest.param("config.yaml", "config.yaml", id="config missing"),
        pytest.param("model.safetensors", "model.safetensors", id="weights missing"),
    ],
)
def test_a_failed_load_is_the_error_that_torchserve_understands(
    damage, sentence, opened, tmp_path, capsys
):
    broken = Path(shutil.copytree(opened, tmp_path / "broken"))
    (broken / damage).unlink()
    with pytest.raises(RuntimeError, match=sentence):
        Detectron2Handler().initialize(make_context(broken))
    assert "Traceback" in capsys.readouterr().err


def test_a_wrong_setting_fails_the_load(opened):
    context = make_context(opened, model_config={"detectron2": {"max_pixels": 5}})
    with pytest.raises(RuntimeError, match="unknown keys"):
        Detectron2Handler().initialize(context)


def test_does_not_answer_before_it_is_loaded(opened):
    with pytest.raises(RuntimeError, match="before initialize"):
        Detectron2Handler().handle([GOOD], make_context(opened, requests=1))
