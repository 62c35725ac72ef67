import json

import pytest

from client.models.errors import StoreError
from client.models.history import History


@pytest.fixture
def history(tmp_path) -> History:
    return History(tmp_path / ".coins.versions.json")


@pytest.mark.parametrize(
    ("defaults", "now", "before"),
    [
        pytest.param([], "1.0", None, id="nothing recorded"),
        pytest.param(["1.0"], "1.0", None, id="the first one"),
        pytest.param(["1.0", "2.0"], "2.0", "1.0", id="one rollout"),
        pytest.param(["1.0", "2.0", "1.0"], "1.0", "2.0", id="there and back by rollouts"),
        pytest.param(["1.0", "2.0"], "1.0", None, id="cut short before the switch"),
        pytest.param(["1.0", "2.0"], "3.0", "2.0", id="not rolled out by us"),
        pytest.param(["0.9", "1.0", "2.0"], "1.0", "0.9", id="cut short after a rollback"),
    ],
)
def test_which_version_was_before(defaults, now, before, history):
    history.file.write_text(json.dumps({"defaults": defaults}))
    assert history.before(now) == before


def test_rollouts_and_rollbacks_are_recorded(history):
    history.record_rollout("1.0", "2.0")
    history.record_rollout("2.0", "3.0")
    assert history.defaults == ["1.0", "2.0", "3.0"]
    history.record_rollout("2.0", "4.0")  # 3.0 was recorded and then refused
    assert history.defaults == ["1.0", "2.0", "4.0"]
    history.record_rollback("2.0")
    assert history.defaults == ["1.0", "2.0"]
    history.record_rollback("0.5")
    assert history.defaults == ["0.5"]


def test_no_record_is_no_problem(history):
    assert (history.defaults, history.problem) == ([], None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "JSONDecodeError", id="empty"),
        pytest.param(b"[]", "TypeError", id="no object"),
        pytest.param(b"{}", "KeyError", id="no key"),
        pytest.param(b'{"defaults": 3}', '"defaults" is 3', id="a number"),
        pytest.param(b'{"defaults": "1.0"}', '"defaults" is "1.0"', id="text"),
        pytest.param(b'{"defaults": {}}', '"defaults" is {}', id="an object"),
        pytest.param(b"\xff\xfe", "UnicodeDecodeError", id="no text"),
    ],
)
def test_a_damaged_record_is_no_history_and_is_put_aside(content, said, history):
    history.file.write_bytes(content)
    assert history.defaults == []
    assert history.before("2.0") is None
    assert said in history.problem
    assert "`rollback --to` names one" in history.problem
    history.record_rollout("1.0", "2.0")
    assert (history.defaults, history.problem) == (["1.0", "2.0"], None)
    assert history.file.with_name(f"{history.file.name}.aside").read_bytes() == content


def test_a_record_that_may_not_be_read_is_no_history(history, monkeypatch):
    history.file.write_text('{"defaults": ["1.0"]}')

    def refuse(path, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:  # root may read everything
        patched.setattr(type(history.file), "read_text", refuse)
        assert history.defaults == []
        assert "Permission denied" in history.problem


@pytest.mark.parametrize("text", [None, '{"defaults": ["1.0"]}'], ids=["none", "one"])
def test_what_it_said_can_be_put_back(text, history):
    if text is not None:
        history.file.write_text(text)
    before = history.text()
    history.record_rollout("1.0", "2.0")
    history.put_back(before)
    assert history.text() == text


def test_a_folder_that_is_gone(tmp_path):
    with pytest.raises(StoreError, match="The model store cannot be changed"):
        History(tmp_path / "none" / "x.json").record_rollout(None, "1.0")
