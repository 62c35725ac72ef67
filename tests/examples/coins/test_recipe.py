import json

import pytest
import yaml
from detectron2.config import get_cfg
from detectron2.modeling import build_model

from examples.coins import recipe


def test_the_configuration_has_standard_keys_only(tmp_path):
    cfg = recipe.build_config(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(cfg.dump())

    merged = get_cfg()
    merged.merge_from_file(str(path))

    assert json.dumps(merged) == json.dumps(cfg)  # JSON does not tell tuples from lists


def test_the_model_is_small(tmp_path):
    model = build_model(recipe.build_config(tmp_path))
    parameters = sum(parameter.numel() for parameter in model.parameters())

    assert 2.0e6 < parameters < 2.5e6


def test_the_served_configuration_names_no_place(tmp_path):
    served = recipe.served_config(recipe.build_config(tmp_path, device="cuda"))

    assert str(tmp_path) not in served.dump()
    assert served.MODEL.DEVICE == "cpu"
    assert served.MODEL.WEIGHTS == ""
    assert served.MODEL.ROI_HEADS.SCORE_THRESH_TEST == 0.5
    assert yaml.safe_load(served.dump())["OUTPUT_DIR"] == "./output"


@pytest.mark.parametrize("iterations", [1, 4, 37])
def test_short_trainings_have_a_schedule_too(tmp_path, iterations):
    cfg = recipe.build_config(tmp_path, iterations)

    assert cfg.TEST.EVAL_PERIOD >= 1
    assert iterations > cfg.SOLVER.WARMUP_ITERS


@pytest.mark.parametrize("iterations", [0, -1])
def test_no_iteration_is_refused(tmp_path, iterations):
    with pytest.raises(ValueError, match="at least 1 iteration"):
        recipe.build_config(tmp_path, iterations)
