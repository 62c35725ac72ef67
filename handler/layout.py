"""Names of the files inside an archive, and their digests."""

import hashlib
from pathlib import Path

CONFIG_FILE = "config.yaml"
WEIGHTS_FILE = "model.safetensors"
METADATA_FILE = "metadata.json"
MODEL_CONFIG_FILE = "model-config.yaml"
ENTRY_FILE = "detectron2_handler.py"
MANIFEST_FILE = "MAR-INF/MANIFEST.json"


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
