import pytest

from export.classes import read_classes
from export.errors import ExportError


def read(argument, count):
    return read_classes(argument, count=count, count_key="KEY")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        pytest.param("cat\ndog\n", ("cat", "dog"), id="one a line"),
        pytest.param("cat\r\n\n  dog  ", ("cat", "dog"), id="windows, blank lines and spaces"),
        pytest.param("traffic light, red\ndog", ("traffic light, red", "dog"), id="a comma inside"),
        pytest.param("Straße\n犬", ("Straße", "犬"), id="not ascii"),
    ],
)
def test_reads_a_file(content, names, tmp_path):
    file = tmp_path / "classes.txt"
    file.write_text(content, encoding="utf-8")
    assert read(str(file), 2) == names


def test_reads_a_list():
    assert read("cat, dog", 2) == ("cat", "dog")


def test_reports_both_problems_at_once():
    with pytest.raises(ExportError) as caught:
        read("cat,cat", 3)
    assert caught.value.problems == (
        "--classes cat,cat gives 2 names, KEY of the config is 3.",
        "--classes cat,cat gives a name twice: cat.",
    )


def test_refuses_a_file_that_is_not_text(tmp_path):
    file = tmp_path / "classes.txt"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ExportError, match="cannot be read"):
        read(str(file), 1)
