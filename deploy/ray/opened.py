"""An opened archive -> its `Detector`: the handler that travels in it, and not this checkout's."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from handler.detector import Detector


def model_config(opened: Path) -> dict[str, Any]:
    """TorchServe's settings of an opened archive: its `model-config.yaml`."""
    manifest = json.loads((opened / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
    file = manifest["model"].get("configFile")
    content = yaml.safe_load((opened / file).read_text(encoding="utf-8")) if file else None
    return content if isinstance(content, dict) else {}


def load_detector(
    opened: Path, *, device: str, name: str, version: str, stack: int = 1
) -> "Detector":
    """Load the model as a TorchServe worker does, with the handler of the archive.

    A process can hold one archive: what travels in it is on the path of its imports from here on.

    Args:
        opened: Folder that the archive was opened in.
        device: `cpu`, `cuda:0`, ...
        name: Name that answers carry.
        version: Version that answers carry.
        stack: Most images of one forward pass.

    Raises:
        RuntimeError: This process has imported another handler already.
    """
    sys.path.insert(0, str(opened))
    import handler

    if Path(str(handler.__file__)).resolve().parent != (opened / "handler").resolve():
        raise RuntimeError(
            f"This process already runs {handler.__file__}, and {opened} brings its own handler."
        )
    from handler.quick_start import import_without_compiler

    import_without_compiler()  # before anything else imports torchvision

    from handler.detector import Detector
    from handler.settings import Settings
    from handler.threads import settle_threads

    settings = model_config(opened)
    threads = settle_threads(settings)
    return Detector.load(
        opened,
        device=device,
        name=name,
        version=version,
        settings=Settings.from_model_config(settings),
        stack=max(stack, 1),
        host_threads=threads if device.startswith("cuda") else 1,
    )
