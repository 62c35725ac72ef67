"""A config and weights -> an archive by the project's own export -> what a worker gives with it."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from export.clean_process import ProcessFailed, outputs_of
from export.open_as_worker import Arrays
from export.pipeline import export
from export.request import ExportRequest
from fidelity.answers import read_answer
from fidelity.original import Original
from fidelity.photographs import Photograph

_CHECKOUT = Path(__file__).parents[1]


class ArchiveFailed(Exception):
    """An archive could not be opened, or did not answer; says why."""


def make_archive(original: Original, weights: Path, scratch: Path) -> Path:
    """Export a config of the zoo, by its name and the overrides that scale it.

    Returns:
        The folder that the archive was opened in.

    Raises:
        ExportError: The export refuses.
    """
    request = ExportRequest(
        config_file=str(original.zoo_config.path),
        weights=str(weights),
        model_name="zoo",
        version="1",
        overrides=original.overrides,
        export_path=scratch / "store",
        skip_verification=True,  # what follows is one, with nothing of the export's own reading
    )
    archive = export(request, report=lambda _: None).archive
    opened = scratch / "opened"
    with zipfile.ZipFile(archive) as source:
        source.extractall(opened)
    archive.unlink()
    return opened


def outputs_of_worker(
    opened: Path, photographs: Sequence[Photograph], *, with_proposals: bool, scratch: Path
) -> list[Arrays]:
    """What the archive gives for each photograph, in a clean process.

    Args:
        opened: The folder that the archive was opened in.
        photographs: Their files are sent.
        with_proposals: Send their proposals as well.
        scratch: Folder for what goes to and from that process.

    Returns:
        Every number of the network's output, and of the handler's answer (`read_answer`).

    Raises:
        ArchiveFailed: The process ended with an error, or an answer's status is not 200.
    """
    requests_file = scratch / "requests.json"
    requests = [
        {"file": str(one.path), "proposals": _as_sent(one) if with_proposals else None}
        for one in photographs
    ]
    requests_file.write_text(json.dumps(requests), encoding="utf-8")
    try:
        outputs, answers = outputs_of(
            ["-m", "fidelity.worker"],
            requests_file,
            opened=opened,
            images=len(photographs),
            beside=[_CHECKOUT],
        )
    except ProcessFailed as error:
        raise ArchiveFailed(str(error)) from error
    for output, (status, body) in zip(outputs, answers, strict=True):
        if status != 200:
            raise ArchiveFailed(f"it answers with {status}: {body}")
        output.update(read_answer(json.loads(body)))
    return outputs


def _as_sent(photograph: Photograph) -> list[dict[str, object]]:
    pairs = zip(photograph.proposals_xyxy.tolist(), photograph.objectness.tolist(), strict=True)
    return [{"box": box, "objectness": objectness} for box, objectness in pairs]
