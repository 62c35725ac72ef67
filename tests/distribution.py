"""Which tests go to which process, where pytest-xdist runs several: `pytest -n 2`.

The tests of a file stay together, and so do those of a folder that ask one server: it is started
once, and fixtures of a file are made once.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    "tests/client/models",
    "tests/deploy/metrics",
    "tests/deploy/nginx",
    "tests/deploy/ray",
    "tests/guides",
    "tests/server",
)


class ByServer(LoadScopeScheduling):
    """Gives a free process the next of the folders above, or the next file."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByServer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those folders come first: what takes longest must not come last."""
    items.sort(key=lambda item: not item.nodeid.startswith(TOGETHER))
