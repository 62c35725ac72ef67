import codecs

import pytest
import yaml

from export.config import read_model_config
from export.errors import ExportError
from handler.config import parse_config
from tests.models import tiny_config


def write(tmp_path, content, name="config.yaml"):
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


def changed(tmp_path, **top):
    values = yaml.safe_load(tiny_config().dump())
    values.update(top)
    return write(tmp_path, yaml.safe_dump(values))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "is not a config: .* this is a NoneType", id="empty"),
        pytest.param(b"just words", "this is a str", id="words"),
        pytest.param(b"[1, 2]", "this is a list", id="a list"),
        pytest.param(b"a: [1", "is not YAML", id="not yaml"),
        pytest.param(b"\xff\xfe\x00", "it is no text in UTF-8 or UTF-16", id="cut off UTF-16"),
        pytest.param(b"\x89PNG\r\n", "it is no text in UTF-8 or UTF-16", id="not text"),
        pytest.param(b"MODEL: 3\nVERSION: 2", "MODEL is 3; a section", id="a number for a section"),
        pytest.param(
            b"VERSION: 2\nINPUT:\n  MIN_SIZE_TEST: big", "MIN_SIZE_TEST is 'big'; a int", id="word"
        ),
        pytest.param(
            b"VERSION: 2\nSOLVER:\n  WEIGHT_DECAY_BIAS: {a: 1}",
            r"WEIGHT_DECAY_BIAS is \{'a': 1\}; a plain value is expected",
            id="a section for nothing",
        ),
        pytest.param(b"VERSION: 7", "VERSION is 7", id="a version of the future"),
        pytest.param(b"VERSION: two", "VERSION is 'two'", id="a version that is none"),
        pytest.param(
            b"VERSION: 2\nA: !!python/object/apply:os.getcwd []",
            "would run code.*os.getcwd",
            id="code",
        ),
        pytest.param(b"A: !!python/name:os.system", "would run code.*os.system", id="a function"),
        pytest.param(b"A: !mine 3", "would run code.*!mine", id="a tag of one's own"),
        pytest.param(
            b'A: !!python/object/apply:eval ["1+1"]', "would run code.*eval", id="an expression"
        ),
        pytest.param(b"_BASE_: config.yaml", "leads back to itself", id="its own base"),
        pytest.param(
            b"_BASE_: [1]", r"_BASE_ is \[1\]; a path is expected", id="a number for a base"
        ),
        pytest.param(b"_BASE_: none.yaml", r"none\.yaml cannot be read", id="no base"),
        pytest.param(b"VERSION: 2\nINPUT:\n  FORMAT: YUV", "INPUT.FORMAT is 'YUV'", id="channels"),
    ],
)
def test_says_what_is_wrong(content, sentence, tmp_path):
    with pytest.raises(ExportError, match=sentence):
        read_model_config(write(tmp_path, content))


ENCODINGS = {
    "UTF-8 with a mark": "utf-8-sig",
    "UTF-16, as PowerShell writes it": "utf-16",
    "UTF-16, big end first": "utf-16-be",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_reads_what_windows_writes(encoding, tmp_path):
    lines = tiny_config().dump().replace("somebody", "jemand mit Ümlaut").splitlines()
    text = "\r\n".join([*lines, ""])
    mark = codecs.BOM_UTF16_BE if encoding.endswith("first") else b""
    file = write(tmp_path, mark + text.encode(ENCODINGS[encoding]), "cfgdump.txt")
    assert read_model_config(file) == read_model_config(write(tmp_path, text))


def test_reports_every_wrong_value_at_once(tmp_path):
    text = "VERSION: 2\nINPUT:\n  MIN_SIZE_TEST: big\nMODEL:\n  MASK_ON: [1]\nSOLVER: 3"
    with pytest.raises(ExportError) as caught:
        read_model_config(write(tmp_path, text))
    assert [problem.split(" is ")[0].strip() for problem in caught.value.problems[1:]] == [
        "INPUT.MIN_SIZE_TEST",
        "MODEL.MASK_ON",
        "SOLVER",
    ]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        pytest.param("BASE_LR", 1, 1.0, id="an integer for a float"),
        pytest.param("BASE_LR", "1e-3", 1e-3, id="a number that yaml reads as text"),
        pytest.param("STEPS", [1, 2], (1, 2), id="a list for a tuple"),
        pytest.param("STEPS", "(1, 2)", (1, 2), id="a tuple as text"),
        pytest.param("LR_SCHEDULER_NAME", None, None, id="nothing"),
    ],
)
def test_brings_values_to_the_kind_of_their_key(name, value, kept, tmp_path):
    config = read_model_config(
        write(tmp_path, yaml.safe_dump({"VERSION": 2, "SOLVER": {name: value}}))
    )
    assert parse_config(config.text).SOLVER[name] == kept


