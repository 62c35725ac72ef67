import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from export.checkpoint import read_checkpoint
from export.errors import ExportError
from tests.checkpoints import write_pickle
from tests.models import Training


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def saved(folder: Path, content: object, **options) -> Path:
    path = folder / "weights.pth"
    torch.save(content, path, **options)
    return path


def test_leaves_the_rest_behind(training: Training):
    checkpoint = read_checkpoint(training.weights)
    assert checkpoint.left_behind == ("iteration", "optimizer")
    assert all(isinstance(value, torch.Tensor) for value in checkpoint.tensors.values())


def test_keeps_the_versions_of_the_modules(training: Training):
    versions = read_checkpoint(training.weights).tensors._metadata
    trained = torch.load(training.weights, weights_only=True)["model"]._metadata
    assert versions == trained
    assert versions["backbone.bottom_up.stem.conv1.norm"]["version"] >= 2


def test_takes_the_prefix_off_names_and_versions(tmp_path):
    wrapped = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.BatchNorm2d(3)))
    checkpoint = read_checkpoint(saved(tmp_path, {"model": wrapped.state_dict()}))
    assert "0.weight" in checkpoint.tensors
    assert checkpoint.tensors._metadata["0"]["version"] == 2
    assert not [name for name in checkpoint.tensors if name.startswith("module")]


WAYS = {
    "a .pth": lambda folder, evil: saved(folder, {"model": evil}),
    "a .pth, the whole of it": saved,
    "a .pth of before 1.6": lambda folder, evil: saved(
        folder, {"model": evil}, _use_new_zipfile_serialization=False
    ),
    "a .pkl": lambda folder, evil: write_pickle(folder / "weights.pkl", {"model": evil}),
    "a .pkl in a .pth": lambda folder, evil: write_pickle(folder / "weights.pth", evil),
    "a .pth in a .pkl": lambda folder, evil: saved(folder, evil).rename(folder / "weights.pkl"),
}


