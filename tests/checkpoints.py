"""Checkpoints in the forms that people hold them in."""

import pickle
import re
from pathlib import Path

import numpy as np
import torch

Tensors = dict[str, torch.Tensor]


def write_pickle(path: Path, content: object) -> Path:
    """As the model zoo's files are: protocol 2, arrays instead of tensors."""
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def arrays(tensors: Tensors) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def as_caffe2(tensors: Tensors) -> dict[str, np.ndarray]:
    """A Mask R-CNN with FPN and frozen batch norms, as Detectron1 named and laid out its blobs."""
    blobs = {}
    for name, tensor in tensors.items():
        if name.endswith(("running_mean", "running_var")):
            continue  # folded into scale and bias in Caffe2
        blob = _caffe2_name(name)
        value = tensor
        if blob.startswith("cls_score"):  # the background comes first
            value = torch.cat([tensor[-1:], tensor[:-1]])
        elif blob.startswith("bbox_pred"):  # and has boxes and a mask, which mean nothing
            value = torch.cat([torch.zeros_like(tensor[:4]), tensor])
        elif blob.startswith("mask_fcn_logits"):
            value = torch.cat([torch.zeros_like(tensor[:1]), tensor])
        blobs[blob] = value.numpy()
        blobs[f"{blob}_momentum"] = np.zeros_like(value.numpy())
    return blobs | _unused(blobs)


def _unused(blobs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What Detectron1 kept of the ImageNet backbone: its training calls it "preserved (unused)"."""
    convolutions = [one for one in blobs if re.fullmatch(r"(res\d_.*branch.*|conv1)_w", one)]
    biases = {f"{one[:-2]}_b": np.zeros(len(blobs[one]), np.float32) for one in convolutions}
    classifier = {"fc1000_w": np.ones((9, 8), np.float32), "fc1000_b": np.ones(9, np.float32)}
    return biases | classifier


def _caffe2_name(name: str) -> str:
    head, _, kind = name.rpartition(".")
    suffix = {"weight": "w", "bias": "b"}[kind]
    if head.endswith(".norm"):
        head, suffix = head.removesuffix(".norm"), {"w": "bn_s", "b": "bn_b"}[suffix]
    head = head.removeprefix("backbone.")
    if head == "bottom_up.stem.conv1":
        return f"{'res_conv1' if suffix.startswith('bn') else 'conv1'}_{suffix}"
    if match := re.fullmatch(r"bottom_up\.res(\d)\.(\d+)\.(\w+)", head):
        branches = {
            "conv1": "branch2a",
            "conv2": "branch2b",
            "conv3": "branch2c",
            "shortcut": "branch1",
        }
        return f"res{match[1]}_{match[2]}_{branches[match[3]]}_{suffix}"
    last_block = {"2": "2", "3": "3", "4": "5", "5": "2"}
    if match := re.fullmatch(r"fpn_(lateral|output)(\d)", head):
        sum_name = f"res{match[2]}_{last_block[match[2]]}_sum"
        if match[1] == "output":
            return f"fpn_{sum_name}_{suffix}"
        # The topmost lateral convolution has nothing to be added to, and another name.
        return f"fpn_inner_{sum_name}{'' if match[2] == '5' else '_lateral'}_{suffix}"
    if match := re.fullmatch(r"roi_heads\.mask_head\.mask_fcn(\d)", head):
        return f"_[mask]_fcn{match[1]}_{suffix}"
    return {
        "proposal_generator.rpn_head.conv": "conv_rpn_fpn2",
        "proposal_generator.rpn_head.objectness_logits": "rpn_cls_logits_fpn2",
        "proposal_generator.rpn_head.anchor_deltas": "rpn_bbox_pred_fpn2",
        "roi_heads.box_head.fc1": "fc6",
        "roi_heads.box_predictor.cls_score": "cls_score",
        "roi_heads.box_predictor.bbox_pred": "bbox_pred",
        "roi_heads.mask_head.deconv": "conv5_mask",
        "roi_heads.mask_head.predictor": "mask_fcn_logits",
    }[head] + f"_{suffix}"
