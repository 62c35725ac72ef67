"""Looks at archives before TorchServe opens them, which checks no digest and may fall over one."""

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from handler.layout import MANIFEST_FILE, METADATA_FILE, sha256_of
from handler.plain_yaml import parse_yaml
from server.errors import ServerError


def check_archives(model_store: Path, models: Sequence[str]) -> list[str]:
    """See that every archive that is to be served is whole. Nothing of it is run.

    Args:
        model_store: Folder of archives.
        models: What TorchServe is told to load: `[NAME=]FILE.mar`, or `all`.

    Returns:
        A sentence for each archive that nothing is known of, because `export` did not make it.

    Raises:
        ServerError: Each archive that is not there, may not be read, is not whole, or would take
            TorchServe down.
    """
    problems, unknown = [], []
    for archive in _files(model_store, models):
        if problem := _problem(archive):
            problems.append(problem)
        elif not _is_ours(archive):
            unknown.append(
                f"{archive.name} is not of `python -m export`: nothing tells whose code it runs."
            )
    if problems:
        raise ServerError("\n".join([*problems, "Nothing is served."]))
    return unknown


def _files(model_store: Path, models: Sequence[str]) -> list[Path]:
    everything = any(model.lower() == "all" for model in models)
    # Looking for files in a folder that may not be read finds none, and says nothing.
    needed = os.X_OK | (os.R_OK if everything else 0)
    if model_store.is_dir() and not os.access(model_store, needed):
        raise ServerError(
            f"The model store {model_store} cannot be read: Permission denied. Nothing is served."
        )
    if everything:
        # Hidden ones are kept for `python -m client models`, and TorchServe passes over them.
        return sorted(model_store.glob("[!.]*.mar"))
    return [model_store / model.rpartition("=")[2] for model in models]


def _problem(archive: Path) -> str | None:
    """What is wrong with an archive, as a sentence."""
    if not archive.exists():
        return f"There is no archive {archive}."
    if archive.suffix != ".mar" or archive.is_dir():
        return None  # TorchServe takes folders and .tar.gz as well; export writes neither
    try:
        digest = archive.with_name(f"{archive.name}.sha256")
        if digest.is_file():
            expected, found = digest.read_text(encoding="utf-8").split()[0], sha256_of(archive)
            if expected != found:
                return (
                    f"{archive.name} is not what was exported: its sha256 is {found}, "
                    f"{digest.name} says {expected}."
                )
        with zipfile.ZipFile(archive) as opened:
            # The digest has seen every byte; without one, the zip's own checksums have to do.
            if not digest.is_file() and (damaged := opened.testzip()):
                return f"{archive.name} is damaged: {damaged} in it cannot be read."
            return _config_problem(archive.name, opened)
    except Exception as error:  # damaged zips raise what they like: zlib.error, struct.error, ...
        return f"{archive.name} cannot be read: {str(error) or type(error).__name__}."


def _config_problem(name: str, opened: zipfile.ZipFile) -> str | None:
    """TorchServe ends where it cannot read the settings of one of its models."""
    config_file = json.loads(opened.read(MANIFEST_FILE))["model"].get("configFile")
    if config_file is None:
        return None
    try:
        config = parse_yaml(opened.read(config_file).decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return f"{name}: its {config_file} is not YAML: {' '.join(str(error).split())}."
    if not isinstance(config, dict):
        found = "is empty" if config is None else f"holds a {type(config).__name__}"
        return f"{name}: its {config_file} {found}; keys with values are needed."
    return None


def _is_ours(archive: Path) -> bool:
    if archive.suffix != ".mar" or archive.is_dir():
        return False
    with zipfile.ZipFile(archive) as opened:
        return METADATA_FILE in opened.namelist()
