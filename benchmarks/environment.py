"""What the numbers were measured on."""

import datetime
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from export.versions import installed_versions
from handler.exactness import backend_switches

_PACKAGES = (
    *("torch", "torchvision", "sal-detectron2", "detectron2", "torchserve", "numpy", "pillow"),
    *("opencv-python", "pycocotools"),
)


def environment(device: str) -> dict[str, Any]:
    """Date, versions, machine and torch's switches, as JSON values."""
    found: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": installed_versions(_PACKAGES),
        "cpu": cpu_name(Path("/proc/cpuinfo").read_text("utf-8", errors="replace")),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "flags": {
            **backend_switches(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        },
    }
    if device != "cpu":
        found["gpu"] = torch.cuda.get_device_name()
        found["gpu_state_before"] = gpu_state()
    return found


def gpu_state() -> dict[str, str]:
    """Clocks and temperature, if `nvidia-smi` is there to ask."""
    keys = ("clocks.sm", "clocks.mem", "temperature.gpu", "power.draw", "driver_version")
    command = ["nvidia-smi", f"--query-gpu={','.join(keys)}", "--format=csv,noheader", "--id=0"]
    said = _said(command)
    values = [value.strip() for value in said.splitlines()[0].split(",")] if said else []
    return dict(zip(keys, values, strict=False))


def cpu_name(cpuinfo: str) -> str:
    """The first `model name` of `/proc/cpuinfo`."""
    for line in cpuinfo.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def computes_in_bfloat16(cpuinfo: str) -> bool:
    """Whether a processor has instructions for bfloat16 (AVX512-BF16 or AMX).

    Without them torch converts to float32 and back, which takes longer than float32 itself.
    """
    flags = {
        flag for line in cpuinfo.splitlines() if line.startswith("flags") for flag in line.split()
    }
    return bool(flags & {"avx512_bf16", "amx_bf16"})


def _commit() -> str:
    return _said(["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]).strip()


def _said(command: list[str]) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
