import pickle
from pathlib import Path

import pytest
import torch

from export.errors import ExportError
from export.weights import fit_to_network, read_checkpoint
from tests.models import Training, tiny_config


class Evil:
    def __reduce__(self):
        return (print, ("this must never be printed",))


def saved(folder: Path, content: object) -> Path:
    path = folder / "weights.pth"
    torch.save(content, path)
    return path


def test_leaves_the_optimizer_behind(training: Training):
    assert all(isinstance(v, torch.Tensor) for v in read_checkpoint(training.weights).values())


def test_reads_a_bare_state_dict(tmp_path):
    path = saved(tmp_path, {"a": torch.ones(2)})
    assert list(read_checkpoint(path)) == ["a"]


@pytest.mark.parametrize("content", [Evil(), {"model": Evil()}], ids=["whole", "inside"])
def test_unpickles_nothing_but_tensors(content, tmp_path, capsys):
    with pytest.raises(ExportError, match="more than tensors and plain values"):
        read_checkpoint(saved(tmp_path, content))
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="text"),
        pytest.param(pickle.dumps({"model": Evil()}), id="a bare pickle that runs code"),
        pytest.param(b"PK\x03\x04 cut off", id="a zip that is cut off"),
    ],
)
def test_refuses_what_is_not_a_checkpoint(content, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"weights\.pth"):
        read_checkpoint(path)


def test_refuses_a_checkpoint_that_is_cut_off(training, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(training.weights.read_bytes()[:50_000])
    with pytest.raises(ExportError, match=r"weights\.pth"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param([1, 2], "holds no weights", id="a list"),
        pytest.param({}, "holds no weights", id="nothing"),
        pytest.param({"model": {}}, "holds no weights", id="an empty model"),
        pytest.param({"model": {"a": 1}}, "not tensors: a", id="a number among the tensors"),
    ],
)
def test_says_what_is_missing(content, sentence, tmp_path):
    with pytest.raises(ExportError, match=sentence):
        read_checkpoint(saved(tmp_path, content))


def test_lists_every_difference_to_the_network(training):
    tensors = read_checkpoint(training.weights)
    del tensors["roi_heads.box_predictor.bbox_pred.bias"]
    tensors["somebody.else"] = torch.zeros(1)
    tensors["roi_heads.box_predictor.cls_score.bias"] = torch.zeros(81)
    with pytest.raises(ExportError) as caught:
        fit_to_network(tensors, tiny_config())
    assert caught.value.problems == (
        "The weights do not fit the config's network (3 differences):",
        "  missing in the weights: roi_heads.box_predictor.bbox_pred.bias",
        "  unknown to the config's network: somebody.else",
        "  shape of roi_heads.box_predictor.cls_score.bias: (81,) in the weights, (4,) by the "
        "config",
    )


def test_forgives_buffers_that_the_network_computes_itself(training):
    tensors = read_checkpoint(training.weights)
    tensors["pixel_mean"] = torch.zeros(3, 1, 1)
    assert "pixel_mean" not in fit_to_network(tensors, tiny_config())
