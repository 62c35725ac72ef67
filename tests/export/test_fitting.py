import re

import pytest
import torch

from export.checkpoint import Checkpoint, read_checkpoint
from export.errors import ExportError
from export.fitting import fit_to_network, unused_by_detectron1
from handler.config import build_from_config
from tests.checkpoints import arrays, as_caffe2, write_pickle
from tests.models import Training, save_training, tiny_config


@pytest.fixture
def network() -> torch.nn.Module:
    return build_from_config(tiny_config(), device="cpu")


@pytest.fixture
def checkpoint(training: Training) -> Checkpoint:
    return read_checkpoint(training.weights)


def test_lists_every_difference_to_the_network(network, checkpoint):
    del checkpoint.tensors["roi_heads.box_predictor.bbox_pred.bias"]
    checkpoint.tensors["somebody.else"] = torch.zeros(1)
    checkpoint.tensors["roi_heads.box_predictor.cls_score.bias"] = torch.zeros(81)
    with pytest.raises(ExportError) as caught:
        fit_to_network(checkpoint, network)
    assert caught.value.problems == (
        "The weights do not fit the config's network (3 differences):",
        "  missing in the weights: roi_heads.box_predictor.bbox_pred.bias",
        "  unknown to the config's network: somebody.else",
        "  shape of roi_heads.box_predictor.cls_score.bias: (81,) in the weights, (4,) by the "
        "config",
        "What may be missing is named by --allow-missing PATTERN.",
        "What may be left behind, by --allow-unexpected PATTERN.",
    )


def told(checkpoint: Checkpoint, network: torch.nn.Module, **options) -> str:
    with pytest.raises(ExportError) as caught:
        fit_to_network(checkpoint, network, **options)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("form", ["detectron2", "the zoo's pickle", "caffe2"])
def test_other_classes_are_said_in_numbers_whatever_the_names(form, tmp_path):
    config = tiny_config()
    config.MODEL.RESNETS.NORM = "FrozenBN"
    training = save_training(tmp_path, config)
    weights, state = training.weights, torch.load(training.weights, weights_only=True)["model"]
    if form != "detectron2":
        content = {"blobs": as_caffe2(state)} if form == "caffe2" else {"model": arrays(state)}
        weights = write_pickle(tmp_path / "weights.pkl", content)
    config.MODEL.ROI_HEADS.NUM_CLASSES = 80
    network = build_from_config(config, device="cpu")
    assert told(read_checkpoint(weights), network).splitlines() == [
        "The weights do not fit the config's network (6 differences):",
        "  shape of roi_heads.box_predictor.bbox_pred.bias: (12,) in the weights, (320,) by the "
        "config",
        "  shape of roi_heads.box_predictor.bbox_pred.weight: (12, 32) in the weights, (320, 32) "
        "by the config",
        "  shape of roi_heads.box_predictor.cls_score.bias: (4,) in the weights, (81,) by the "
        "config",
        "  shape of roi_heads.box_predictor.cls_score.weight: (4, 32) in the weights, (81, 32) by "
        "the config",
        "  shape of roi_heads.mask_head.predictor.bias: (3,) in the weights, (80,) by the config",
        "  shape of roi_heads.mask_head.predictor.weight: (3, 16, 1, 1) in the weights, "
        "(80, 16, 1, 1) by the config",
        "The weights have 3 classes, the config says 80: --opts MODEL.ROI_HEADS.NUM_CLASSES 3.",
    ]


def test_the_key_of_a_lazy_config(checkpoint):
    config = tiny_config()
    config.MODEL.ROI_HEADS.NUM_CLASSES = 2
    said = told(checkpoint, build_from_config(config, device="cpu"), kind="lazy")
    assert said.endswith("3 classes, the config says 2: --opts model.roi_heads.num_classes 3.")


def test_what_may_be_missing_keeps_its_initial_value(network, checkpoint):
    name = "roi_heads.box_predictor.bbox_pred.bias"
    del checkpoint.tensors[name]
    initial = network.state_dict()[name].clone()
    state = fit_to_network(checkpoint, network, allow_missing=["*.bbox_pred.*"])
    assert torch.equal(state[name], initial)


