"""The files of a model store: which versions are kept, and which one a restart serves.

    NAME.mar               the default version, the only one that a restart serves
    .NAME@VERSION.mar      every version that was registered from here; it never changes
    .NAME.versions.json    which versions were the default, in their order

With `load_models=all` TorchServe loads whatever it finds when it starts, in no order that is known,
and the first version of a model becomes its default. So one archive of a model is visible at any
moment, which a rename exchanges in one step. A sub-folder would not do for the others: TorchServe
takes it for a model, and registers nothing from within one.

Neither a model's name nor a version has an @ in it, so that a file's name is of one version alone.

No two of these files share their content by a hard link: whoever copies an archive over NAME.mar
writes into the file that is there, and would change a kept version with it.

An archive that lies there under another name than NAME.mar keeps that name when it is exchanged: a
server that was started with `--models NAME=FILE.mar` looks for it again.
"""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from client.models.archive import Archive, identify, verify
from client.models.archive_files import (
    copy_archive,
    delete_archive,
    digest_for,
    digest_text,
    put_archive,
)
from client.models.errors import ArchiveRefused, StoreError
from client.models.files import copy, in_sentences, is_copy
from client.models.history import History


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
        with in_sentences():
            file = (self.folder / f".{model}.lock").open("w")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(
                    f"The versions of {model} are being changed by another command; wait for it."
                ) from error
            except OSError as error:  # some network file systems cannot
                raise StoreError(
                    f"{file.name} cannot be locked, which keeps other commands from changing the "
                    f"versions of {model} meanwhile: {error}. Put the model store where it can."
                ) from error
            yield

    def history(self, model: str) -> History:
        """Which versions of a model were the default."""
        return History(self.folder / f".{model}.versions.json")

    def kept_file(self, model: str, version: str) -> Path:
        """Where a version's archive is kept, whether or not it is there."""
        return self.folder / f".{model}@{version}.mar"

    def kept(self, model: str) -> dict[str, Path]:
        """The versions of a model that are kept, and their archives."""
        found = {}
        for path in sorted(self.folder.glob(f".{model}@*.mar")):
            with contextlib.suppress(ArchiveRefused):
                name, version = identify(path)
                if name == model and path == self.kept_file(model, version):
                    found[version] = path
        return found

    def keep(self, archive: Archive) -> Path:
        """Copy an archive into the store, hidden, unless it is there.

        Raises:
            StoreError: Another archive of the same name and version is there, no space, or the
                archive is not what was verified any more.
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
        with in_sentences():
            copy_archive(archive, place)
        return place

    def forget(self, model: str, version: str) -> None:
        """Delete a kept archive."""
        with in_sentences():
            delete_archive(self.kept_file(model, version))

    def published(self, model: str) -> list[tuple[str, Path]]:
        """Version and file of each archive of a model that a restart would load."""
        found = []
        for path in sorted(self.folder.glob("[!.]*.mar")):
            with contextlib.suppress(ArchiveRefused):
                name, version = identify(path)
                if name == model:
                    found.append((version, path))
        return found

    def adopt(self, model: str) -> dict[Path, Path]:
        """Keep what is visible, so that it is still there when something else takes its place.

        Returns:
            Each visible archive of a model, and the hidden file with the same content.
        """
        found = {}
        for version, path in self.published(model):
            place = self.kept_file(model, version)
            with in_sentences():
                if not place.exists() or place.samefile(path):
                    with contextlib.suppress(ArchiveRefused):
                        copy_archive(verify(path), place)
                if not is_copy(place, path):
                    place = path.with_name(f".{path.name}.aside")  # no name that anybody loads
                    if not is_copy(place, path):
                        copy(path, place)
            found[path] = place
        return found

    def remembered(self, model: str) -> Callable[[], None]:
        """Remember what a restart would load of a model, and its history.

        Returns:
            What puts both back. It raises StoreError where the folder cannot be written.
        """
        history = self.history(model)
        record = history.text()
        visible = [
            _Visible(path, source, digest_text(path)) for path, source in self.adopt(model).items()
        ]

        def put_back() -> None:
            with in_sentences():
                for one in visible:
                    same = is_copy(one.path, one.source)
                    put_archive(
                        None if same else self._stage(model, one.source), one.path, one.digest
                    )
                for _, path in self.published(model):
                    if path not in [one.path for one in visible]:
                        delete_archive(path)
            history.put_back(record)

        return put_back

    def publish(self, model: str, version: str, *, served_from: str | None = None) -> Path:
        """Let a restart serve this kept version of a model, and no other.

        Args:
            model: Its name.
            version: A version that is kept.
            served_from: Name of the file that the server has loaded the model from; where an
                archive of the model is there, it is the one that is exchanged.

        Returns:
            The visible archive.

        Raises:
            StoreError: It is not kept, or the folder cannot be written.
        """
        with self.publishing(model, version, served_from=served_from) as publish:
            return publish()

    @contextlib.contextmanager
    def publishing(
        self, model: str, version: str, *, served_from: str | None = None
    ) -> Iterator[Callable[[], Path]]:
        """Copy first what `publish` copies; arguments and errors are the same.

        Yields:
            Does the rest of it, which is a rename, and returns the visible archive.
        """
        source = self.kept_file(model, version)
        with in_sentences():
            if not source.is_file():
                raise StoreError(f"{source} is not there: {model} {version} cannot be published.")
            visible = list(self.adopt(model))
            place = self._place(model, visible, served_from)
            self._refuse_anothers(place, model)
            digest = digest_for(source, place)
            staged = None if is_copy(place, source) else self._stage(model, source)

        def publish() -> Path:
            with in_sentences():
                put_archive(staged, place, digest)
                for path in visible:
                    if path != place:
                        delete_archive(path)
            return place

        try:
            yield publish
        finally:
            with in_sentences():
                self._staged(model).unlink(missing_ok=True)

    def withdraw(self, model: str) -> None:
        """Let a restart serve no version of a model; all stay kept."""
        with in_sentences():
            for path in self.adopt(model):
                delete_archive(path)

    def refuse_misnamed(self, model: str, served_from: str) -> None:
        """See that a restart finds a model's archive by what the archive calls itself.

        Args:
            model: The name that it is served under.
            served_from: Name of the file that the server has loaded it from.

        Raises:
            StoreError: The file is another model's; it is served under this name because the
                server was told so, and would be again after a restart.
        """
        with contextlib.suppress(ArchiveRefused):  # it is not there: nothing is told by it
            name, _ = identify(self.folder / served_from)
            if name != model:
                raise StoreError(
                    f"{model} is served from {served_from}, an archive of {name}: the server was "
                    f"started with --models {model}={served_from}, and a restart serves that file "
                    f"whatever is the default now. Start it with --models all (load_models=all), "
                    f"and with an archive that was exported with --model-name {model}."
                )

    def _place(self, model: str, visible: list[Path], served_from: str | None) -> Path:
        if served_from and self.folder / served_from in visible:
            return self.folder / served_from
        usual = self.folder / f"{model}.mar"
        return usual if usual in visible or not visible else visible[0]

    def _staged(self, model: str) -> Path:
        return self.folder / f".{model}.publishing"

    def _stage(self, model: str, source: Path) -> Path:
        """A copy of an archive under a name that nobody loads, to be renamed."""
        copy(source, self._staged(model))
        return self._staged(model)

    def _refuse_anothers(self, place: Path, model: str) -> None:
        with contextlib.suppress(ArchiveRefused):  # a damaged one is replaced
            name, _ = identify(place)
            if name != model:
                raise StoreError(
                    f"{place} is an archive of {name}, and the name of the file that a restart "
                    f"serves {model} from: rename it."
                )


@dataclass(frozen=True)
class _Visible:
    """An archive as it lay in the model store, and the hidden file that has its content."""

    path: Path
    source: Path
    digest: str | None
