from pathlib import Path

import pytest

from client.errors import ClientError
from client.inputs.finding import find_inputs
from client.inputs.naming import name_inputs

FILES = [
    "a.jpg",
    "b.PNG",
    "clip.mp4",
    "notes.txt",
    "labels.json",
    "README",
    ".hidden.jpg",
    "._a.jpg",
    "[x].jpg",
    "sub/a.jpg",
    "sub/deep/c.tiff",
    ".git/d.jpg",
    "out/e.jpg",
]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    for name in FILES:
        file = tmp_path / "photographs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photographs"


def names(found, folder: Path) -> list[str]:
    return [str(Path(one.path).relative_to(folder)) for one in found.files]


ALL = ["[x].jpg", "a.jpg", "b.PNG", "clip.mp4", "sub/a.jpg", "sub/deep/c.tiff"]

WORDS = [
    pytest.param(["photographs/a.jpg"], ["a.jpg"], id="a file"),
    pytest.param(["photographs/notes.txt"], ["notes.txt"], id="a file of another kind"),
    pytest.param(["photographs/.hidden.jpg"], [".hidden.jpg"], id="a hidden file"),
    pytest.param(["photographs"], ALL, id="a folder"),
    pytest.param(["photographs/"], ALL, id="a folder with a slash"),
    pytest.param(["./photographs/../photographs"], ALL, id="a folder by a detour"),
    pytest.param(["photographs/sub"], ["sub/a.jpg", "sub/deep/c.tiff"], id="a folder below"),
    pytest.param(["photographs/*.jpg"], ["[x].jpg", "a.jpg"], id="a pattern"),
    pytest.param(["photographs/**/*.jpg"], ["[x].jpg", "a.jpg", "sub/a.jpg"], id="**"),
    pytest.param(["photographs/[os]*"], ["sub/a.jpg", "sub/deep/c.tiff"], id="the output matches"),
    pytest.param(["photographs/*/*.jpg"], ["sub/a.jpg"], id="what is in the output matches"),
    pytest.param(
        ["photographs/sub", "photographs/out"],
        ["sub/a.jpg", "sub/deep/c.tiff"],
        id="the output among others, as a shell writes a pattern out",
    ),
    pytest.param(["photographs/out/*.jpg"], ["out/e.jpg"], id="a pattern in the output"),
    pytest.param(["photographs/?.*"], ["a.jpg", "b.PNG"], id="a pattern of other kinds"),
    pytest.param(["photographs/s*"], ["sub/a.jpg", "sub/deep/c.tiff"], id="a pattern of folders"),
    pytest.param(["photographs/[x].jpg"], ["[x].jpg"], id="a file called as a pattern looks"),
    pytest.param(
        ["photographs/b.PNG", "photographs/a.jpg", "photographs"],
        ["b.PNG", "a.jpg", "[x].jpg", "clip.mp4", "sub/a.jpg", "sub/deep/c.tiff"],
        id="each once, in the order of the words",
    ),
    pytest.param(["empty"], [], id="an empty folder"),
    pytest.param([], [], id="nothing"),
]


@pytest.mark.parametrize(("words", "expected"), WORDS)
def test_words(folder, words, expected):
    found = find_inputs(words, output=folder / "out")
    assert names(found, folder) == expected
    assert [one.is_video for one in found.files] == [name == "clip.mp4" for name in expected]
    absolute = [str(folder.parent / word) for word in words]
    assert names(find_inputs(absolute, output=folder / "out"), folder) == expected


def test_what_is_passed_over_is_counted(folder):
    found = find_inputs(["photographs"], output=folder / "out")
    assert dict(found.passed_over) == {".txt": 1, ".json": 1, "without suffix": 1}


@pytest.mark.parametrize(
    ("word", "depths"),
    [
        ("photographs/sub/deep/c.tiff", [1]),
        ("photographs/sub", [1, 2]),
        ("photographs/**/c.*", [3]),
        ("./photographs/sub/**/c.*", [2]),
        ("photographs/../photographs/*/a.jpg", [2]),
        ("photographs/*/../a.jpg", [1]),
        ("p*/sub", [3, 4]),
        ("photographs/[ab].*", [1, 1]),
    ],
)
def test_names_of_a_folder_or_pattern_begin_below_it(folder, word, depths):
    assert [one.depth for one in find_inputs([word], output=folder / "out").files] == depths


def test_a_pattern_finds_the_names_that_its_folder_does(folder):
    named = [find_inputs([word], output=folder / "out") for word in ("photographs",
             "photographs/**/*.jpg")]  # fmt: skip
    names_of = [{one.path: one.name for one in name_inputs(found.files)} for found in named]
    images = {path: name for path, name in names_of[0].items() if path.endswith(".jpg")}
    assert names_of[1] == images
    assert set(images.values()) == {"[x].jpg", "a.jpg", "sub/a.jpg"}


def test_what_a_shell_has_written_out_keeps_its_folders(folder):
    """As `photographs/*/*.jpg`, and what `**` is to a shell that does not know it."""
    for name in ("sub/b.jpg", "more/a.jpg", "few/c.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    words = [
        f"photographs/{name}" for name in ("few/c.jpg", "more/a.jpg", "sub/a.jpg", "sub/b.jpg")
    ]
    found = name_inputs(find_inputs(words, output=folder / "out").files)
    assert [one.name for one in found] == ["few/c.jpg", "more/a.jpg", "sub/a.jpg", "sub/b.jpg"]
    assert [one.output for one in found] == [one.name for one in found]


def test_links_that_were_typed_keep_their_names_and_lead_to_one_file_once(folder):
    (folder.parent / "val").symlink_to(folder / "sub")
    for word in ("val", "val/a.jpg", "val/*.jpg", "v*/a.jpg"):
        found = find_inputs([word, "photographs/sub/a.jpg"], output=folder / "out").files
        assert found[0].path == f"{folder.parent}/val/a.jpg"
        assert [one.path for one in found].count(f"{folder}/sub/a.jpg") == 0


def test_words_that_nothing_is_found_for_are_all_named(folder):
    words = ["photographs/gone.jpg", "photographs/a.jpg", "nowhere", "photographs/*.gif"]
    with pytest.raises(ClientError) as caught:
        find_inputs(words, videos=["gone.avi"], output=folder / "out")
    assert str(caught.value) == (
        "There is no file, folder or match for photographs/gone.jpg, nowhere, photographs/*.gif, "
        "gone.avi."
    )


def test_a_folder_that_is_named_is_looked_into_whatever_is_written_there(folder):
    found = find_inputs(["photographs/out"], output=folder / "out")
    assert names(found, folder) == ["out/e.jpg"]


def test_videos_by_name(folder):
    found = find_inputs(["photographs/a.jpg"], videos=["photographs/a.jpg"], output=folder / "out")
    assert [(one.path, one.is_video) for one in found.files] == [(f"{folder}/a.jpg", True)]


def test_links_are_followed_and_circles_end(folder):
    (folder / "sub" / "up").symlink_to(folder)
    (folder.parent / "linked").symlink_to(folder / "sub")
    (folder.parent / "link.jpg").symlink_to(folder / "notes.txt")
    assert names(find_inputs(["photographs"], output=folder / "out"), folder) == ALL
    linked = find_inputs(["linked"], output=folder / "out")
    assert [Path(one.path).name for one in linked.files][:1] == ["a.jpg"]
    (one,) = find_inputs(["link.jpg"], output=folder / "out").files
    assert one.path.endswith("/link.jpg")
