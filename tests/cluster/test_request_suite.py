"""Every request test of TorchServe, the generated ones included, unchanged on three nodes of Ray.

Each answer is held against TorchServe's, byte for byte.
"""

# ruff: noqa: F401, F403  # what is imported are tests, which pytest finds by their names

from collections import Counter

import pytest

from tests.deploy.ray.comparing import answers_compared
from tests.deploy.ray.test_requests_on_ray import *
from tests.server.test_fuzz import (
    test_requests_of_no_form_at_all,
    test_requests_of_the_documented_form,
    unharmed,
)


@pytest.fixture(scope="module")
def torchserve(served):
    """The shared server of tests/conftest.py."""
    return served


@pytest.fixture(scope="module")
def served(torchserve, three_nodes, record):
    """Ray in its place."""
    with answers_compared(
        three_nodes.inference.url, torchserve.inference.url, torchserve.inference.token
    ) as compared:
        yield three_nodes
    assert not compared.differences, "\n".join(compared.differences)
    statuses = {str(status): n for status, n in sorted(Counter(compared.statuses).items())}
    record("requests", {"nodes": 3, "equal": len(compared.statuses), "by_status": statuses})
    assert len(compared.statuses) > 2000
