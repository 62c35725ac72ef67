import json
import shutil
from pathlib import Path

import pytest
import torch

from handler.config import build_from_config
from handler.layout import CONFIG_FILE, METADATA_FILE, WEIGHTS_FILE, sha256_of
from handler.metadata import InputSpec
from handler.model import Model, copy_weights, network_input
from handler.model_input import InputBuilder
from tests.images import noise_bgr
from tests.models import tiny_config


@pytest.fixture
def copy(opened: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(opened, tmp_path / "copy"))


def test_is_ready_for_inference(opened):
    model = Model.load(opened, device="cpu")
    assert not model.network.training
    assert model.metadata.class_names == ("red", "green", "blue")


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
def test_refuses_what_was_exchanged(name, copy):
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} has sha256 .* damaged or exchanged"):
        Model.load(copy, device="cpu")


def test_refuses_weights_of_another_network(copy):
    config = copy / CONFIG_FILE
    config.write_text(config.read_text().replace("NUM_CLASSES: 3", "NUM_CLASSES: 4"))
    metadata = json.loads((copy / METADATA_FILE).read_text())
    metadata["files"][CONFIG_FILE] = sha256_of(config)
    (copy / METADATA_FILE).write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"has shape .*, the network's is"):
        Model.load(copy, device="cpu")


@pytest.mark.parametrize("side", ["missing", "too many"])
def test_weights_are_copied_whole_or_not_at_all(side):
    network = build_from_config(tiny_config(), device="cpu")
    tensors = {name: torch.ones_like(tensor) for name, tensor in network.state_dict().items()}
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    if side == "missing":
        tensors.popitem()
    else:
        tensors["more"] = torch.ones(1)
    with pytest.raises(ValueError, match="stand on one side alone"):
        copy_weights(network, tensors)
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


class SomebodysNetwork(torch.nn.Module):
    pass


@pytest.mark.parametrize(
    ("network", "dtype"),
    [
        pytest.param(SomebodysNetwork(), torch.float32, id="somebody's own"),
        pytest.param(
            build_from_config(tiny_config(), device="cpu"), torch.uint8, id="Detectron2's"
        ),
    ],
)
def test_only_detectron2s_own_networks_get_bytes(network, dtype):
    model_input = InputBuilder(InputSpec("BGR", 96, 192))(noise_bgr(96, 128))
    given = network_input(network, model_input, "cpu")
    assert given["image"].dtype == dtype
    assert (given["height"], given["width"]) == (96, 128)
