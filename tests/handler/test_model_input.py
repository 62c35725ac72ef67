import pytest
import skimage.data
import torch
from detectron2.engine import DefaultPredictor

from handler.errors import UnsupportedImage
from handler.metadata import PRECISIONS, InputSpec
from handler.model_input import InputBuilder
from tests.images import noise_bgr
from tests.models import Training, tiny_config

SIZES = [
    pytest.param(1, 1, id="one pixel"),
    pytest.param(96, 128, id="already the right size"),
    pytest.param(480, 640, id="shrinks"),
    pytest.param(33, 50, id="grows"),
    pytest.param(40, 900, id="limited by its longest side"),
]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("channels", ["BGR", "RGB"])
def test_equals_what_default_predictor_gives_its_model(
    height, width, channels, training: Training, monkeypatch
):
    config = tiny_config()
    config.INPUT.FORMAT = channels
    config.MODEL.WEIGHTS = str(training.weights)
    predictor = DefaultPredictor(config)
    seen = []
    monkeypatch.setattr(predictor.model, "forward", lambda inputs: seen.extend(inputs) or [None])
    image_bgr = noise_bgr(height, width)
    predictor(image_bgr)

    model_input = InputBuilder(InputSpec(channels, 96, 192))(image_bgr).as_dict()

    assert model_input.keys() == seen[0].keys()
    assert (model_input["height"], model_input["width"]) == (height, width)
    # Bytes instead of floats, which are the first thing that the model makes of them.
    assert model_input["image"].dtype == torch.uint8
    assert torch.equal(model_input["image"].float(), seen[0]["image"])
    assert model_input["image"].stride() == seen[0]["image"].stride()


def test_refuses_an_image_that_vanishes_when_resized():
    with pytest.raises(UnsupportedImage, match="1 x 100000 pixels is too long and thin"):
        InputBuilder(InputSpec("BGR", 96, 192))(noise_bgr(100_000, 1))


def test_a_shortest_side_of_0_leaves_images_alone():
    model_input = InputBuilder(InputSpec("BGR", 0, 192))(noise_bgr(7, 500))
    assert model_input.image.shape == (3, 7, 500)


@pytest.mark.parametrize("precision", [one for one in PRECISIONS if one != "exact"])
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("channels", ["BGR", "RGB"])
def test_a_faster_precision_resizes_nearly_alike(height, width, channels, precision):
    spec = InputSpec(channels, 96, 192)
    image_bgr = noise_bgr(height, width)
    exact = InputBuilder(spec)(image_bgr)
    faster = InputBuilder(spec, precision=precision)(image_bgr)
    assert faster.size_hw == exact.size_hw
    assert faster.image.shape == exact.image.shape
    assert faster.image.dtype == torch.uint8
    difference = (faster.image.int() - exact.image.int()).abs()
    assert difference.max() <= 2
    assert difference.float().mean() < 0.01


def test_a_faster_precision_resizes_a_photograph_nearly_alike():
    image_bgr = skimage.data.coffee()[:, :, ::-1].copy()  # two levels off at 320 x 480
    spec = InputSpec("BGR", 320, 1333)
    exact, faster = (InputBuilder(spec, precision=one)(image_bgr) for one in ("exact", "fast"))
    difference = (faster.image.int() - exact.image.int()).abs()
    assert 0 < difference.max() <= 2
    assert (difference > 0).float().mean() < 0.1


def test_a_faster_precision_refuses_an_image_that_vanishes_as_well():
    with pytest.raises(UnsupportedImage, match="too long and thin"):
        InputBuilder(InputSpec("BGR", 96, 192), precision="fast")(noise_bgr(100_000, 1))
