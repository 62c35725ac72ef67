import json
import re
import shutil

import pytest
import torch

from examples.coins import publish
from examples.coins.score import HERE, Count

pytestmark = pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")


def test_a_block_is_replaced_between_its_markers():
    text = f"a\n{publish.START}\nold\n{publish.END}\nb\n"

    assert publish.replace_block(text, "new") == f"a\n{publish.START}\nnew\n{publish.END}\nb\n"


@pytest.mark.parametrize("text", ["", publish.START, f"{publish.END} {publish.START}"])
def test_a_text_without_its_markers_is_refused(text):
    with pytest.raises(ValueError, match="each once"):
        publish.replace_block(text, "new")


def test_an_incomplete_training_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.yaml, model_best\.pth"):
        publish.publish(tmp_path, tmp_path)


def test_the_proof_names_the_worst_coin():
    proof = publish.build_proof(Count(2, 0, 0, (0.9, 0.8)), {})

    assert proof["photograph"]["mask_iou_min"] == 0.8
    assert proof["photograph"]["mask_iou_mean"] == 0.85


def test_the_committed_weights_keep_what_the_proof_says(tmp_path):
    proof = json.loads((HERE / publish.PROOF_FILE).read_text())
    output_dir = tmp_path / "output"
    output_dir.mkdir()
    for name in publish.ARTEFACTS:
        shutil.copy(HERE / name, output_dir)
    (output_dir / "results.json").write_text(json.dumps(proof["training"]))
    shutil.copy(HERE / "README.md", tmp_path)

    again = publish.publish(output_dir, tmp_path)["photograph"]

    for name in ("hits", "misses", "false_alarms"):
        assert again[name] == proof["photograph"][name]
    assert again["mask_ious"] == pytest.approx(proof["photograph"]["mask_ious"], abs=0.01)
    assert (again["hits"], again["misses"], again["false_alarms"]) == (24, 0, 0)
    assert again["mask_iou_min"] >= 0.85


def test_the_committed_files_fit_the_repository():
    weights = torch.load(HERE / "model_best.pth", weights_only=True)

    assert set(weights) == {"model"}
    assert {value.dtype for value in weights["model"].values()} <= {torch.float32, torch.int64}
    assert (HERE / "model_best.pth").stat().st_size < 10_000_000
    assert (HERE / "classes.txt").read_text() == "coin\n"
    assert not re.search(r"[\s'\"]/\w", (HERE / "config.yaml").read_text())
    for name in ("loss.png", "ap.png"):
        assert (HERE / name).stat().st_size < 100_000


def test_the_readme_shows_the_proof():
    proof = json.loads((HERE / publish.PROOF_FILE).read_text())

    assert publish.proof_text(proof) in (HERE / "README.md").read_text()
