"""What an export has made, for people and for programs."""

import json
import sys
from pathlib import Path

from export.pipeline import Exported
from export.request import ExportRequest
from export.wording import class_list, megabytes


def describe(exported: Exported) -> str:
    """A summary that ends with how to serve the archive."""
    metadata = exported.metadata
    size = exported.archive.stat().st_size
    left = f"; left behind: {', '.join(exported.left_behind)}" if exported.left_behind else ""
    verified = exported.verdict.sentence() if exported.verdict else "no, it was skipped"
    lines = [
        f"{exported.archive} is ready.",
        f"  network    {metadata.architecture}, answers with {', '.join(metadata.outputs)}",
        f"  classes    {class_list(metadata)}",
        f"  size       {megabytes(size)} from {megabytes(exported.weights_size)}{left}",
        f"  verified   {verified}",
        f"  sha256     {exported.sha256}",
        "Serve it:",
        f"  {serve_command(exported)}",
        *_beside(exported),
        "Ask it:",
        f"  {curl_command(exported)}",
    ]
    return "\n".join(lines)


def serve_command(exported: Exported) -> str:
    """What to type, in the folder where the export was typed, to serve the archive."""
    name = exported.archive.stem
    folder = exported.archive.parent
    return f"{_python()} -m server --model-store {folder} --models {name}={name}.mar"


def rollout_command(exported: Exported) -> str | None:
    """What to type to put the archive in the place of the version that serves.

    Returns:
        None where it lies in the model store already.
    """
    if exported.archive.parent.resolve() == ExportRequest.export_path.resolve():
        return None
    return f"{_python()} -m client models rollout {exported.archive} --image photograph.jpg"


def _beside(exported: Exported) -> list[str]:
    command = rollout_command(exported)
    if command is None:
        return []
    return ["Or put it in the place of the version that serves (docs/versions.md):", f"  {command}"]


def _python() -> Path:
    python = Path(sys.executable)
    return python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python


def curl_command(exported: Exported) -> str:
    """What to type, where the server was started, to ask it."""
    sent = "-T photograph.jpg"
    if exported.metadata.input.proposal_topk is not None:
        sent = "-F data=@photograph.jpg -F 'proposals=[[0, 0, 320, 240]]'"
    read_key = "import json; print(json.load(open('key_file.json'))['inference']['key'])"
    return (
        f'curl -H "Authorization: Bearer $(python3 -c "{read_key}")" {sent} '
        f"http://127.0.0.1:8080/predictions/{exported.archive.stem}"
    )


def as_json(exported: Exported) -> str:
    """The same as one JSON document."""
    document = {
        "archive": str(exported.archive),
        "sha256": exported.sha256,
        "archive_bytes": exported.archive.stat().st_size,
        "weights_bytes": exported.weights_size,
        "left_behind": list(exported.left_behind),
        "warnings": list(exported.warnings),
        "verdict": exported.verdict.as_dict() if exported.verdict else None,
        "serve": serve_command(exported),
        "rollout": rollout_command(exported),
        "ask": curl_command(exported),
        "metadata": json.loads(exported.metadata.to_json()),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
