"""Which images of a data set are asked about."""

from pathlib import Path

import pytest

from client.evaluate.asking import find_images
from client.evaluate.dataset import Dataset, ImageEntry
from client.evaluate.errors import BadMaterial


class Name(str):
    """A name that counts how often all are looked up."""

    looked_up = 0

    def __hash__(self) -> int:
        Name.looked_up += 1
        return super().__hash__()


def dataset(count: int) -> Dataset:
    images = [ImageEntry(k, Name(f"{k}.png"), (8, 8)) for k in range(count)]
    return Dataset(Path("annotations.json"), tuple(images), (), ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(0, 60, 3):
        (tmp_path / f"{number}.png").touch()
    return tmp_path


def test_finds_those_that_are_there(folder):
    found = find_images(dataset(60), folder, allow_missing=True)
    assert list(found.values()) == [folder / f"{number}.png" for number in range(0, 60, 3)]
    assert [image.id for image in found] == list(range(0, 60, 3))


def test_work_grows_as_the_images_do(folder):
    Name.looked_up = 0
    find_images(dataset(400), folder, allow_missing=True)
    assert Name.looked_up < 10 * 400


@pytest.mark.parametrize("allow_missing", [False, True])
def test_refuses_a_folder_without_any(allow_missing, tmp_path):
    with pytest.raises(BadMaterial, match=r"3 images of 3 that annotations\.json names are not in"):
        find_images(dataset(3), tmp_path, allow_missing=allow_missing)
