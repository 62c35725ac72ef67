import pytest

from client.inputs.finding import VIDEO_SUFFIXES, Found
from client.inputs.naming import name_inputs


def named(*files: tuple[str, int] | str) -> list[tuple[str, str]]:
    found = []
    for file in files:
        path, depth = (file, 1) if isinstance(file, str) else file
        found.append(Found(path, depth, f".{path.rpartition('.')[2].lower()}" in VIDEO_SUFFIXES))
    return [(one.name, one.output) for one in name_inputs(found)]


NAMES = [
    pytest.param(["/d/a.jpg"], [("a.jpg", "a.jpg")], id="as it is called"),
    pytest.param([("/d/sub/a.jpg", 2)], [("sub/a.jpg", "sub/a.jpg")], id="below a folder"),
    pytest.param(["/d/a.heic"], [("a.heic", "a.heic.png")], id="a suffix that is not written"),
    pytest.param(["/d/a"], [("a", "a.png")], id="no suffix"),
    pytest.param(["/d/a."], [("a.", "a..png")], id="a point alone"),
    pytest.param(
        ["/d/a.j\udcdf"], [("a.j\udcdf", "a.j\udcdf.png")], id="a suffix that is not UTF-8"
    ),
    pytest.param(["/d/a.mov"], [("a.mov", "a.mp4")], id="a video"),
    pytest.param(["/d/a.MP4"], [("a.MP4", "a.mp4")], id="a video in capitals"),
    pytest.param(
        ["/d/1/a.jpg", "/d/2/a.jpg", "/d/2/b.jpg"],
        [("1/a.jpg", "1/a.jpg"), ("2/a.jpg", "2/a.jpg"), ("2/b.jpg", "2/b.jpg")],
        id="one name in two folders, and another beside it",
    ),
    pytest.param(
        ["/d/1/a.jpg", "/d/2/a.jpg", "/d/3/b.jpg", "/d/3/deep/c.jpg", "/d/e.jpg", "/other/f.jpg"],
        [
            *(("1/a.jpg", "1/a.jpg"), ("2/a.jpg", "2/a.jpg"), ("3/b.jpg", "3/b.jpg")),
            *(("3/deep/c.jpg", "3/deep/c.jpg"), ("e.jpg", "e.jpg"), ("f.jpg", "f.jpg")),
        ],
        id="one name in two folders, and others below the same one",
    ),
    pytest.param(
        ["/d/1/a.jpg", "/d/2/b.jpg"],
        [("a.jpg", "a.jpg"), ("b.jpg", "b.jpg")],
        id="two folders without a name that both have",
    ),
    pytest.param(
        ["/1/d/a.jpg", "/2/d/a.jpg"],
        [("1/d/a.jpg", "1/d/a.jpg"), ("2/d/a.jpg", "2/d/a.jpg")],
        id="and their folders called the same",
    ),
    pytest.param(
        ["/a.jpg", "/d/a.jpg"], [("a.jpg", "a.jpg"), ("d/a.jpg", "d/a.jpg")], id="one at the top"
    ),
    pytest.param(
        ["/d/1/a.jpg", "/d/2/A.JPG"],
        [("1/a.jpg", "1/a.jpg"), ("2/A.JPG", "2/A.JPG")],
        id="case alone",
    ),
    pytest.param(
        ["/d/a.mp4", "/d/a.avi", "/d/b.avi"],
        [("a.mp4", "a.mp4"), ("a.avi", "a.avi.mp4"), ("b.avi", "b.mp4")],
        id="videos of one stem",
    ),
    pytest.param(
        ["/d/a.avi", "/d/a.mov"],
        [("a.avi", "a.avi.mp4"), ("a.mov", "a.mov.mp4")],
        id="videos of one stem, none of them an mp4",
    ),
    pytest.param(
        ["/1/a.avi", "/2/a.mp4"],
        [("1/a.avi", "1/a.mp4"), ("2/a.mp4", "2/a.mp4")],
        id="videos of one stem in two folders",
    ),
    pytest.param(
        [("/d/s/a.jpg", 2), ("/e/s/a.jpg", 2), "/e/s/b.jpg"],
        [("d/s/a.jpg", "d/s/a.jpg"), ("e/s/a.jpg", "e/s/a.jpg"), ("e/s/b.jpg", "e/s/b.jpg")],
        id="folders of two folders",
    ),
    pytest.param(
        ["/d/a/x.avi", "/d/a/x.mov", "/d/b/x.avi"],
        [("a/x.avi", "a/x.avi.mp4"), ("a/x.mov", "a/x.mov.mp4"), ("b/x.avi", "b/x.mp4")],
        id="videos of one name whose pictures have others",
    ),
    pytest.param(
        ["/d/a.jpg", "/d/A.jpg", "/d/a.JPG", "/d/b.jpg"],
        [("a.jpg", "a.3.jpg"), ("A.jpg", "A.jpg"), ("a.JPG", "a.2.JPG"), ("b.jpg", "b.jpg")],
        id="case alone in one folder",
    ),
    pytest.param(
        [("/d/X/a.jpg", 2), ("/d/x/a.jpg", 2)],
        [("X/a.jpg", "X/a.jpg"), ("x/a.jpg", "x/a.2.jpg")],
        id="folders that differ in case alone",
    ),
    pytest.param(
        ["/d/a.heic", "/d/a.heic.png", "/d/a.heic.2.png"],
        [
            ("a.heic", "a.heic.png"),
            ("a.heic.png", "a.heic.3.png"),
            ("a.heic.2.png", "a.heic.2.png"),
        ],
        id="a picture called as another image",
    ),
    pytest.param(
        [("/h/d/s/a.jpg", 2), ("/h/d/s/t/b.jpg", 3), ("/h/d/s/c.jpg", 2), ("/h/e/s/a.jpg", 2)],
        [(f"{name}.jpg", f"{name}.jpg") for name in ("d/s/a", "d/s/t/b", "d/s/c", "e/s/a")],
        id="a folder is not torn apart",
    ),
    pytest.param(
        ["/h/d/a.jpg", "/h/d/b.jpg", "/h/d/s/a.jpg", "/h/d/s/c.jpg", "/h/d/t/a.jpg"],
        [(f"{name}.jpg", f"{name}.jpg") for name in ("a", "b", "s/a", "s/c", "t/a")],
        id="a folder and those in it",
    ),
    pytest.param([], [], id="nothing"),
]


@pytest.mark.parametrize(("files", "expected"), NAMES)
def test_names(files, expected):
    assert named(*files) == expected


def test_names_do_not_depend_on_the_order():
    files = ["/d/1/a.jpg", "/d/2/a.jpg", "/d/2/b.jpg", "/d/2/B.jpg", "/d/a.avi", "/d/a.mov"]
    assert sorted(named(*files)) == sorted(named(*files[::-1]))
