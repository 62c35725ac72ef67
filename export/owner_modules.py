"""Python modules of the model's owner: imported before the network is built, packed beside it."""

import importlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from export.errors import ExportError

# What a worker imports: a module of that name in the archive would be taken instead.
_TAKEN = {
    *("handler", "detectron2_handler", "export", "client", "server"),
    *("ts", "torch", "torchvision", "detectron2", "fvcore", "iopath", "yacs", "omegaconf", "hydra"),
    *("numpy", "PIL", "cv2", "pycocotools", "safetensors", "yaml", "psutil", "tqdm", "packaging"),
    *sys.stdlib_module_names,
}


def module_problems(paths: Sequence[Path]) -> list[str]:
    """What can be told to be wrong with `--extra-modules` before one is imported."""
    found = []
    for path in paths:
        if not (path.is_file() and path.suffix == ".py") and not (path / "__init__.py").is_file():
            found.append(f"--extra-modules {path} is neither a .py file nor a package's folder.")
        elif not path.stem.isidentifier() or (path.is_dir() and "." in path.name):
            found.append(f"--extra-modules {path}: {path.stem} cannot be imported by that name.")
        elif path.stem in _TAKEN:
            found.append(f"--extra-modules {path}: the name {path.stem} is taken, give another.")
    names = [path.stem for path in paths]
    twice = sorted({name for name in names if names.count(name) > 1})
    return found + [f"--extra-modules gives two modules called {name}." for name in twice]


def copy_modules(paths: Sequence[Path], folder: Path) -> None:
    """Copy modules and packages into a folder, without what Python has compiled of them."""
    for path in paths:
        if path.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
            shutil.copytree(path, folder / path.name, ignore=ignore)
        else:
            shutil.copy(path, folder / path.name)


def import_modules(paths: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Import modules that `copy_modules` has copied into a folder.

    Returns:
        Their names.

    Raises:
        ExportError: One fails; all that do are named.
    """
    names = tuple(path.stem for path in paths)
    problems = []
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        for name in names:
            try:
                importlib.import_module(name)
            except (Exception, SystemExit) as error:  # it is a program: it can raise anything
                problems.append(
                    f"--extra-modules: importing {name} failed: {type(error).__name__}: {error}"
                )
    finally:
        sys.path.remove(str(folder))
    if problems:
        raise ExportError(*problems)
    return names
