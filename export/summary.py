"""What an export has made, for people and for programs."""

import json

from export.pipeline import Exported


def describe(exported: Exported) -> str:
    """A summary that ends with how to serve the archive."""
    metadata = exported.metadata
    name = exported.archive.stem
    size = exported.archive.stat().st_size
    names = [one.name for one in (*metadata.classes, *metadata.stuff_classes)]
    shown = ", ".join(names[:8]) + (f", ... ({len(names)} in all)" if len(names) > 8 else "")
    left = f"; left behind: {', '.join(exported.left_behind)}" if exported.left_behind else ""
    verified = exported.verdict.sentence() if exported.verdict else "no, it was skipped"
    lines = [
        f"{exported.archive} is ready.",
        f"  network    {metadata.architecture}, answers with {', '.join(metadata.outputs)}",
        f"  classes    {shown or 'none'}",
        f"  size       {_megabytes(size)} from {_megabytes(exported.weights_size)}{left}",
        f"  verified   {verified}",
        f"  sha256     {exported.sha256}",
        "Serve it:",
        f"  torchserve --start --ncs --ts-config config.properties --models {name}={name}.mar",
        "Ask it:",
        '  curl -H "Authorization: Bearer <inference key of key_file.json>" -T photograph.jpg '
        f"http://127.0.0.1:8080/predictions/{name}",
    ]
    return "\n".join(lines)


def as_json(exported: Exported) -> str:
    """The same as one JSON document."""
    document = {
        "archive": str(exported.archive),
        "sha256": exported.sha256,
        "archive_bytes": exported.archive.stat().st_size,
        "weights_bytes": exported.weights_size,
        "left_behind": list(exported.left_behind),
        "warnings": list(exported.warnings),
        "metadata": json.loads(exported.metadata.to_json()),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
