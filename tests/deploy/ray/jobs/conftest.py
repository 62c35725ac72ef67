"""Folders of images, and jobs that are begun without a cluster."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from deploy.ray.jobs.inputs.opening import open_input
from deploy.ray.jobs.listing import write_list
from deploy.ray.jobs.storage import Storage
from tests.images import noise_bgr, png


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Five small images, one of them in a folder below, and one file that is none."""
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    for number in range(4):
        (folder / f"{number}.png").write_bytes(png(noise_bgr(64, 96, number)))
    (folder / "sub" / "4.png").write_bytes(png(noise_bgr(96, 64, 4)))
    (folder / "bad.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("of another kind")
    return folder


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    """A file system that is none of the machine: what is written is there at once, as a whole."""
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


@pytest.fixture(params=["folder", "object store"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, memory: object) -> Storage:
    """An empty place of each kind."""
    return Storage(str(tmp_path / "out") if request.param == "folder" else "memory://bucket/out")


@pytest.fixture
def begun(images: Path, storage: Storage) -> Storage:
    """A job of six images in two parts, listed and not begun."""
    storage.write("run.json", b'{"token": "t0"}')
    write_list(storage, "t0", open_input(str(images)).listed(), images_per_part=4)
    return storage
