import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from export.errors import ExportError
from export.verify import compare, read_images, verify
from tests.images import noise_bgr, png


def arrays(**changes):
    made = {
        "instances.pred_boxes": np.zeros((2, 4), np.float32),
        "instances.scores": np.ones(2, np.float32),
        "instances.pred_masks": np.zeros((2, 3, 3), bool),
    }
    return {**made, **{f"instances.{name}": value for name, value in changes.items()}}


def test_equal_outputs_are_exact():
    verdict = compare([arrays(), arrays()], [arrays(), arrays()], reference_name="R")
    assert verdict.is_exact
    assert (verdict.images, verdict.detections) == (2, 4)
    assert verdict.sentence() == (
        "the archive's output equals R on 2 images with 4 detections: largest box difference 0 px, "
        "largest score difference 0, 0 mask pixels differ"
    )


MASK = np.zeros((2, 3, 3), bool)
MASK[0, 0, :2] = True


@pytest.mark.parametrize(
    ("changes", "differing", "numbers"),
    [
        pytest.param(
            {"pred_boxes": np.full((2, 4), 0.5, np.float32)}, "pred_boxes", (0.5, 0, 0), id="box"
        ),
        pytest.param({"scores": np.array([1, 0.5], np.float32)}, "scores", (0, 0.5, 0), id="score"),
        pytest.param({"pred_masks": MASK}, "pred_masks", (0, 0, 2), id="mask pixels"),
        pytest.param({"scores": np.ones(3, np.float32)}, "scores", (0, 0, 0), id="a number more"),
        pytest.param({"extra": np.ones(1)}, "extra", (0, 0, 0), id="an output more"),
        pytest.param(
            {"scores": np.array([1, -0.0], np.float32)}, "scores", (0, 1, 0), id="only a bit"
        ),
    ],
)
def test_every_difference_is_found(changes, differing, numbers):
    verdict = compare([arrays(**changes)], [arrays()], reference_name="R")
    assert not verdict.is_exact
    assert verdict.differing == (f"instances.{differing}",)
    assert numbers == (
        verdict.largest_box_difference_px,
        verdict.largest_score_difference,
        verdict.differing_mask_pixels,
    )
    assert "differs from R" in verdict.sentence()


def test_generated_images_are_the_same_every_time():
    first, second = read_images(()), read_images(())
    assert len({image.shape for image in first}) == 3
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_names_every_image_that_cannot_be_read(tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(png(noise_bgr(4, 4)))
    bad.write_bytes(b"hello")
    with pytest.raises(ExportError) as caught:
        read_images([good, bad, tmp_path / "none.png"])
    assert [problem.split()[1] for problem in caught.value.problems] == [
        str(bad),
        str(tmp_path / "none.png"),
    ]


def test_an_archive_that_does_not_work_by_itself_is_found_out(opened, tmp_path):
    broken = Path(shutil.copytree(opened, tmp_path / "broken"))
    (broken / "handler" / "model_input.py").unlink()
    archive = tmp_path / "broken.mar"
    with zipfile.ZipFile(archive, "w") as target:
        for file in broken.rglob("*"):
            target.write(file, file.relative_to(broken))
    with pytest.raises(ExportError, match=r"process of its own: .*handler\.model_input"):
        verify(archive, [], reference_name="R", reference=lambda _: {})
