"""One config from end to end, and all that must not be called exact."""

import tempfile
from pathlib import Path

import pytest

from fidelity import check as checks
from fidelity.check import check
from fidelity.original import Original
from fidelity.zoo import ZooConfig, zoo_configs
from tests.fidelity.test_zoo_spread import NARROW

(RPN,) = zoo_configs(["COCO-Detection/rpn_R_50_FPN"])


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_reference_that_differs_is_found(scratch, monkeypatch):
    right = Original.predictor

    def wrong(self, weights):
        name, predict = right(self, weights)

        def moved(photograph):
            output = predict(photograph)
            output["proposals"].proposal_boxes.tensor[3, 2] += 0.5
            return output

        return name, moved

    monkeypatch.setattr(Original, "predictor", wrong)
    row = check(RPN, NARROW)
    assert row.result == "differs"
    assert row.reason == "answer.proposals, proposals.proposal_boxes"
    assert row.largest_box_difference_px == pytest.approx(0.5, abs=1e-4)
    assert row.as_dict()["problem"] == f"differs: {row.reason}"
    assert list(scratch.iterdir()) == []


def test_a_config_that_fails_is_a_row(scratch):
    broken = scratch / "broken.yaml"
    broken.write_text("MODEL:\n  META_ARCHITECTURE: Nothing\n")
    row = check(ZooConfig("A/broken.yaml", broken), NARROW)
    assert (row.config, row.result) == ("A/broken.yaml", "failed")
    assert "Nothing" in row.reason
    assert row.as_dict()["problem"].startswith("failed: ")
    assert list(scratch.iterdir()) == [broken]


def test_an_interrupt_leaves_nothing_behind(scratch, monkeypatch):
    def interrupted(*_):
        assert list(scratch.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(checks, "make_archive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check(RPN, NARROW)
    assert list(scratch.iterdir()) == []


def test_nothing_found_is_not_exact(scratch, monkeypatch):
    (config,) = zoo_configs(["PascalVOC-Detection/faster_rcnn_R_50_FPN"])
    monkeypatch.setattr(checks, "randomise", lambda make_network, _: make_network())
    nothing = ("MODEL.ROI_HEADS.SCORE_THRESH_TEST", "1.0")
    row = check(config, type(NARROW)(**{**vars(NARROW), "overrides": NARROW.overrides + nothing}))
    assert (row.result, row.reason) == ("nothing compared", "on 2 of 2 photographs")
