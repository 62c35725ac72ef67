"""Looks at archives before TorchServe opens them, which checks no digest and may fall over one."""

import json
import posixpath
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from client.models.archive import digest_beside, digest_file_of, verify
from client.models.errors import ArchiveRefused
from handler.layout import MANIFEST_FILE, sha256_of
from server.errors import ServerError

_LISTED = (".mar", ".model", ".tar.gz")
"""Files that TorchServe loads with `all`, by ModelServer.java of 0.12; and every folder."""

_MANIFEST_NEEDED = 'an object with an object "model" is needed'
_TEXT_TAGS = {f"tag:yaml.org,2002:{one}" for one in ("str", "merge", "value")}


def check_archives(model_store: Path, models: Sequence[str]) -> list[str]:
    """See that every archive that is to be served is whole. Nothing of it is run.

    Args:
        model_store: Folder of archives.
        models: What TorchServe is told to load: `[NAME=]FILE.mar`, or `all`.

    Returns:
        A sentence for each that TorchServe serves and that does not verify as `export` made it,
        and for each that it passes over.

    Raises:
        ServerError: Each archive that is not there, not whole, or would take TorchServe down.
    """
    problems: list[str] = []
    warnings: list[str] = []
    said = ",".join(models)  # as TorchServe joins them and takes them apart
    listed = said.lower() == "all"
    for archive in _all(model_store) if listed else _named(model_store, said):
        try:
            if passed_over := listed and _leads_nowhere(archive):
                warnings.append(f"{archive.name} is not served: {passed_over}.")
            else:
                warnings += _look_at(archive)
        except ArchiveRefused as error:
            problems.append(str(error))
        except Exception as error:  # damaged zips raise what they like: zlib.error, ...
            reason = str(error) or type(error).__name__
            problems.append(f"{archive.name} cannot be read: {reason}.")
    if problems:
        raise ServerError("\n".join([*problems, "Nothing is served."]))
    return warnings


def _named(model_store: Path, models: str) -> list[Path]:
    pairs = [model.partition("=") for model in models.split(",")]
    return [model_store / (file or name) for name, _, file in pairs]


def _all(model_store: Path) -> list[Path]:
    try:
        if not model_store.is_dir():
            return []  # said when the server is started
        # Hidden ones are kept for `python -m client models`, and TorchServe passes over them.
        seen = [one for one in model_store.iterdir() if not one.name.startswith(".")]
        return sorted(one for one in seen if one.name.endswith(_LISTED) or not one.is_file())
    except OSError as error:
        raise ServerError(f"{model_store} cannot be read: {error}.") from error


def _leads_nowhere(archive: Path) -> str:
    if archive.exists() or not archive.is_symlink():
        return ""
    return f"it is a link to {archive.readlink()}, which is not there"


def _look_at(archive: Path) -> list[str]:
    """What is to be said of an archive that is served.

    Raises:
        ArchiveRefused: It must not be served; a sentence.
        Exception: Whatever reading a damaged zip raises.
    """
    name = archive.name
    if not archive.exists():
        reason = _leads_nowhere(archive)
        raise ArchiveRefused(f"There is no archive {archive}{reason and f': {reason}'}.")
    if archive.suffix != ".mar" or not archive.is_file():
        kind = "a folder" if archive.is_dir() else "no .mar file"
        return [
            f"{name} is {kind}, which `python -m export` does not make, and TorchServe loads it: "
            "nothing tells whose code it runs."
        ]
    try:
        verify(archive)
    except ArchiveRefused as error:
        _refuse_damaged(archive)
        reason = str(error).removeprefix(f"{archive} ")
        return [
            f"{name} is not as `python -m export` made it: nothing tells whose code it runs. "
            f"It {reason}",
            *_look_at_settings(archive, ours=False),
        ]
    return _look_at_settings(archive, ours=True)


def _refuse_damaged(archive: Path) -> None:
    expected = digest_beside(archive)
    if expected is not None and (found := sha256_of(archive)) != expected:
        raise ArchiveRefused(
            f"{archive.name} is not what was exported: its sha256 is {found}, "
            f"{digest_file_of(archive).name} says {expected}."
        )
    with zipfile.ZipFile(archive) as opened:
        # The digest has seen every byte; without one, the zip's own checksums have to do.
        if expected is None and (damaged := opened.testzip()):
            raise ArchiveRefused(
                f"{archive.name} is damaged: {damaged} in it does not match its checksum."
            )


def _look_at_settings(archive: Path, *, ours: bool) -> list[str]:
    """See that TorchServe can read the settings of a model; over some it ends.

    Over the others it goes on without them (tried with 0.12.0). Our handler needs them; what
    another makes of that is its own.
    """
    name = archive.name
    with zipfile.ZipFile(archive) as opened:
        config_file = _config_file(name, opened)
        if config_file is None:
            return []
        inside = posixpath.normpath(config_file)
        content = opened.read(inside) if inside in opened.namelist() else None
    problem: str | None = "is named by its manifest and not in it"
    if content is not None:
        if fatal := _fatal(content):
            raise ArchiveRefused(f"{name}: its {config_file} {fatal}.")
        problem = _unreadable(content)
    if not problem:
        return []
    if ours:
        raise ArchiveRefused(f"{name}: its {config_file} {problem}.")
    return [f"{name}: its {config_file} {problem}. TorchServe serves it without these settings."]


def _config_file(name: str, opened: zipfile.ZipFile) -> str | None:
    manifest = json.loads(opened.read(MANIFEST_FILE))
    model = manifest.get("model") if isinstance(manifest, dict) else None
    if not isinstance(model, dict):
        seen = f'"model" is {json.dumps(model)}' if isinstance(manifest, dict) else "is no object"
        raise ArchiveRefused(f"{name}: in its {MANIFEST_FILE} {seen[:60]}; {_MANIFEST_NEEDED}.")
    found = model.get("configFile")
    if found is not None and not isinstance(found, str):
        raise ArchiveRefused(
            f'{name}: in its {MANIFEST_FILE} "configFile" is {json.dumps(found)[:60]}; the name of '
            "a file in it is needed."
        )
    return found or None


def _fatal(content: bytes) -> str | None:
    """What TorchServe ends over, all other models with it: no keys, or keys that are not text."""
    try:
        root = yaml.compose(content.decode("utf-8", errors="replace"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None  # TorchServe cannot read it either, and goes on without it
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return "is empty; keys with values are needed"
    if not isinstance(root, yaml.MappingNode):
        kind = "list" if isinstance(root, yaml.SequenceNode) else "single value"
        return f"holds a {kind}; keys with values are needed"
    keys = [key for key, _ in root.value]
    for key, value in root.value:
        if key.value == "torchrun" and isinstance(value, yaml.MappingNode):
            keys += [inner for inner, _ in value.value]
    for key in keys:
        if key.tag not in _TEXT_TAGS:
            return f"has the key {_shown(key)}, which is not text; in quotes it is"
    return None


def _shown(node: Any) -> str:
    return (
        str(node.value) if isinstance(node, yaml.ScalarNode) else f"of line {node.start_mark.line}"
    )


def _unreadable(content: bytes) -> str | None:
    try:
        yaml.safe_load(content.decode("utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return f"is not plain YAML: {' '.join(str(error).split())}"
    return None
