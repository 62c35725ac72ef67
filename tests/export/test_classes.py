import json

import pytest

from export.classes import Count, find_labels
from export.errors import ExportError

NOTHING = Count(0, "STUFF")


def find(classes=None, count=2, *, stuff_classes=None, stuff=0, datasets=(), keypoints=0):
    return find_labels(
        classes=classes,
        stuff_classes=stuff_classes,
        datasets=datasets,
        things=Count(count, "THINGS"),
        stuff=Count(stuff, "STUFF"),
        keypoints=keypoints,
    )


def names(classes):
    return tuple(one.name for one in classes)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("cat\ndog\n", ("cat", "dog"), id="one a line"),
        pytest.param("cat\r\n\n  dog  ", ("cat", "dog"), id="windows, blank lines and spaces"),
        pytest.param("traffic light, red\ndog", ("traffic light, red", "dog"), id="a comma inside"),
        pytest.param("Straße\n犬", ("Straße", "犬"), id="not ascii"),
        pytest.param("\ufeffcat\ndog", ("cat", "dog"), id="as windows editors begin"),
    ],
)
def test_reads_a_file(content, expected, tmp_path):
    file = tmp_path / "classes.txt"
    file.write_text(content, encoding="utf-8")
    assert names(find(str(file)).classes) == expected


def test_reads_what_powershell_writes(tmp_path):
    file = tmp_path / "classes.txt"
    file.write_bytes("Straße\r\ndog\r\n".encode("utf-16"))
    assert names(find(str(file)).classes) == ("Straße", "dog")


def test_reads_a_list():
    assert names(find("cat, dog").classes) == ("cat", "dog")


def test_reads_a_list_that_is_too_long_for_the_name_of_a_file():
    many = [f"a_class_with_a_long_name_{index}" for index in range(80)]
    assert names(find(",".join(many), 80).classes) == tuple(many)


def test_reads_the_categories_of_coco_annotations_in_the_order_of_their_ids(tmp_path):
    file = tmp_path / "annotations.json"
    categories = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat", "supercategory": "animal"}]
    file.write_text(json.dumps({"images": [], "annotations": [], "categories": categories}))
    found = find(str(file)).classes
    assert [(one.name, one.dataset_id) for one in found] == [("cat", 3), ("dog", 7)]


def test_every_class_has_a_colour_of_its_own():
    colours = {one.color_rgb for one in find(None, 200).classes}
    assert len(colours) > 190
    assert all(0 <= part <= 255 for colour in colours for part in colour)


def test_classes_without_names_are_numbered_with_a_warning():
    labels = find(None)
    assert names(labels.classes) == ("class_0", "class_1")
    assert "the 2 classes of THINGS are called class_0" in labels.warnings[0]


@pytest.mark.parametrize(
    ("dataset", "things", "stuff", "first", "dataset_id"),
    [
        ("coco_2017_val", 80, 0, "person", 1),
        ("coco_2017_val_panoptic_separated", 80, 54, "person", 1),
        ("keypoints_coco_2017_val", 1, 0, "person", None),
        ("cityscapes_fine_instance_seg_val", 8, 0, "person", None),
        ("lvis_v1_val", 1203, 0, "aerosol_can", None),
        ("voc_2007_test", 20, 0, "aeroplane", None),
    ],
)
def test_knows_the_data_sets_of_detectron2(dataset, things, stuff, first, dataset_id):
    labels = find(None, things, stuff=stuff, datasets=("somebodys", dataset))
    assert labels.classes[0].name == first
    assert labels.classes[0].dataset_id == dataset_id
    assert len(labels.stuff_classes) == stuff
    assert labels.warnings == ()


def test_keypoint_names_travel_along():
    labels = find(None, 1, datasets=("keypoints_coco_2017_val",), keypoints=17)
    assert labels.keypoint_names[:2] == ("nose", "left_eye")
    assert find("person", 1, keypoints=3).keypoint_names == (
        "keypoint_0",
        "keypoint_1",
        "keypoint_2",
    )


def test_a_data_set_of_another_number_of_classes_is_not_believed():
    labels = find(None, 3, datasets=("coco_2017_val",))
    assert names(labels.classes) == ("class_0", "class_1", "class_2")


def test_classes_name_segmentation_where_there_are_no_instances():
    labels = find("road,sky", 0, stuff=2)
    assert labels.classes == ()
    assert names(labels.stuff_classes) == ("road", "sky")


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        pytest.param(
            {"classes": "cat,cat", "count": 3},
            [
                "--classes cat,cat gives 2 names, THINGS is 3.",
                "--classes cat,cat gives a name twice: cat.",
            ],
            id="both problems at once",
        ),
        pytest.param(
            {"classes": "cat", "stuff_classes": "a,b", "stuff": 3},
            [
                "--classes cat gives 1 names, THINGS is 2.",
                "--stuff-classes a,b gives 2 names, STUFF is 3.",
            ],
            id="of both kinds at once",
        ),
        pytest.param(
            {"classes": "cat", "count": 0},
            ["--classes cat: the config's network has no such classes."],
            id="for a network without classes",
        ),
    ],
)
def test_reports_all_problems(arguments, problems):
    with pytest.raises(ExportError) as caught:
        find(**arguments)
    assert caught.value.problems[: len(problems)] == tuple(problems)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("classes.txt", b"\xff\xfe\x00", id="not text"),
        pytest.param("classes.json", b"{", id="not json"),
        pytest.param("classes.json", b"[]", id="no categories"),
        pytest.param("classes.json", b'{"categories": [{"id": 1}]}', id="categories without names"),
        pytest.param("classes.json", b'{"categories": 3}', id="a number of categories"),
    ],
)
def test_refuses_a_file_that_holds_no_classes(name, content, tmp_path):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ExportError, match="cannot be read"):
        find(str(file))
