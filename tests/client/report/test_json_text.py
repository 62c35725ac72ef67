"""Documents as JSON text."""

import json

import pytest

from client.report.json_text import json_parts, write_document


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({}, "{}", id="an empty object"),
        pytest.param([], "[]", id="an empty list"),
        pytest.param([1, None, 0.5, True], "[1, null, 0.5, true]", id="numbers on a line"),
        pytest.param([[0, 1], [2, 3]], "[\n  [0, 1],\n  [2, 3]\n]", id="a row a line"),
        pytest.param(["a\n", "\u00fc"], '[\n  "a\\n",\n  "\u00fc"\n]', id="a text a line"),
        pytest.param({"a": {"b": [1]}}, '{\n  "a": {\n    "b": [1]\n  }\n}', id="objects"),
        pytest.param([{"a": 1}, 2], '[\n  {\n    "a": 1\n  },\n  2\n]', id="a list of both"),
    ],
)
def test_the_text(value, text):
    assert "".join(json_parts(value)) == text
    assert json.loads(text) == value


def test_a_matrix_of_many_classes_has_a_line_for_each(tmp_path):
    counts = [[0] * 1204 for _ in range(1204)]
    write_document(tmp_path / "report.json", {"counts": counts, "name": "\udcfc"})
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text)["counts"] == counts
    assert text.count("\n") == 1204 + 5
    assert text.endswith("}\n")
