"""One Chromium for all tests that look at pages."""

from collections.abc import Iterator

import pytest

from tests.client.report.browser import Browser
from tests.tools.debian import ToolMissing


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    try:
        started = Browser(tmp_path_factory.mktemp("chromium"))
    except ToolMissing as reason:
        pytest.skip(str(reason))
    with started as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The same as new; at the end the console must have said nothing, and nobody been asked."""
    chromium.resize(1280, 900)
    chromium.prefer("light")
    yield chromium
    chromium.run("0")  # events that are on their way come before its answer
    assert chromium.complaints == []
    assert [url for url in chromium.requested if not url.startswith(("file:", "data:"))] == []
