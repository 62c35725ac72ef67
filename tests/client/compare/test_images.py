"""Which images are compared, and what is said where there are none."""

import json

import pytest

from client.compare.images import annotated_images, bare_images
from client.errors import ClientError
from tests.images import noise_bgr, png


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photographs"
    (folder / "below").mkdir(parents=True)
    for name in ("a.png", "below/b.png"):
        (folder / name).write_bytes(png(noise_bgr(8, 8)))
    (folder / "notes.txt").write_text("")
    (folder / "clip.mp4").write_bytes(b"")
    return folder


def test_images_of_folders_by_names_of_their_own(folder, tmp_path):
    found = bare_images([str(folder)], output=tmp_path / "out")
    assert list(found.files) == ["a.png", "below/b.png"]
    assert all(file.is_file() for file in found.files.values())
    assert found.dataset is None
    assert found.notes == ("Files that are no images were passed over: 1 .txt, 1 videos.",)


def test_images_whose_names_differ_in_case(folder, tmp_path):
    (folder / "A.PNG").write_bytes(png(noise_bgr(8, 8)))
    found = bare_images([str(folder)], output=tmp_path / "out")
    assert list(found.files) == ["A.PNG", "a.png", "below/b.png"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["{tmp}/empty"], "There is no image in {tmp}/empty; nothing is", id="empty"),
        pytest.param(["{tmp}/photographs/clip.mp4"], "there are others: 1 videos", id="video"),
        pytest.param(["{tmp}/none"], "There is no file, folder or match for {tmp}/none", id="none"),
    ],
)
def test_no_images(words, sentence, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClientError) as refused:
        bare_images([word.format(tmp=tmp_path) for word in words], output=tmp_path / "out")
    assert sentence.format(tmp=tmp_path) in str(refused.value)


@pytest.fixture
def annotations(tmp_path):
    file = tmp_path / "val.json"
    images = [
        {"id": id_, "file_name": name, "height": 8, "width": 8}
        for id_, name in enumerate(("a.png", "below/b.png", "c.png"), start=1)
    ]
    categories = [{"id": 1, "name": "cat"}]
    file.write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))
    return file


def test_images_of_annotations(folder, annotations):
    with pytest.raises(ClientError, match=r"1 image of 3 that .* names is not in .*: c\.png\."):
        annotated_images(annotations, folder)
    found = annotated_images(annotations, folder, allow_missing=True)
    assert list(found.files) == list(found.entries) == ["a.png", "below/b.png"]
    assert found.entries["below/b.png"].id == 2
    assert found.notes == (
        "1 image of the annotations is not there and left out of all numbers, as --allow-missing "
        "says.",
    )


def test_a_folder_without_any_of_them(annotations, tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(ClientError, match="3 images of 3 that"):
        annotated_images(annotations, tmp_path / "other", allow_missing=True)