@pytest.mark.parametrize("way", WAYS)
def test_unpickles_nothing_that_could_run_code(way, tmp_path):
    path = WAYS[way](tmp_path, Evil(tmp_path / "run"))
    with pytest.raises(ExportError, match=r"(asks for posix\.mkdir|is not a checkpoint)"):
        read_checkpoint(path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("way", ["a .pth", "a .pkl"])
def test_names_what_was_asked_for_and_the_way_round(way, tmp_path):
    path = WAYS[way](tmp_path, Evil(tmp_path / "run"))
    with pytest.raises(ExportError, match=r"asks for posix\.mkdir, .*--trust-checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize("way", ["a .pth", "a .pkl"])
def test_a_trusted_checkpoint_may_run_code(way, tmp_path):
    path = WAYS[way](tmp_path, Evil(tmp_path / "run"))
    with pytest.raises(ExportError):  # it still holds no weights
        read_checkpoint(path, trust=True)
    assert (tmp_path / "run").exists()


def pickle_of_pointers() -> bytes:
    """An array of objects whose pointers are bytes of the file, by way of a made-up dtype."""

    def item(value: object) -> bytes:
        return pickle.dumps(value, protocol=2)[2:-1]

    def named(module: str, name: str) -> bytes:
        return f"c{module}\n{name}\n".encode()

    def raw(content: bytes) -> bytes:
        text = item(content.decode("latin1"))
        return named("_codecs", "encode") + text + item("latin1") + b"\x86R"

    def dtype(code: str) -> bytes:
        return named("numpy", "dtype") + b"(" + item(code) + b"\x89\x88tR"

    fields = b"}" + item("a") + dtype("O8") + b"K\x00\x86s"
    state = b"(K\x03" + item("|") + b"N(" + item("a") + b"t" + fields + b"K\x08K\x01K\x00tb"
    array = named("numpy._core.multiarray", "_reconstruct") + b"("
    array += named("numpy", "ndarray") + b"K\x00\x85" + raw(b"b") + b"tR"
    array += b"(K\x01K\x01\x85" + dtype("V8") + state + b"\x89" + raw(b"AAAAAAAA") + b"tb"
    return b"\x80\x02}" + item("model") + b"}" + item("weight") + array + b"ss."


@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
def test_bytes_of_a_file_never_become_pointers(suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(pickle_of_pointers())
    if suffix == ".pth":  # as torch.save packs it
        genuine = saved(tmp_path, {"a": torch.zeros(1)}).read_bytes()
        with (
            zipfile.ZipFile(io.BytesIO(genuine)) as source,
            zipfile.ZipFile(path, "w") as target,
        ):
            for name in source.namelist():
                is_data = name.endswith("data.pkl")
                target.writestr(name, pickle_of_pointers() if is_data else source.read(name))
    with pytest.raises(ExportError, match="not tensors: weight is a NotANumber"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "save",
    [
        pytest.param(torch.save, id="torch.save"),
        pytest.param(
            lambda content, path: torch.save(content, path, _use_new_zipfile_serialization=False),
            id="torch.save before 1.6",
        ),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False], ids=["in a model", "bare"])
def test_what_a_file_is_its_content_says_and_not_its_name(save, wrapped, tmp_path):
    tensors = {"backbone.weight": torch.ones(2)}
    path = tmp_path / "weights.pkl"
    save({"model": tensors} if wrapped else tensors, path)
    checkpoint = read_checkpoint(path)
    assert (checkpoint.naming, list(checkpoint.tensors)) == ("detectron2", ["backbone.weight"])


@pytest.mark.parametrize(
    "tensor",
    [
        pytest.param(torch.ones(2, device="meta"), id="without content"),
    ],
)
def test_only_plain_tensors_are_weights(tensor, tmp_path):
    with pytest.raises(ExportError, match=r"not tensors: a\.b is a tensor of "):
        read_checkpoint(saved(tmp_path, {"model": {"a.b": tensor}}))


@pytest.mark.parametrize("suffix", [".pth", ".pkl", ".safetensors"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"PK\x03\x04 cut off", id="a zip that is cut off"),
        pytest.param(b"\x80\x02]", id="a pickle that is cut off"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(100), id="an image"),
        pytest.param(b"MODEL:\n  WEIGHTS: a\n", id="a config"),
    ],
)
def test_refuses_what_is_not_a_checkpoint(content, suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    sentence = f"weights{suffix} is not a checkpoint, or it is cut off"
    with pytest.raises(ExportError, match=sentence) as caught:
        read_checkpoint(path)
    assert "weights_only" not in str(caught.value)  # torch advises to load it all the same


@pytest.mark.parametrize("length", [10, 1000, 100_000])
def test_refuses_a_checkpoint_that_is_cut_off(length, training, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(training.weights.read_bytes()[:length])
    with pytest.raises(ExportError, match="not a checkpoint, or it is cut off"):
        read_checkpoint(path)


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(ExportError, match="cannot be read"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param([1, 2], "holds no weights.*found a list", id="a list"),
        pytest.param({}, "holds no weights.*found empty", id="nothing"),
        pytest.param({"model": {}}, "its model is empty", id="an empty model"),
        pytest.param({"model": [1]}, "its model is a list", id="a list for a model"),
        pytest.param({"model": {"a": 1}}, "not tensors: a is a int", id="a number among tensors"),
        pytest.param({"a": "x", "b": None}, "a is a str; b is a NoneType", id="no tensors at all"),
    ],
)
def test_says_what_is_missing(content, sentence, tmp_path):
    with pytest.raises(ExportError, match=sentence):
        read_checkpoint(saved(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "naming", "names"),
    [
        pytest.param(
            {"model": {"a": np.ones(2, np.float32)}, "__author__": "x"},
            "detectron2",
            ["a"],
            id="model zoo",
        ),
        pytest.param(
            {"blobs": {"a_w": np.ones(2), "a_w_momentum": np.ones(2)}, "cfg": "text"},
            "caffe2",
            ["a_w"],
            id="detectron1",
        ),
        pytest.param({"conv1_w": np.ones(2)}, "caffe2", ["conv1_w"], id="caffe2 backbone"),
        pytest.param(
            {"model": {"a": np.ones(2)}, "__author__": "x", "matching_heuristics": True},
            "suffix",
            ["a"],
            id="names to be matched",
        ),
        pytest.param(
            OrderedDict(model=OrderedDict(a=np.float32(3)), __author__="x"),
            "detectron2",
            ["a"],
            id="an ordered dictionary and a scalar",
        ),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_reads_pickles_of_arrays(content, naming, names, protocol, tmp_path):
    path = tmp_path / "weights.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    checkpoint = read_checkpoint(path)
    assert (checkpoint.naming, list(checkpoint.tensors)) == (naming, names)


def test_reads_a_pickle_of_python_2(tmp_path):
    # {'model': {'a': 'bytes of python 2'}}, protocol 0, with a byte that is not ASCII
    path = tmp_path / "weights.pkl"
    path.write_bytes(b"(dp0\nS'cfg'\np1\nS'\\xe9'\np2\nsS'blobs'\np3\n(dp4\ns.")
    with pytest.raises(ExportError, match="is empty"):
        read_checkpoint(path)


def test_arrays_of_objects_are_no_tensors(tmp_path):
    path = write_pickle(tmp_path / "weights.pkl", {"blobs": {"a": np.array([None])}})
    with pytest.raises(ExportError, match="not tensors: a is a NotANumber"):
        read_checkpoint(path)


BOMBS = {
    # A place in the memo that an unpickler in C would reserve memory for.
    "memo.pkl": b"\x80\x02Nr\x00\x00\x00\x20.",
    "bytearray.pkl": b"\x80\x02cbuiltins\nbytearray\nJ\x00\x00\x00\x40\x85R.",
    # Tuples in tuples, as the key of a dictionary: hashing them overflows the stack.
    "deep.pkl": b"\x80\x02}" + b"N" + b"\x85" * 300_000 + b"Ns.",
    "deep_set.pkl": b"\x80\x04\x8f(" + b"N" + b"\x85" * 300_000 + b"\x90.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_small_files_take_no_memory_and_crash_nothing(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(BOMBS[name])
    with pytest.raises(ExportError):
        read_checkpoint(path)


def test_tuples_in_tuples_do_not_reach_torch_either(tmp_path):
    path = tmp_path / "weights.pth"
    genuine = saved(tmp_path, {"a.b": torch.zeros(1)}).read_bytes()
    with zipfile.ZipFile(io.BytesIO(genuine)) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            is_data = name.endswith("data.pkl")
            target.writestr(name, BOMBS["deep.pkl"] if is_data else source.read(name))
    with pytest.raises(ExportError, match="more than 50000 tuples"):
        read_checkpoint(path)


def test_a_compressed_checkpoint_is_none_that_torch_saves(tmp_path):
    path = tmp_path / "weights.pth"
    genuine = saved(tmp_path, {"a.b": torch.zeros(1)}).read_bytes()
    with (
        zipfile.ZipFile(io.BytesIO(genuine)) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(ExportError, match=r"data\.pkl is compressed"):
        read_checkpoint(path)


def test_one_array_under_many_names_is_more_than_the_file(tmp_path):
    array = np.ones(100_000, np.float32)
    content = {"model": {f"a.{index}": array for index in range(50)}}
    path = write_pickle(tmp_path / "weights.pkl", content)
    with pytest.raises(ExportError, match="more tensors than fit into its size"):
        read_checkpoint(path)


def test_versions_that_are_none_are_left_out(tmp_path):
    tensors = OrderedDict(a=torch.zeros(1))
    tensors._metadata = OrderedDict({"": {"version": 1}, "module": 5, 7: {"version": 1}})
    checkpoint = read_checkpoint(saved(tmp_path, {"model": tensors}))
    assert checkpoint.tensors._metadata == {"": {"version": 1}}
