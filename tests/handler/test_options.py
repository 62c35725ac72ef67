import pytest

from handler.errors import InvalidOption
from handler.options import Options, options_of_headers, parse_options

CLASSES = ("cat", "dog", "traffic light")


def parse(**given):
    return parse_options(given, class_names=CLASSES, formats=("native", "coco"))


def test_nothing_given_is_everything_answered():
    assert parse() == Options()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"score_threshold": "0.5"}, Options(score_threshold=0.5)),
        ({"score_threshold": 1}, Options(score_threshold=1.0)),
        ({"max_detections": "3"}, Options(max_detections=3)),
        ({"max_detections": 0}, Options(max_detections=0)),
        ({"max_detections": 3.0}, Options(max_detections=3)),
        ({"classes": "dog, traffic light"}, Options(classes=frozenset({1, 2}))),
        ({"classes": "1,cat"}, Options(classes=frozenset({0, 1}))),
        ({"classes": ["dog", 2]}, Options(classes=frozenset({1, 2}))),
        ({"classes": 2}, Options(classes=frozenset({2}))),
        ({"classes": []}, Options(classes=frozenset())),
        ({"format": "coco"}, Options(format="coco")),
        ({"tile": "640"}, Options(tile=640)),
        ({"tile": 64.0}, Options(tile=64)),
        ({"tile": 10**15, "overlap": "0.5"}, Options(tile=10**15, overlap=0.5)),
        ({"overlap": 0}, Options(overlap=0.0)),
        ({"image_id": "17"}, Options(image_id=17)),
        ({"image_id": "a.jpg"}, Options(image_id="a.jpg")),
        ({"from_name": "box", "to_name": "picture"}, Options(from_name="box", to_name="picture")),
    ],
)
def test_reads_text_and_json_values(given, expected):
    assert parse(**given) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"treshold": 1}, "unknown option treshold, known are score_threshold, max_detections"),
        ({"score_threshold": "high"}, "score_threshold is 'high', a number is accepted"),
        ({"score_threshold": "1.5"}, "a number from 0 to 1 is accepted"),
        ({"score_threshold": "nan"}, "a finite number is accepted"),
        ({"score_threshold": "1e999"}, "a finite number is accepted"),
        ({"score_threshold": None}, "score_threshold is None"),
        ({"score_threshold": True}, "score_threshold is True"),
        ({"score_threshold": 10**400}, "a number is accepted"),
        ({"max_detections": -1}, "a whole number from 0 on"),
        ({"max_detections": 1.5}, "a whole number from 0 on"),
        ({"classes": "cow"}, "'cow' is not a class of this model"),
        ({"classes": "3"}, "the model has the class ids 0 to 2"),
        ({"classes": {"a": 1}}, "class names or ids are accepted"),
        ({"classes": [[1]]}, "is not a class of this model"),
        ({"format": "xml"}, "format is 'xml', native, coco are accepted"),
        ({"format": ["coco"]}, "native, coco are accepted"),
        ({"tile": 63}, "tile is 63, a whole number from 64 on is accepted"),
        ({"tile": "64.5"}, "a whole number from 64 on is accepted"),
        ({"tile": 0}, "a whole number from 64 on is accepted"),
        ({"tile": True}, "tile is True, a number is accepted"),
        ({"tile": "1e999"}, "a finite number is accepted"),
        ({"overlap": 0.51}, "overlap is 0.51, a number from 0 to 0.5 is accepted"),
        ({"overlap": -0.1}, "a number from 0 to 0.5 is accepted"),
        ({"image_id": [1]}, "a whole number or text"),
        ({"from_name": ""}, "text is accepted"),
        ({"format": "x" * 1000}, r"xxx\.\.\.x+', native"),
    ],
)
def test_refuses_with_a_sentence(given, sentence):
    with pytest.raises(InvalidOption, match=sentence):
        parse(**given)


def test_an_error_stays_short_whatever_was_sent():
    with pytest.raises(InvalidOption) as caught:
        parse(**{f"option_{index}_{'x' * 1000}": 1 for index in range(1000)})
    assert "and 990 more, known are" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_names_every_mistake_at_once():
    with pytest.raises(InvalidOption) as caught:
        parse(treshold=1, score_threshold=2, format="xml")
    assert str(caught.value).count(";") == 2


def test_finds_options_among_headers_in_any_case():
    headers = {
        "X-Score-Threshold": "0.5",
        "x-max-detections": "3",
        "X-FORMAT": "coco",
        "X-Forwarded-For": "10.0.0.1",
        "Format": "x",
        "classes": {"content-type": "text/plain"},
    }
    assert options_of_headers(headers) == {
        "score_threshold": "0.5",
        "max_detections": "3",
        "format": "coco",
    }
