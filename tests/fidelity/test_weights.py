"""Random weights under which an untrained network detects something."""

import torch
from detectron2.config import CfgNode
from detectron2.layers import FrozenBatchNorm2d
from detectron2.modeling import build_model

from fidelity.weights import randomise
from tests.images import noise_bgr
from tests.models import tiny_config

INPUTS = [
    {"image": torch.from_numpy(noise_bgr(*size_hw, seed=seed).transpose(2, 0, 1).copy()).float()}
    for seed, size_hw in enumerate([(96, 128), (128, 96)])
]


def frozen_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.RESNETS.NORM = "FrozenBN"
    return config


def network(seed: int = 0, config: CfgNode | None = None) -> torch.nn.Module:
    made = config or frozen_config()
    return randomise(lambda: build_model(made).eval(), INPUTS, seed=seed)


def test_the_same_seed_gives_the_same_bits():
    first, again, other = network().state_dict(), network().state_dict(), network(1).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(
        first["proposal_generator.rpn_head.conv.weight"],
        other["proposal_generator.rpn_head.conv.weight"],
    )


def test_the_generator_of_others_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    network()
    assert torch.equal(torch.rand(3), expected)


def test_every_image_has_instances_of_different_classes_with_partly_full_masks():
    found = network()
    with torch.no_grad():
        for output in found(INPUTS):
            instances = output["instances"]
            assert len(set(instances.pred_classes.tolist())) > 1
            filled = instances.pred_masks.flatten(1).sum(dim=1) / instances.pred_boxes.area()
            assert 0.05 < filled.mean() < 0.95
            assert instances.scores.std() > 0


def test_activations_neither_grow_nor_vanish():
    found, spreads = network(), []
    for module in found.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.register_forward_hook(lambda _m, _a, out: spreads.append(float(out.std())))
    with torch.no_grad():
        found(INPUTS)
    assert len(spreads) > 40
    assert 0.3 < min(spreads) <= max(spreads) < 3


def test_nothing_is_left_as_detectron2_starts_it():
    state = network().state_dict()
    constant = [
        name
        for name, tensor in state.items()
        if tensor.numel() > 3 and float(tensor.float().std()) == 0
    ]
    assert constant == []


def test_no_hook_stays():
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network().modules())
