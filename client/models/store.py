"""The files of a model store: which versions are kept, and which one a restart serves.

    NAME.mar               the default version, the only one that a restart serves
    .NAME-VERSION.mar      every version that was registered from here; it never changes
    .NAME.versions.json    which versions were the default, in their order

With `load_models=all` TorchServe loads whatever it finds when it starts, in no order that is known,
and the first version of a model becomes its default. So one archive of a model is visible at any
moment: `NAME.mar`, which a rename exchanges in one step. A sub-folder would not do for the others:
TorchServe takes it for a model, and registers nothing from within one.
"""

import contextlib
import fcntl
import filecmp
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from client.models.archive import Archive, digest_file_of, identify, verify
from client.models.errors import ArchiveRefused, StoreError


class ModelStore:
    """A model store's folder, on this machine."""

    def __init__(self, folder: Path) -> None:
        """Look at a folder.

        Raises:
            StoreError: There is none.
        """
        if not folder.is_dir():
            raise StoreError(
                f"There is no model store {folder}: --model-store names the folder that the server "
                "loads archives from."
            )
        self.folder = folder

    @contextlib.contextmanager
    def changing(self, model: str) -> Iterator[None]:
        """Keep others from changing the versions of a model meanwhile.

        Raises:
            StoreError: Somebody else is at it, or the folder cannot be written.
        """
        with _sentences():
            file = (self.folder / f".{model}.lock").open("w")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(
                    f"The versions of {model} are being changed by another command; wait for it."
                ) from error
            yield

    def kept_file(self, model: str, version: str) -> Path:
        """Where a version's archive is kept, whether or not it is there."""
        return self.folder / f".{model}-{version}.mar"

    def kept(self, model: str) -> dict[str, Path]:
        """The versions of a model that are kept, and their archives."""
        found = {}
        for path in sorted(self.folder.glob(f".{model}-*.mar")):
            with contextlib.suppress(ArchiveRefused):
                name, version = identify(path)
                if name == model and path == self.kept_file(model, version):
                    found[version] = path
        return found

    def keep(self, archive: Archive) -> Path:
        """Copy an archive into the store, hidden, unless it is there.

        Raises:
            StoreError: Another archive of the same name and version is there, or no space.
        """
        place = self.kept_file(archive.model, archive.version)
        if place.exists():
            try:
                same = verify(place).sha256 == archive.sha256
            except ArchiveRefused:
                same = False
            if not same:
                raise StoreError(
                    f"{place} is another archive of {archive} with another digest, and a version "
                    "never changes: export it under a new --version, or delete that file if it was "
                    "never served."
                )
            return place
        with _sentences():
            _copy(archive.path, place)
            _write(digest_file_of(place), f"{archive.sha256}  {place.name}\n")
        return place

    def forget(self, model: str, version: str) -> None:
        """Delete a kept archive."""
        place = self.kept_file(model, version)
        with _sentences():
            for path in (digest_file_of(place), place):
                path.unlink(missing_ok=True)

    def published(self, model: str) -> list[tuple[str, Path]]:
        """Version and file of each archive of a model that a restart would load."""
        found = []
        for path in sorted(self.folder.glob("[!.]*.mar")):
            with contextlib.suppress(ArchiveRefused):
                name, version = identify(path)
                if name == model:
                    found.append((version, path))
        return found

    def adopt(self, model: str) -> None:
        """Keep what is visible, so that it is still there when something else takes its place."""
        for version, path in self.published(model):
            place = self.kept_file(model, version)
            with _sentences():
                if not place.exists():
                    with contextlib.suppress(ArchiveRefused):
                        archive = verify(path)
                        _link(path, place)
                        _write(digest_file_of(place), f"{archive.sha256}  {place.name}\n")
                        continue
                if not place.exists() or not _same_content(place, path):
                    aside = path.with_name(f".{path.name}.aside")  # no name that anybody loads
                    aside.unlink(missing_ok=True)
                    _link(path, aside)

    def publish(self, model: str, version: str) -> None:
        """Let a restart serve this kept version of a model, and no other.

        Raises:
            StoreError: It is not kept, or the folder cannot be written.
        """
        source, place = self.kept_file(model, version), self.folder / f"{model}.mar"
        digest_file = digest_file_of(place)
        with _sentences():
            if not source.is_file():
                raise StoreError(f"{source} is not there: {model} {version} cannot be published.")
            self._refuse_anothers(place, model)
            self.adopt(model)
            others = [path for _, path in self.published(model) if path != place]
            # A rename between two names of one file does nothing, and would leave the first one.
            if not (place.exists() and place.samefile(source)):
                temp = self.folder / f".{model}.publishing"
                temp.unlink(missing_ok=True)
                _link(source, temp)
                # Without a digest an archive is only unproven; beside a wrong one it is damaged.
                digest_file.unlink(missing_ok=True)
                temp.replace(place)
                _sync(self.folder)
            digest = digest_file_of(source)
            if digest.is_file():
                line = f"{digest.read_text().split()[0]}  {place.name}\n"
                if not digest_file.is_file() or digest_file.read_text() != line:
                    _write(digest_file, line)
            for path in others:
                digest_file_of(path).unlink(missing_ok=True)
                path.unlink()

    def withdraw(self, model: str) -> None:
        """Let a restart serve no version of a model; all stay kept."""
        self.adopt(model)
        with _sentences():
            for _, path in self.published(model):
                digest_file_of(path).unlink(missing_ok=True)
                path.unlink()

    def defaults(self, model: str) -> list[str]:
        """Which versions were the default, the last one last."""
        file = self._record(model)
        if not file.is_file():
            return []
        try:
            versions = json.loads(file.read_text(encoding="utf-8"))["defaults"]
            return [str(version) for version in versions]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{file} is not a record of versions: {error!r}.") from error

    def before(self, model: str, version: str) -> str | None:
        """The version that was the default before this one, or None."""
        versions = self.defaults(model)
        if version in versions:  # else the record is one step behind
            versions = _until(versions, version)[:-1]
        return versions[-1] if versions else None

    def record_rollout(self, model: str, old: str | None, new: str) -> None:
        """Remember which version takes the place of which; to be done before it is done."""
        versions = self.defaults(model)
        if old is not None:
            # What stands after it was recorded and then not done.
            versions = _until(versions, old) if old in versions else [*versions, old]
        self._write_record(model, [*versions, new])

    def record_rollback(self, model: str, target: str) -> None:
        """Forget what came after a version."""
        versions = self.defaults(model)
        self._write_record(model, _until(versions, target) if target in versions else [target])

    def _refuse_anothers(self, place: Path, model: str) -> None:
        with contextlib.suppress(ArchiveRefused):  # a damaged one is replaced
            name, _ = identify(place)
            if name != model:
                raise StoreError(
                    f"{place} is an archive of {name}, and the name of the file that a restart "
                    f"serves {model} from: rename it."
                )

    def _record(self, model: str) -> Path:
        return self.folder / f".{model}.versions.json"

    def _write_record(self, model: str, versions: list[str]) -> None:
        with _sentences():
            _write(self._record(model), json.dumps({"defaults": versions}, indent=2) + "\n")


def _until(versions: list[str], version: str) -> list[str]:
    """The versions up to the last one of these."""
    return versions[: len(versions) - versions[::-1].index(version)]


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"The model store cannot be changed: {error}.") from error


def _same_content(one: Path, other: Path) -> bool:
    return one.samefile(other) or filecmp.cmp(one, other, shallow=False)


def _copy(source: Path, place: Path) -> None:
    """Let a copy appear complete or not at all."""
    temp = place.with_name(f"{place.name}.copying")
    try:
        with source.open("rb") as given, temp.open("wb") as copy:
            shutil.copyfileobj(given, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        temp.replace(place)
    finally:
        temp.unlink(missing_ok=True)
    _sync(place.parent)


def _link(source: Path, place: Path) -> None:
    try:
        place.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:  # file systems without hard links
        _copy(source, place)


def _write(place: Path, text: str) -> None:
    temp = place.with_name(f"{place.name}.writing")
    temp.write_text(text, encoding="utf-8")
    temp.replace(place)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
