import os
from pathlib import Path

import fsspec
import pytest

from client.errors import ClientError
from client.inputs.finding import find_inputs
from client.inputs.naming import name_inputs
from deploy.ray.jobs.inputs.folder import images_of_folder

FILES = [
    "b.jpg",
    "B.PNG",
    "a.jpeg",
    "a.txt",
    "README",
    ".hidden.jpg",
    "sub/z.tiff",
    "sub/deep/c.webp",
    "sub-2/d.bmp",
    ".git/e.jpg",
    "out/f.jpg",
]
FOUND = ["B.PNG", "a.jpeg", "b.jpg", "sub/z.tiff", "sub/deep/c.webp", "sub-2/d.bmp"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        file = tmp_path / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "images"


def listed(root: object, output: Path | None = None):
    return list(images_of_folder(*fsspec.url_to_fs(str(root)), output=output))


def test_names_order_and_ids_are_those_of_the_client(folder):
    found = listed(folder, folder / "out")
    inputs = name_inputs(find_inputs([str(folder)], output=folder / "out").files)
    assert [(one.path, one.name) for one in found] == [(one.path, one.name) for one in inputs]
    assert [one.id for one in found] == list(range(1, len(inputs) + 1))
    assert sorted(one.name for one in found) == sorted(FOUND)


def test_links_that_lead_back_are_followed_once(folder):
    (folder / "sub" / "back").symlink_to(folder)
    (folder / "more").symlink_to(folder / "sub-2")
    names = [one.name for one in listed(folder, folder / "out")]
    assert len(names) == len(FOUND)
    assert "more/d.bmp" in names


def test_a_name_that_is_no_text_opens_its_file(folder):
    name = os.fsdecode(b"caf\xe9.jpg")
    (folder / "sub-2" / name).write_bytes(b"1")
    (found,) = [one for one in listed(folder) if one.name == f"sub-2/{name}"]
    assert Path(found.path).read_bytes() == b"1"


def test_a_folder_that_is_none_of_the_machine(folder, memory):
    for name in FILES:
        memory.pipe_file(f"/bucket/images/{name}", b"")
    found = listed("memory://bucket/images")
    assert [one.name for one in found] == [
        *("B.PNG", "a.jpeg", "b.jpg", "out/f.jpg"),
        *("sub/z.tiff", "sub/deep/c.webp", "sub-2/d.bmp"),
    ]
    assert found[3].path == "memory:///bucket/images/out/f.jpg"
    assert memory.exists(found[3].path)


def test_no_more_than_one_folder_is_kept(folder, memory, monkeypatch):
    """File systems of object stores keep what they have listed until they are told not to."""
    kept, most, original = set(), [], type(memory).ls

    def ls(self, path, **options):
        kept.add(path)
        most.append(len(kept))
        return original(self, path, **options)

    monkeypatch.setattr(type(memory), "ls", ls)
    monkeypatch.setattr(type(memory), "invalidate_cache", lambda *_: kept.clear())
    for name in FILES:
        memory.pipe_file(f"/bucket/images/{name}", b"")
    assert len(listed("memory://bucket/images")) > 0
    assert len(most) > 2
    assert max(most) == 1


def test_a_folder_that_cannot_be_read(tmp_path):
    with pytest.raises(ClientError, match=r"cannot be read: .*No such file"):
        listed(tmp_path / "gone")


def test_a_folder_without_images(tmp_path):
    assert listed(tmp_path) == []
