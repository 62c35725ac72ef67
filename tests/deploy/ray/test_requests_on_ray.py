"""The tests of requests to TorchServe, unchanged, on Ray; answers are held against TorchServe's."""

# ruff: noqa: F401  # what is imported are tests, which pytest finds by their names

import pytest

from tests.deploy.ray.comparing import answers_compared
from tests.server.test_protocols import (
    test_an_unknown_option_lists_the_known_ones,
    test_every_answer_says_where_the_time_went,
    test_formats_by_header,
    test_kserve_v1_lists,
    test_kserve_v2_tensors,
    test_odd_headers_kill_no_worker,
    test_options_in_every_place,
    test_the_model_describes_itself,
)
from tests.server.test_requests import (
    test_a_header_of_a_client_changes_nothing,
    test_an_image_after_all_that_is_answered_as_before,
    test_an_unknown_model_is_named,
    test_bad_input_gets_its_status_and_a_sentence,
    test_every_way_to_ask_gets_the_answer_of_the_detector,
    test_nobody_brings_code_in_through_the_management_port,
    test_the_served_photograph_equals_default_predictor_bit_for_bit,
    test_without_the_token_nothing_is_answered,
)


@pytest.fixture(scope="module")
def torchserve(served):
    """The shared server of tests/conftest.py."""
    return served


@pytest.fixture(scope="module")
def served(torchserve, served_by_ray):
    """Ray in its place."""
    with answers_compared(
        served_by_ray.inference.url, torchserve.inference.url, torchserve.inference.token
    ) as compared:
        yield served_by_ray
    assert not compared.differences, "\n".join(compared.differences)
    assert len(compared.statuses) > 40
