import pytest

from export.config import read_config
from export.errors import ExportError


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "does not fit the installed Detectron2: A config is", id="empty"),
        pytest.param(b"just words", "A config is a mapping", id="words"),
        pytest.param(b"a: [1", "is not YAML", id="not yaml"),
        pytest.param(b"\xff\xfe\x00", "cannot be read", id="not text"),
        pytest.param(b"VERSION: 2\nNO_SUCH: 1", "NO_SUCH", id="unknown key"),
        pytest.param(b"MODEL: 3", "does not fit", id="a number for a section"),
        pytest.param(b"INPUT:\n  MIN_SIZE_TEST: big", "does not fit", id="a word for a number"),
        pytest.param(b"A: !!python/object/apply:os.getcwd []", "would run code", id="code"),
    ],
)
def test_says_what_is_wrong(content, sentence, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_bytes(content)
    with pytest.raises(ExportError, match=sentence):
        read_config(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ExportError, match="cannot be read"):
        read_config(tmp_path / "config.yaml")
