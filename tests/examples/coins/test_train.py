import json

import pytest
import torch

from examples.coins import dataset, recipe, train
from examples.coins.trainer import CoinsTrainer

pytestmark = pytest.mark.filterwarnings(
    # Raised inside Detectron2 and torch, once in a process.
    "ignore:torch.meshgrid:UserWarning",
    "ignore:The given NumPy array is not writable:UserWarning",
)


@pytest.fixture(autouse=True)
def _small_training(monkeypatch):
    monkeypatch.setattr(recipe, "SHORTEST_PERIOD", 1)
    draw = dataset.write_scenes
    monkeypatch.setattr(
        dataset, "write_scenes", lambda folder, count, seed: draw(folder, count, seed, (64, 96))
    )


def _arguments(folder, *more):
    return ["--output-dir", str(folder), "--scenes", "10", "--iterations", "4", *more]


def test_a_short_training_ends_with_the_export_command(tmp_path, capsys):
    assert train.main(_arguments(tmp_path)) == 0

    assert capsys.readouterr().out.splitlines()[-1] == (
        f"python -m export --config-file {tmp_path}/config.yaml "
        f"--weights {tmp_path}/model_best.pth "
        "--classes examples/coins/classes.txt --model-name coins --version 1.0"
    )
    weights = torch.load(tmp_path / "model_best.pth", weights_only=True)
    assert set(weights) == {"model"}
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["iterations"] == 4
    assert set(results["test"]) == {"bbox", "segm"}
    lines = [json.loads(line) for line in (tmp_path / "metrics.json").read_text().splitlines()]
    assert sum("validation_loss" in line for line in lines) == 4
    assert (tmp_path / "loss.png").is_file()
    assert str(tmp_path) not in (tmp_path / "config.yaml").read_text()


def test_an_interrupted_training_says_how_to_go_on_and_does(tmp_path, capsys, monkeypatch):
    done = []
    step = CoinsTrainer.run_step

    def interrupted_step(trainer):
        if trainer.iter == 2 and not done.count(2):
            done.append(2)
            raise KeyboardInterrupt
        done.append(trainer.iter)
        step(trainer)

    monkeypatch.setattr(CoinsTrainer, "run_step", interrupted_step)

    assert train.main(_arguments(tmp_path)) == train.INTERRUPTED
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.endswith(f"--output-dir {tmp_path} --iterations 4 --scenes 10 --resume")

    state = torch.load(tmp_path / "model_0000001.pth", weights_only=True)["trainer"]["hooks"]
    assert set(state["EarlyStopping"]) == {"best", "stale"}
    assert set(state["BestWeights"]) == {"best_metric", "best_iter"}

    done_before = list(done)
    assert train.main(_arguments(tmp_path, "--resume")) == 0
    assert done_before == [0, 1, 2]
    assert done[len(done_before) :] == [2, 3]
    assert json.loads((tmp_path / "results.json").read_text())["resumed"] is True

    assert train.main(_arguments(tmp_path, "--resume")) == 0
    assert len(done) == 5


def test_early_stopping_ends_a_training_cleanly(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("examples.coins.trainer.PATIENCE", 1)
    monkeypatch.setattr(
        CoinsTrainer, "test", classmethod(lambda *_: {"segm": {"AP": 5.0}, "bbox": {"AP": 5.0}})
    )

    assert train.main(_arguments(tmp_path)) == 0

    assert json.loads((tmp_path / "results.json").read_text())["iterations"] == 2
    assert "Exception" not in capsys.readouterr().out
