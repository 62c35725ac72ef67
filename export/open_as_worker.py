"""Run in a process of its own: open a finished archive as a worker does and let it predict.

    python -P open_as_worker.py OPENED_ARCHIVE IMAGES.npz OUTPUTS.npz

The folder of the opened archive is on PYTHONPATH, so that what travels in it runs, and nothing of
this checkout. `as_arrays` is imported by the process that compares.
"""

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

ANSWERS = "answers"


def as_arrays(output: dict[str, Any]) -> Arrays:
    """Every number of a Detectron2 output dictionary, in arrays by name."""
    arrays: Arrays = {}
    for key in ("instances", "proposals"):
        if key in output:
            for name, value in output[key].to("cpu").get_fields().items():
                arrays[f"{key}.{name}"] = _as_array(getattr(value, "tensor", value))
    if "sem_seg" in output:
        arrays["sem_seg"] = _as_array(output["sem_seg"])
    if "panoptic_seg" in output:
        segmentation, segments = output["panoptic_seg"]
        arrays["panoptic_seg"] = _as_array(segmentation)
        arrays["panoptic_segments"] = np.array(json.dumps(segments, default=float))
    return arrays


def _as_array(tensor: Any) -> npt.NDArray[Any]:
    if not hasattr(tensor, "detach"):  # CroppedMasks, of whichever handler runs here
        return np.array([*tensor], np.bool_).reshape(len(tensor), *tensor.size_hw)
    tensor = tensor.detach().cpu()
    # numpy has no bfloat16; float32 stays as it is.
    array: npt.NDArray[Any] = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    return array


class WorkerContext:
    """As much of TorchServe's context as the entry file touches; keeps what that sets.

    Attributes:
        status: HTTP status of the last answer.
        headers: Of the last answers, names in small letters.
    """

    def __init__(
        self,
        opened: Path,
        *,
        gpu_id: int | None = None,
        request_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Read the archive's manifest and settings.

        Args:
            opened: Folder that the archive was opened in.
            gpu_id: Number of the GPU that TorchServe would assign; None is the CPU.
            request_headers: Of every request.
        """
        import yaml

        self.manifest = json.loads((opened / "MAR-INF" / "MANIFEST.json").read_text())
        self.model_name = self.manifest["model"]["modelName"]
        settings = self.manifest["model"]["configFile"]
        self.model_yaml_config = yaml.safe_load((opened / settings).read_text(encoding="utf-8"))
        self.system_properties = {"model_dir": str(opened), "gpu_id": gpu_id, "batch_size": 1}
        self.metrics = None  # no server counts
        self.status = 0
        self.headers: dict[str, str] = {}
        self._request_headers = dict(request_headers or {})

    def get_request_id(self, index: int) -> str:
        """No server gives one."""
        return ""

    def get_all_request_header(self, index: int) -> dict[str, str]:
        """The same of every request."""
        return self._request_headers

    def set_response_status(self, code: int, phrase: str, index: int) -> None:
        """Keep the status."""
        self.status = code

    def set_response_content_type(self, index: int, value: str) -> None:
        """Not looked at."""

    def set_response_header(self, index: int, key: str, value: str) -> None:
        """Keep the header."""
        self.headers[key.lower()] = value


def answer_through_entry(opened: Path, images_bgr: list[npt.NDArray[np.uint8]]) -> list[Any]:
    """Status and body of each image, through the entry file that TorchServe would load."""
    from detectron2_handler import Detectron2Handler  # type: ignore[import-not-found]
    from PIL import Image

    from handler.metadata import Metadata
    from handler.proposals import window_proposals

    takes_proposals = Metadata.read(opened).input.proposal_topk is not None
    context, entry = WorkerContext(opened), Detectron2Handler()
    entry.initialize(context)
    answers = []
    for image_bgr in images_bgr:
        png = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image_bgr[:, :, ::-1])).save(png, "PNG")
        row: dict[str, object] = {"body": bytearray(png.getvalue())}
        if takes_proposals:
            row["proposals"] = _as_sent(window_proposals(image_bgr.shape[:2]))
        (body,) = entry.handle([row], context)
        answers.append([context.status, body.decode("utf-8")])
    return answers


def _as_sent(proposals: Any) -> str:
    """Proposals as a form field brings them."""
    pairs = zip(proposals.boxes_xyxy.tolist(), proposals.objectness.tolist(), strict=True)
    return json.dumps([{"box": box, "objectness": objectness} for box, objectness in pairs])


def main() -> None:
    """Predict on every image of a file, each alone."""
    opened, images_file, outputs_file = (Path(argument) for argument in sys.argv[1:])
    with np.load(images_file) as stored:
        images_bgr = [stored[name] for name in stored.files]
    # First, as in a worker: the entry file decides how torch is imported.
    collected: Arrays = {ANSWERS: np.array(json.dumps(answer_through_entry(opened, images_bgr)))}

    from handler.model import Model
    from handler.proposals import window_proposals

    model = Model.load(opened, device="cpu")
    build_input = model.input_builder()
    for index, image_bgr in enumerate(images_bgr):
        proposals = window_proposals(image_bgr.shape[:2])
        (output,) = model.predict([build_input(image_bgr, proposals)])
        for name, array in as_arrays(output).items():
            collected[f"{index}/{name}"] = array
    np.savez(outputs_file, **collected)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
