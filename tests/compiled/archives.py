"""Exports a small model of every architecture, for the tests beside a compiled Detectron2.

python -m tests.compiled.archives FOLDER
"""

import re
import sys
from pathlib import Path

from tests.architectures import ARCHITECTURES, export_architecture

if __name__ == "__main__":
    for name in ARCHITECTURES:
        model_name = re.sub(r"\W+", "_", name).lower()
        export_architecture(name, Path(sys.argv[1]), model_name=model_name)
