"""The switches of torch's backends under which answers are exact.

They belong to the process, so whatever was imported before may have turned them: importing
TorchServe's `BaseHandler`, for one, lets matrix products round to TF32.
"""

import logging

import torch

log = logging.getLogger(__name__)


def use_exact_backends() -> dict[str, str | bool]:
    """Turn every switch to where `DefaultPredictor` computes what it computes, each time the same.

    - Matrix products in full float32 (`highest`), torch's default. On CPUs as well: `medium` lets
      oneDNN round to bfloat16.
    - Convolutions of cuDNN may use TF32, torch's default: it is what Detectron2 trained, evaluated
      and predicted with on every GPU that has it.
    - cuDNN does not choose algorithms by timing them (`benchmark`), which choose differently from
      one process to the next; torch's default.
    - cuDNN's deterministic algorithms alone. torch's default allows others, among them a sum in
      any order for the transposed convolution of mask and keypoint heads: where that were chosen,
      `DefaultPredictor` would not agree with itself.

    Returns:
        Where they are now, by the names of torch's attributes.
    """
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    switches = backend_switches()
    log.info("Exact backends: %s", ", ".join(f"{name}={on}" for name, on in switches.items()))
    return switches


def backend_switches() -> dict[str, str | bool]:
    """Where the switches are, by the names of torch's attributes."""
    cudnn = torch.backends.cudnn
    return {
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn.allow_tf32": cudnn.allow_tf32,
        "cudnn.benchmark": cudnn.benchmark,
        "cudnn.deterministic": cudnn.deterministic,
    }
