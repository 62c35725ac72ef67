import json

import pytest

from handler.metadata import ClassInfo, DetectionSpec, InputSpec, Metadata

METADATA = Metadata(
    architecture="GeneralizedRCNN",
    config_kind="yacs",
    input=InputSpec("RGB", 800, 1333),
    outputs=("boxes", "keypoints"),
    classes=(ClassInfo("a", (1, 2, 3), 7), ClassInfo("ü", (4, 5, 6))),
    files={"config.yaml": "0" * 64},
    exported_with={"torch": "2"},
    stuff_classes=(ClassInfo("sky", (0, 0, 255)),),
    keypoint_names=("nose",),
    modules=("detectron2.projects.point_rend", "mine"),
    owner_modules=("mine",),
    verification={"exact": True},
    detection=DetectionSpec(score_threshold=0.05, nms_threshold=0.5, max_detections=100),
)


def test_survives_its_file(tmp_path):
    (tmp_path / "metadata.json").write_text(METADATA.to_json(), encoding="utf-8")
    assert Metadata.read(tmp_path) == METADATA
    assert METADATA.class_names == ("a", "ü")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda document: document.pop("detection"), id="an archive made before"),
        pytest.param(lambda document: document.update(detection=None), id="no detections"),
    ],
)
def test_what_the_network_leaves_out_may_be_unknown(change):
    document = json.loads(METADATA.to_json())
    change(document)
    assert Metadata.from_json(json.dumps(document)).detection is None


def test_refuses_a_newer_format():
    text = METADATA.to_json().replace('"format_version": 1', '"format_version": 2')
    with pytest.raises(ValueError, match="it has format version 2, 1 is read here"):
        Metadata.from_json(text)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "{}", '{"format_version": 1}', '{"format_version": 1, "x": 2}']
)
def test_refuses_what_is_no_metadata(text):
    with pytest.raises(ValueError, match=r"metadata\.json cannot be read"):
        Metadata.from_json(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in ("classes", "input", "outputs") for value in (None, 3)),
        ("detection", 3),
        ("detection", {"score_threshold": 0.05}),
    ],
)
def test_refuses_values_of_another_kind(key, value):
    document = {**json.loads(METADATA.to_json()), key: value}
    with pytest.raises(ValueError, match=r"metadata\.json cannot be read"):
        Metadata.from_json(json.dumps(document))
