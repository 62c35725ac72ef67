"""The claim of the example's README, held against the committed weights."""

import json

from examples.coins.score import HERE, SCORE_THRESHOLD, score_photograph


def test_the_committed_weights_find_every_coin_and_nothing_else():
    count = score_photograph(HERE / "config.yaml", HERE / "model_best.pth")
    assert (count.hits, count.misses, count.false_alarms) == (24, 0, 0)
    assert min(count.ious) >= 0.85
    published = json.loads((HERE / "proof.json").read_text())["photograph"]
    assert published["score_threshold"] == SCORE_THRESHOLD == 0.7
    assert published["hits"] == 24
    assert published["mask_iou_min"] == round(min(count.ious), 3)


def test_the_weights_are_small():
    assert (HERE / "model_best.pth").stat().st_size < 10_000_000
