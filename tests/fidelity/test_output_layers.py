"""How the last layers are spread."""

import pytest
import torch

from fidelity.output_layers import CANDIDATES, deltas, sigmoid_scores, softmax_scores, spread


def apply(rule, values):
    factors, addends = rule(values)
    return values * factors[:, None] + addends[:, None]


@pytest.fixture
def values() -> torch.Tensor:
    """(12, 400): channels with means and deviations of their own; two images of 200."""
    torch.manual_seed(3)
    scales, means = torch.rand(12, 1) * 5 + 0.1, torch.randn(12, 1) * 20
    return torch.randn(12, 400) * scales + means


def test_spread_channels_have_one_deviation_and_mean(values):
    spreaded = apply(spread(2.0, mean=3.0), values)
    torch.testing.assert_close(spreaded.std(dim=1, correction=0), torch.full((12,), 2.0))
    torch.testing.assert_close(spreaded.mean(dim=1), torch.full((12,), 3.0))


def test_spread_means_differ_where_asked_to(values):
    assert apply(spread(1.0, mean_std=1.0), values).mean(dim=1).std() > 0.3


def test_a_constant_channel_is_not_blown_up(values):
    values[4] = 7.0
    assert apply(spread(1.0), values)[4].abs().max() < 0.1


def test_deltas_are_a_part_of_a_box_whatever_the_network_divides_them_by(values):
    stds = apply(deltas((10.0, 10.0, 5.0, 5.0)), values).std(dim=1, correction=0)
    torch.testing.assert_close(stds, torch.tensor([1.5, 1.5, 0.75, 0.75] * 3))


@pytest.mark.parametrize("threshold", [0.05, 0.0001, 0.2])
def test_softmax_scores_pass_on_every_image_and_most_do_not(threshold, values):
    scores = apply(softmax_scores(threshold, images=2), values).softmax(dim=0)[:-1]
    for of_image in scores.tensor_split(2, dim=1):
        assert CANDIDATES <= int((of_image > threshold).sum()) < of_image.numel() / 4


@pytest.mark.parametrize("threshold", [0.05, 0.2])
def test_sigmoid_scores_pass_on_every_image_and_most_do_not(threshold, values):
    scores = apply(sigmoid_scores(threshold, images=2), values).sigmoid()
    for of_image in scores.tensor_split(2, dim=1):
        assert CANDIDATES <= int((of_image > threshold).sum()) < of_image.numel() / 4