def test_what_may_be_unexpected_is_left_behind(network, checkpoint):
    checkpoint.tensors["somebody.else"] = torch.zeros(1)
    state = fit_to_network(checkpoint, network, allow_unexpected=["somebody.*"])
    assert "somebody.else" not in state


@pytest.mark.parametrize(
    ("naming", "unused", "known"),
    [
        pytest.param("caffe2", "fc1000.weight", True, id="the ImageNet classifier"),
        pytest.param("caffe2", "linear.bias", True, id="that of ResNeXt"),
        pytest.param("caffe2", "stem.conv1.bias", True, id="a bias before a norm"),
        pytest.param("caffe2", "res2.0.shortcut.bias", True, id="that of a shortcut"),
        pytest.param("caffe2", "res9.0.conv1.bias", False, id="a block that the network lacks"),
        pytest.param("caffe2", "res2.0.conv1.weight", False, id="no bias"),
        pytest.param("detectron2", "fc1000.weight", False, id="not of Detectron1"),
    ],
)
def test_what_detectron1_itself_did_not_use_is_left_behind(naming, unused, known):
    config = tiny_config()
    config.MODEL.RESNETS.NORM = "FrozenBN"
    state = build_from_config(config, device="cpu").state_dict()
    assert unused_by_detectron1([unused], state, naming=naming) == ({unused} if known else set())


def test_a_wrong_shape_is_never_allowed(network, checkpoint):
    checkpoint.tensors["roi_heads.box_predictor.cls_score.bias"] = torch.zeros(81)
    with pytest.raises(ExportError, match=r"\(1 difference\)"):
        fit_to_network(checkpoint, network, allow_missing=["*"], allow_unexpected=["*"])


def test_forgives_buffers_that_the_network_computes_itself(network, checkpoint):
    anchors = "proposal_generator.anchor_generator.cell_anchors.0"
    checkpoint.tensors["pixel_mean"] = network.pixel_mean.clone()
    checkpoint.tensors[anchors] = network.get_buffer(anchors).clone()
    assert "pixel_mean" not in fit_to_network(checkpoint, network)


NAME = "roi_heads.box_predictor.cls_score.bias"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        pytest.param("pixel_mean", torch.full((3, 1, 1), 9.0), "contradicts the config", id="mean"),
        pytest.param(
            "proposal_generator.anchor_generator.cell_anchors.0",
            torch.full((3, 4), 777.0),
            "contradicts the config",
            id="anchors",
        ),
        pytest.param(NAME, torch.full((4,), float("nan")), "not finite", id="nan"),
        pytest.param(NAME, torch.tensor([1, 2, 3, float("inf")]), "not finite", id="infinity"),
        pytest.param(NAME, torch.zeros(4, dtype=torch.int8), "type of", id="integers"),
        pytest.param(NAME, torch.zeros(4, dtype=torch.complex64), "type of", id="complex"),
    ],
)
def test_values_that_the_network_would_take_and_should_not(
    name, value, problem, network, checkpoint
):
    checkpoint.tensors[name] = value
    with pytest.raises(ExportError, match=f"{problem}.*{re.escape(name)}"):
        fit_to_network(checkpoint, network)


def test_leaves_the_checkpoint_as_it_was(network, checkpoint):
    before = dict(checkpoint.tensors)
    fit_to_network(checkpoint, network)
    assert checkpoint.tensors.keys() == before.keys()


def test_no_two_tensors_share_memory(network, checkpoint):
    state = fit_to_network(checkpoint, network)
    assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)


def test_backbones_trained_elsewhere_are_matched_by_the_ends_of_their_names(network, checkpoint):
    prefix = "backbone.bottom_up."
    ends = {
        name.removeprefix(prefix): tensor
        for name, tensor in checkpoint.tensors.items()
        if name.startswith(prefix)
    }
    rest = [
        "backbone.fpn*", "proposal_generator.*", "roi_heads.*"
    ]  # fmt: skip
    state = fit_to_network(Checkpoint(ends, naming="suffix"), network, allow_missing=rest)
    for name, tensor in checkpoint.tensors.items():
        if name.startswith(prefix):
            assert torch.equal(state[name], tensor)
