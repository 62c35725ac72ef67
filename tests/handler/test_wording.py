import pytest

from handler.wording import kind, quoted, shown


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("cat", "'cat'", id="text"),
        pytest.param([1, 2.5, None], "[1, 2.5, None]", id="a list"),
        pytest.param("x" * 10_000, f"'{'x' * 26}", id="long text"),
        pytest.param(list(range(10_000)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]", id="a long list"),
        pytest.param(nested(100_000), "[[[[...]]]]", id="a deep list"),
        pytest.param(10**10_000, "a JSON number", id="more digits than Python writes"),
        pytest.param("\ud800", "'\\ud800'", id="half a surrogate"),
    ],
)
def test_shown_is_short(value, text):
    assert shown(value).startswith(text)
    assert len(shown(value)) <= 60


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "JSON null"), (True, "a JSON boolean"), ({}, "a JSON object"), ({1}, "a set")],
)
def test_kind(value, words):
    assert kind(value) == words


def test_quoted():
    assert quoted({"b", "a"}) == '"a", "b"'
