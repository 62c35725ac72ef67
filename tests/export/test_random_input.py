"""No bytes given as checkpoint or config produce a traceback or leave a file behind."""

import contextlib
import copy
import io
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export.cli import main
from tests.models import Training, tiny_config

SETTINGS = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["VERSION", "MODEL", "INPUT", "MODEL.WEIGHTS", "_BASE_", "model", "_target_", "dataloader", "X"]
)
NODES = st.recursive(
    VALUES, lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=4), max_leaves=8
)


@pytest.fixture
def attempt(training: Training) -> Callable[..., None]:
    """Exports with one file replaced by bytes; it must end in a sentence."""

    def run(name: str, content: bytes, accepted: tuple[int, ...] = (1,)) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(content)
            is_config = name.endswith((".yaml", ".yml"))
            config = file if is_config else training.config_file
            weights = training.weights if is_config else file
            words = ["--config-file", str(config), "--weights", str(weights)]
            words += ["--model-name", "m", "--version", "1", "--skip-verification"]
            error = io.StringIO()
            with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
                code = main([*words, "--export-path", str(Path(folder) / "store")])
            assert code in accepted, content
            assert "Traceback" not in error.getvalue()
            assert "Unforeseen" not in error.getvalue(), error.getvalue()
            if code == 0:
                return
            assert error.getvalue().strip()
            assert not list(Path(folder).glob("store/*"))
            assert not list(Path(folder).glob("store/.*"))

    return run


@pytest.mark.parametrize("name", ["w.pth", "w.pkl", "w.safetensors"])
@SETTINGS
@given(content=st.binary(max_size=300))
def test_random_bytes_for_weights(name, content, attempt):
    attempt(name, content)


@pytest.mark.parametrize("name", ["w.pth", "w.pkl"])
@SETTINGS
@given(value=VALUES, protocol=st.integers(0, 5))
def test_pickles_of_random_values_for_weights(name, value, protocol, attempt):
    attempt(name, pickle.dumps(value, protocol=protocol))


@pytest.mark.parametrize("name", ["w.pth", "w.pkl", "w.safetensors"])
@SETTINGS
@given(data=st.data())
def test_damaged_checkpoints(name, data, attempt, damaged_checkpoints):
    content = bytearray(damaged_checkpoints[name])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, min(len(content) - 1, 4000)))] ^= data.draw(
            st.integers(1, 255)
        )
    cut = data.draw(st.integers(1, 5000))
    attempt(name, bytes(content[:-cut]))


@pytest.fixture(scope="module")
def damaged_checkpoints(training: Training) -> dict[str, bytes]:
    """Good checkpoints of each kind, to be damaged."""
    import torch
    from safetensors.torch import save

    tensors = torch.load(training.weights, weights_only=True)["model"]
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    return {
        "w.pth": training.weights.read_bytes(),
        "w.pkl": pickle.dumps({"model": arrays, "__author__": "somebody"}, protocol=2),
        "w.safetensors": save(tensors),
    }


@SETTINGS
@given(content=st.binary(max_size=300))
def test_random_bytes_for_a_config(content, attempt):
    attempt("c.yaml", content)


@SETTINGS
@given(value=NODES)
def test_random_yaml_for_a_config(value, attempt):
    attempt("c.yaml", yaml.safe_dump(value).encode())


def leaves(node: dict, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    return [
        found
        for key, value in node.items()
        for found in (leaves(value, (*path, key)) if isinstance(value, dict) else [(*path, key)])
    ]


DUMP = yaml.safe_load(tiny_config().dump())
# Small numbers: a network of a million channels is a matter of memory, not of reading.
SMALL = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 40) | st.floats(-2, 40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@SETTINGS
@given(changes=st.dictionaries(st.sampled_from(leaves(DUMP)), SMALL, min_size=1, max_size=3))
def test_a_real_dump_with_random_values(changes, attempt):
    values = copy.deepcopy(DUMP)
    for (*sections, key), value in changes.items():
        node = values
        for section in sections:
            node = node[section]
        node[key] = value
    attempt("c.yaml", yaml.safe_dump(values).encode(), accepted=(0, 1))
