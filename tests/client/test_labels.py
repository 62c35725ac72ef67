import numpy as np
import pytest

from client.labels import Label, _fitting, _place, _size, _touch, printable, write_labels

RED = (0, 0, 255)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("cat", "cat", id="plain"),
        pytest.param("traffic light (red)", "traffic light (red)", id="with signs"),
        pytest.param("dög", "dog", id="accents"),
        pytest.param("Ångström", "Angstrom", id="more accents"),
        pytest.param("猫", "#7", id="no letter left"),
        pytest.param("猫 cat", "? cat", id="some letters left"),
        pytest.param("", "#7", id="empty"),
        pytest.param("a\nb\tc\0", "a?b?c?", id="control characters"),
        pytest.param("½ ﬁsh", "1?2 fish", id="compatibility forms"),
        pytest.param("\ud800", "#7", id="half a surrogate"),
        pytest.param("🐈", "#7", id="emoji"),
    ],
)
def test_printable(name, text):
    assert printable(name, 7) == text


@pytest.mark.parametrize(
    "size_hw",
    [(48, 64), (480, 640), (3000, 4000), (400, 8000)],
    ids=["small", "usual", "large", "long"],
)
def test_labels_are_readable_at_every_size(size_hw):
    picture = np.full((*size_hw, 3), 90, np.uint8)
    height, width = size_hw
    write_labels(picture, [Label("cat 98%", (width // 4, height // 2, width // 2, height), RED)])
    written = (picture != 90).any(axis=2)
    rows, columns = np.flatnonzero(written.any(axis=1)), np.flatnonzero(written.any(axis=0))
    tall, wide = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert tall >= 12  # about the least at which Hershey's letters can be told apart
    assert 0.05 * min(size_hw) < wide <= width
    assert 2 < wide / tall < 8


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 500), (20, 500)], ids=str)
def test_pictures_too_low_for_text_have_none(size_hw):
    picture = np.zeros((*size_hw, 3), np.uint8)
    write_labels(picture, [Label("cat", (0, 0, 1, 1), RED)])
    assert not picture.any()


def test_long_names_are_cut_to_the_picture():
    assert _fitting("cat", 500, 0.4, 1) == "cat"
    cut = _fitting("a very long name of a class", 100, 0.4, 1)
    assert cut.startswith("a very")
    assert cut.endswith("..")
    assert _size(cut, 0.4, 1)[0] <= 100
    assert _fitting("cat", 2, 0.4, 1) == "c"


PLACES = [
    # box, taken, left and top of a label of 40 x 10 in a picture of 100 x 80
    pytest.param((20, 30, 60, 70), [], (20, 20), id="above"),
    pytest.param((20, 30, 60, 70), [(20, 25, 30, 28)], (20, 30), id="inside, at the top"),
    pytest.param((20, 30, 60, 70), [(20, 20, 30, 35)], (20, 60), id="inside, at the bottom"),
    pytest.param((20, 30, 60, 69), [(20, 20, 30, 65)], (20, 69), id="below"),
    pytest.param((20, 30, 60, 70), [(0, 0, 100, 80)], (20, 20), id="nowhere free: above"),
    pytest.param((20, 5, 60, 70), [], (20, 0), id="no room above"),
    pytest.param((90, 30, 99, 70), [], (60, 20), id="no room to the right"),
    pytest.param((-50, -40, 10, 10), [], (0, 0), id="box begins outside"),
    pytest.param((500, 500, 600, 600), [], (60, 70), id="box lies outside"),
]


@pytest.mark.parametrize(("box_xyxy", "taken", "expected_xy"), PLACES)
def test_places(box_xyxy, taken, expected_xy):
    found = _place(box_xyxy, (40, 10), (100, 80), taken)
    assert found == (*expected_xy, expected_xy[0] + 40, expected_xy[1] + 10)


def test_the_most_important_is_on_top_where_there_is_no_room():
    picture = np.zeros((60, 60, 3), np.uint8)
    boxes = [(0, 20, 30, 40)] * 9
    colours = [(0, 0, 255), *[(255, 0, 0)] * 8]
    labels = [Label("a", box, colour) for box, colour in zip(boxes, colours, strict=True)]
    write_labels(picture, labels)
    alone = np.zeros((60, 60, 3), np.uint8)
    write_labels(alone, labels[:1])
    written = alone.any(axis=2)
    np.testing.assert_array_equal(picture[written], alone[written])


def test_rectangles_that_share_an_edge_do_not_touch():
    assert not _touch((0, 0, 10, 10), (10, 0, 20, 10))
    assert _touch((0, 0, 10, 10), (9, 9, 20, 20))