def test_keeps_unknown_values_of_any_kind(tmp_path):
    text = "VERSION: 2\nMINE: {WHEN: 2020-01-01, DEEP: {A: [1, {B: 2}]}, 3: x}"
    config = read_model_config(write(tmp_path, text))
    kept = parse_config(config.text).MINE
    assert kept.WHEN == "2020-01-01"
    assert config.warnings == (
        "Keys that the installed Detectron2 does not know, kept as they are: MINE.",
    )


@pytest.mark.parametrize(
    ("architecture", "keys"),
    [
        ("GeneralizedRCNN", ["MODEL.ROI_HEADS.SCORE_THRESH_TEST"]),
        ("SomebodysRCNN", ["MODEL.ROI_HEADS.SCORE_THRESH_TEST"]),
        ("RetinaNet", ["MODEL.RETINANET.SCORE_THRESH_TEST"]),
        (
            "PanopticFPN",
            [
                "MODEL.ROI_HEADS.SCORE_THRESH_TEST",
                "MODEL.PANOPTIC_FPN.COMBINE.INSTANCES_CONFIDENCE_THRESH",
            ],
        ),
    ],
)
def test_the_threshold_lands_where_the_architecture_reads_it(architecture, keys, tmp_path):
    values = {"VERSION": 2, "MODEL": {"META_ARCHITECTURE": architecture}}
    file = write(tmp_path, yaml.safe_dump(values))
    before = parse_config(read_model_config(file).text)
    after = parse_config(read_model_config(file, score_threshold=0.375).text)
    changed_keys = [
        key for key in sorted(leaves(after)) if leaves(before)[key] != leaves(after)[key]
    ]
    assert changed_keys == sorted(keys)
    assert {leaves(after)[key] for key in keys} == {0.375}


def leaves(node, prefix=""):
    found = {}
    for key, value in node.items():
        name = f"{prefix}{key}"
        found.update(leaves(value, f"{name}.") if isinstance(value, dict) else {name: value})
    return found


def test_a_threshold_for_a_model_without_scores(tmp_path):
    file = write(tmp_path, "VERSION: 2\nMODEL: {META_ARCHITECTURE: SemanticSegmentor}")
    with pytest.raises(ExportError, match="SemanticSegmentor answers without scores"):
        read_model_config(file, score_threshold=0.5)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["INPUT.MIN_SIZE_TEST"], "pairs of KEY VALUE, got 1 words"),
        (["INPUT.NO_SUCH", "1"], "--opts INPUT.NO_SUCH: there is no such key"),
        (["NO.SUCH.KEY", "1"], "--opts NO.SUCH.KEY: there is no such key"),
        (["INPUT.MIN_SIZE_TEST", "x"], "--opts INPUT.MIN_SIZE_TEST is 'x'; a int is expected"),
    ],
)
def test_an_override_that_does_not_fit(overrides, sentence, tmp_path):
    with pytest.raises(ExportError, match=sentence):
        read_model_config(changed(tmp_path), overrides=overrides)


def test_clears_what_ties_it_to_the_training(tmp_path):
    text = read_model_config(changed(tmp_path)).text
    assert "somebody" not in text
    config = parse_config(text)
    assert (config.MODEL.DEVICE, config.MODEL.WEIGHTS, config.OUTPUT_DIR) == ("cpu", "", "")


def test_names_that_come_close_are_listed():
    with pytest.raises(ExportError, match=r"Did you mean .*mask_rcnn_R_50_FPN_3x\.yaml"):
        read_model_config("COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3.yaml")
