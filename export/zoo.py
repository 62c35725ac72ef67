"""Names and addresses of Detectron2's model zoo -> files on disk."""

import difflib
from pathlib import Path

import detectron2
from detectron2.utils.file_io import PathManager

from export.errors import ExportError
from export.paths import is_file

# Beside detectron2.model_zoo, whose import needs pkg_resources.
CONFIGS = Path(detectron2.__file__).parent / "model_zoo" / "configs"


def find_config(argument: str) -> Path:
    """The file of a config given by its path or its model-zoo name.

    Args:
        argument: A path, or a name such as `COCO-Detection/retinanet_R_50_FPN_1x.yaml`.

    Raises:
        ExportError: Neither; names that come close are listed.
    """
    for path in (Path(argument), CONFIGS / argument):
        if is_file(path):
            return path
    names = [path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*.*")]
    close = difflib.get_close_matches(argument, names)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise ExportError(f"--config-file {argument} is neither a file nor a model-zoo name.{hint}")


def find_weights(argument: str) -> Path:
    """The file of a checkpoint given by its path or its address; an address is downloaded.

    Args:
        argument: A path, or an address with `detectron2://`, `https://` or `http://`.

    Raises:
        ExportError: There is no such file, or it could not be downloaded.
    """
    if "://" not in argument:
        path = Path(argument)
        if not is_file(path):
            raise ExportError(f"--weights {argument} does not exist or is not a file.")
        return path
    try:
        # Shows a progress bar, and keeps what it has downloaded in iopath's cache.
        path = Path(PathManager.get_local_path(argument))
        if not path.is_file():  # what an address of an unknown scheme is taken for
            raise ValueError("detectron2://, https:// and http:// are known")
        return path
    except Exception as error:
        # What fails underneath (name lookup, TLS, a 404, a full disk) comes as any type.
        raise ExportError(
            f"--weights {argument} could not be downloaded: {error}. "
            "Without a network, download the file elsewhere and give its path."
        ) from error
