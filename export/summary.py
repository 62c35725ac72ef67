"""What an export has made, for people and for programs."""

import json
import sys
from pathlib import Path

from export.pipeline import Exported
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
        "Ask it:",
        f"  {curl_command(exported)}",
    ]
    return "\n".join(lines)


def serve_command(exported: Exported) -> str:
    """What to type, in the folder where the export was typed, to serve the archive."""
    name = exported.archive.stem
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    return f"{python} -m server --model-store {exported.archive.parent} --models {name}={name}.mar"


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
        "ask": curl_command(exported),
        "metadata": json.loads(exported.metadata.to_json()),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
