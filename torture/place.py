"""Where faults are done: folders, model stores, and one server at a time."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from handler.layout import MODEL_CONFIG_FILE
from torture.account import is_well_formed
from torture.errors import TortureError
from torture.load import OK, TIMEOUT_S, Load, send
from torture.material.photographs import parts
from torture.served import MODEL, Served
from torture.variants import Edit, make_variant

T = TypeVar("T")
Say = Callable[[str], None]

VERSION = "1.0"


@dataclass(frozen=True)
class Setting:
    """What an owner has set otherwise than it is shipped.

    Attributes:
        name: Of its folder.
        model_config: Lines of the archive's model-config.yaml.
        limits: Lines of its `detectron2` section.
        arguments: Of `python -m server`.
        properties: Lines of config.properties.
    """

    name: str
    model_config: Mapping[str, object] = field(default_factory=dict)
    limits: Mapping[str, object] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_shipped(self) -> bool:
        """Whether the archive is as `python -m export` made it."""
        return not self.model_config and not self.limits


SHIPPED = Setting("shipped")
BATCHED = Setting("batched", {"batchSize": 4, "maxBatchDelay": 20})
FOURS = Setting("fours", {"batchSize": 4})  # they wait for one another as long as is shipped
NARROW = Setting(
    "narrow", {"responseTimeout": 5, "jobQueueSize": 8}, {"max_response_bytes": 50_000}
)


@dataclass(frozen=True)
class Scene:
    """A server that answers.

    Attributes:
        served: It.
        images: What a load sends.
        expected: What the model says of each.
    """

    served: Served
    images: Sequence[bytes]
    expected: Sequence[Any]

    def load(
        self, *, threads: int = 3, own_image: bool = False, timeout_s: float = TIMEOUT_S
    ) -> Load:
        """A steady load, half of it asks for the version by name; see `Load`."""
        return Load(
            [self.served.url, f"{self.served.url}/{VERSION}"],
            self.served.token,
            self.images,
            threads=threads,
            own_image=own_image,
            timeout_s=timeout_s,
        )


class Place:
    """Folders for the servers of one run; a server that several faults can be done to is kept."""

    def __init__(self, *, folder: Path, archive: Path, quick: bool, say: Say) -> None:
        """Set up.

        Args:
            folder: A short path: sockets are in it, whose paths may have 107 characters.
            archive: Of the coins model.
            quick: Whether few seconds matter more than many requests.
            say: Gets a line for what is going on.
        """
        self.folder = folder
        self.archive = archive
        self.quick = quick
        self.say = say
        self._left: list[str] = []
        self._kept: tuple[Setting, Served, Scene] | None = None

    def pick(self, quick: T, full: T) -> T:
        """One of two figures, by the form of the run."""
        return quick if self.quick else full

    def scene(self, setting: Setting) -> Scene:
        """A server of this setting that answers; the one that was there, if it has it."""
        if self._kept is not None and self._kept[0] == setting:
            return self._kept[2]
        self.close()
        self.say(f"starting a server ({setting.name})")
        served = Served(
            store=self.store(setting),
            folder=self.folder / setting.name,
            arguments=setting.arguments,
            properties=setting.properties,
        )
        served.__enter__()
        self._kept = setting, served, Scene(served, (), ())
        served.start()
        served.wait_until_ready()
        scene = look(served)
        self._kept = setting, served, scene
        return scene

    def store(self, setting: Setting, edits: Mapping[str, Edit] | None = None) -> Path:
        """A model store of its own with the archive, set so, and edited; digests are right."""
        folder = self.folder / f"{setting.name}-store"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        archive = folder / f"{MODEL}.mar"
        if setting.is_shipped and not edits:
            shutil.copy(self.archive, archive)
            shutil.copy(_digest(self.archive), _digest(archive))
            return folder

        def settings(content: bytes) -> bytes:
            shipped = yaml.safe_load(content)
            limits = {**shipped["detectron2"], **setting.limits}
            return yaml.safe_dump(
                {**shipped, **setting.model_config, "detectron2": limits}
            ).encode()

        make_variant(self.archive, archive, VERSION, {MODEL_CONFIG_FILE: settings, **(edits or {})})
        return folder

    def check(self) -> list[str]:
        """What is wrong with the server that is kept, if one is; then it is stopped.

        Every fault has to leave a server that answers as it did before, and no process of one that
        was stopped.
        """
        problems = []
        if self._kept is not None:
            _, served, scene = self._kept
            try:
                served.wait_until_ready(60)
                if look(served).expected != scene.expected:
                    problems.append("The server answers otherwise than before.")
            except TortureError as error:
                problems.append(f"The server did not come back: {error}")
            if problems:
                self.close()
        problems += self._left
        self._left.clear()
        return problems

    def close(self) -> None:
        """Stop the server that is kept."""
        if self._kept is not None:
            _, served, _ = self._kept
            self._kept = None
            served.__exit__(None, None, None)
            self._left += served.left


def look(served: Served) -> Scene:
    """Ask a server about each image once.

    Raises:
        TortureError: It has no answer.
    """
    images = parts()
    outcomes = [send(served.url, served.token, image) for image in images]
    for outcome in outcomes:
        if outcome.status != OK or not is_well_formed(outcome):
            raise TortureError(f"No answer to begin with: {outcome.status} {outcome.document}")
    return Scene(served, images, [outcome.document for outcome in outcomes])


def _digest(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sha256")
