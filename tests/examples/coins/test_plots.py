import json

import cv2
import pytest

from examples.coins import plots


@pytest.fixture
def metrics_file(tmp_path):
    lines = [
        {"iteration": 19, "total_loss": 2.0},
        {"iteration": 39, "total_loss": 9.0, "validation_loss": 1.5, "segm/AP": float("nan")},
        {"iteration": 39, "total_loss": 1.0, "validation_loss": 1.4, "segm/AP": 30.0},
    ]
    path = tmp_path / "metrics.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_what_was_done_again_counts_as_redone(metrics_file):
    curves = plots.read_curves(metrics_file)

    assert curves["total_loss"] == [(20, 2.0), (40, 1.0)]
    assert curves["validation_loss"] == [(40, 1.4)]


def test_both_plots_are_drawn_and_small(metrics_file, tmp_path):
    plots.draw_plots(metrics_file, tmp_path)

    for name in ("loss.png", "ap.png"):
        assert cv2.imread(str(tmp_path / name)).shape == (400, 640, 3)
        assert (tmp_path / name).stat().st_size < 100_000


def test_a_training_without_any_evaluation_can_be_plotted(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text('{"iteration": 0, "total_loss": 2.0}\n')

    plots.draw_plots(path, tmp_path)

    assert (tmp_path / "ap.png").is_file()
