"""How the numbers of a network's last layers are to be spread, so that it detects something.

A rule takes what a layer gives, channel by channel, and says by what each channel is to be
multiplied and what is to be added to it.
"""

import math
from collections.abc import Callable

import torch
from detectron2.modeling.meta_arch.dense_detector import DenseDetector
from detectron2.modeling.meta_arch.fcos import FCOSHead
from detectron2.modeling.meta_arch.semantic_seg import SemSegFPNHead
from detectron2.modeling.proposal_generator.rpn import StandardRPNHead
from detectron2.modeling.roi_heads import FastRCNNOutputLayers
from detectron2.modeling.roi_heads.keypoint_head import KRCNNConvDeconvUpsampleHead
from detectron2.modeling.roi_heads.mask_head import MaskRCNNConvUpsampleHead

Rule = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""(C, N) float32 values -> (C,) factors and (C,) addends."""

CANDIDATES = 6
"""Scores that shall pass the threshold on every photograph, before overlapping boxes go."""

_DELTA = 0.15  # of a box's side
_MARGIN = 3.0  # of the threshold; cascades take the mean of three scores


def rules_for(network: torch.nn.Module, *, images: int) -> dict[torch.nn.Module, Rule]:
    """The rules of all last layers that a network has, by layer.

    Args:
        network: Any of Detectron2's architectures.
        images: How many images the statistics will be taken of at once.
    """
    rules: dict[torch.nn.Module, Rule] = {}
    for module in network.modules():
        if isinstance(module, FastRCNNOutputLayers):
            rules[module.cls_score] = softmax_scores(module.test_score_thresh, images)
            weights = getattr(module.box2box_transform, "weights", (1.0, 1.0, 1.0, 1.0))
            rules[module.bbox_pred] = deltas(weights)
        elif isinstance(module, StandardRPNHead):
            rules[module.objectness_logits] = spread(2.0)
            rules[module.anchor_deltas] = deltas((1.0, 1.0, 1.0, 1.0))
        elif isinstance(module, DenseDetector):
            is_fcos = isinstance(module.head, FCOSHead)
            rules[module.head.cls_score] = sigmoid_scores(module.test_score_thresh, images)
            # FCOS: distances to the four sides, in strides; negative ones are cut off.
            rules[module.head.bbox_pred] = (
                spread(1.0, mean=3.0) if is_fcos else deltas((1.0, 1.0, 1.0, 1.0))
            )
            if is_fcos:
                rules[module.head.ctrness] = spread(1.0, mean=1.0)
        elif isinstance(module, MaskRCNNConvUpsampleHead):
            rules[module.predictor] = spread(2.0)
        elif isinstance(module, KRCNNConvDeconvUpsampleHead):
            rules[module.score_lowres] = spread(3.0)
        elif isinstance(module, SemSegFPNHead):
            rules[module.predictor] = spread(1.0, mean_std=0.7)
        if isinstance(offset := getattr(module, "conv2_offset", None), torch.nn.Conv2d):
            rules[offset] = spread(1.0)  # pixels by which a deformable convolution looks aside
    return rules


def spread(std: float, *, mean: float = 0.0, mean_std: float = 0.0) -> Rule:
    """Every channel with the same standard deviation.

    Args:
        std: That deviation.
        mean: Of all channels.
        mean_std: Standard deviation of the channels' means among each other: some classes are then
            seen more often than others.
    """

    def rule(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        means = mean + mean_std * torch.randn(len(values))
        return _standardise(values, torch.full((len(values),), std), means)

    return rule


def deltas(weights: tuple[float, ...]) -> Rule:
    """Boxes that are moved and stretched by some of their size.

    Args:
        weights: What the network divides its four numbers by.
    """

    def rule(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        stds = _DELTA * torch.tensor(weights).repeat(len(values) // 4)
        return _standardise(values, stds, torch.zeros(len(values)))

    return rule


def softmax_scores(threshold: float, images: int) -> Rule:
    """Logits of classes and, last, background, so that candidates of every image pass."""

    def rule(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        factors, addends = spread(3.0)(values)
        logits = values * factors[:, None] + addends[:, None]
        passed = min(_MARGIN * threshold, 0.5)
        low, high = -50.0, 50.0
        for _ in range(30):  # the higher the background's logit, the fewer pass
            background = (low + high) / 2
            shifted = torch.cat([logits[:-1], logits[-1:] + background])
            passing = (shifted.softmax(dim=0)[:-1] > passed).sum(dim=0)
            # The regions of one image after those of the other, as many of each.
            fewest = min(int(part.sum()) for part in passing.tensor_split(images))
            low, high = (background, high) if fewest > CANDIDATES else (low, background)
        addends[-1] += low
        return factors, addends

    return rule


def sigmoid_scores(threshold: float, images: int) -> Rule:
    """Logits of classes, each a yes or no, so that candidates of every image pass."""

    def rule(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        factors, addends = spread(1.5)(values)
        logits = values * factors[:, None] + addends[:, None]
        passed = min(_MARGIN * threshold, 0.5)
        by_image = logits.view(len(logits), images, -1).transpose(0, 1).flatten(1)
        lowest = by_image.topk(min(CANDIDATES, by_image.shape[1])).values[:, -1].min()
        return factors, addends + math.log(passed / (1 - passed)) - lowest

    return rule


def _standardise(
    values: torch.Tensor, stds: torch.Tensor, means: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    std, mean = torch.std_mean(values, dim=1, correction=0)
    # A channel that is constant is not blown up until its rounding errors show.
    factors = stds / std.clamp(min=max(1e-3 * float(std.mean()), 1e-12))
    return factors, means - mean * factors
