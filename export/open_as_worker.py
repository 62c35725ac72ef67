"""Run in a process of its own: open a finished archive as a worker does and let it predict.

    python -P open_as_worker.py OPENED_ARCHIVE IMAGES.npz OUTPUTS.npz

The folder of the opened archive is on PYTHONPATH, so that the handler that travels in it runs, and
nothing of this checkout. `as_arrays` is imported by the process that compares.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


def as_arrays(output: dict[str, Any]) -> Arrays:
    """Every number of a Detectron2 output dictionary, in arrays by name."""
    arrays: Arrays = {}
    for key in ("instances", "proposals"):
        if key in output:
            for name, value in output[key].to("cpu").get_fields().items():
                tensor = getattr(value, "tensor", value)
                arrays[f"{key}.{name}"] = tensor.detach().numpy()
    if "sem_seg" in output:
        arrays["sem_seg"] = output["sem_seg"].detach().cpu().numpy()
    if "panoptic_seg" in output:
        segmentation, segments = output["panoptic_seg"]
        arrays["panoptic_seg"] = segmentation.detach().cpu().numpy()
        arrays["panoptic_segments"] = np.array(json.dumps(segments, default=float))
    return arrays


def main() -> None:
    """Predict on every image of a file, each alone."""
    from handler.model import Model
    from handler.model_input import InputBuilder

    opened, images_file, outputs_file = (Path(argument) for argument in sys.argv[1:])
    model = Model.load(opened, device="cpu")
    build_input = InputBuilder(model.metadata.input)
    collected: Arrays = {}
    with np.load(images_file) as images_bgr:
        for index in images_bgr.files:
            (output,) = model.predict([build_input(images_bgr[index])])
            for name, array in as_arrays(output).items():
                collected[f"{index}/{name}"] = array
    np.savez(outputs_file, **collected)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
