"""Run in a process of its own: open an archive as a worker does, and answer files with it.

    PYTHONPATH=OPENED_ARCHIVE:CHECKOUT python -P -m fidelity.worker OPENED REQUESTS.json OUTPUTS.npz

What travels in the archive comes first on Python's path, so that its `handler` runs and not this
checkout's.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from export.open_as_worker import ANSWERS, Arrays, WorkerContext, as_arrays


def answer_through_entry(opened: Path, requests: list[dict[str, Any]]) -> list[list[Any]]:
    """Status and body of each request, through the entry file that TorchServe would load."""
    from detectron2_handler import Detectron2Handler  # type: ignore[import-not-found]

    context, entry = WorkerContext(opened), Detectron2Handler()
    entry.initialize(context)
    answers = []
    for request in requests:
        row: dict[str, object] = {"body": bytearray(Path(request["file"]).read_bytes())}
        if request["proposals"] is not None:
            row["proposals"] = json.dumps(request["proposals"])
        (body,) = entry.handle([row], context)
        answers.append([context.status, body.decode("utf-8")])
    return answers


def outputs_of_network(opened: Path, requests: list[dict[str, Any]]) -> list[Arrays]:
    """What the archive's network gives for each request, every number of it."""
    from handler.image import decode_image
    from handler.model import Model
    from handler.proposals import parse_proposals

    model = Model.load(opened, device="cpu")
    build_input = model.input_builder()
    outputs = []
    for request in requests:
        image_bgr = decode_image(Path(request["file"]).read_bytes(), max_pixels=10**9)
        sent = request["proposals"]
        proposals = None if sent is None else parse_proposals(sent)
        (output,) = model.predict([build_input(image_bgr, proposals)])
        outputs.append(as_arrays(output))
    return outputs


def main() -> None:
    """Answer every request of a file."""
    import handler

    opened, requests_file, outputs_file = (Path(argument) for argument in sys.argv[1:])
    if not Path(handler.__file__).is_relative_to(opened):
        raise SystemExit(f"The handler is not that of the archive: {handler.__file__}")
    requests = json.loads(requests_file.read_text(encoding="utf-8"))
    arrays: Arrays = {ANSWERS: np.array(json.dumps(answer_through_entry(opened, requests)))}
    for index, output in enumerate(outputs_of_network(opened, requests)):
        arrays.update({f"{index}/{name}": array for name, array in output.items()})
    np.savez(outputs_file, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
