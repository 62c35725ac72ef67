import pytest
import yaml
from detectron2.config import LazyConfig

from export.config import read_model_config
from export.errors import ExportError
from export.zoo import CONFIGS
from handler.lazy_config import build_from_lazy

PLAIN = {"model": {"_target_": "torch.nn.Identity"}}


def write(tmp_path, content, name="lazy.yaml"):
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(file)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("os.system", id="the shell"),
        pytest.param(
            "torch.nn.attention._fa3.register_flash_attention_fa3", id="imports what it is told"
        ),
        pytest.param("torch.nn.utils._deprecation_utils.lazy_deprecated_import", id="imports too"),
        pytest.param("detectron2.modeling.build_model", id="a function"),
        pytest.param("builtins.eval", id="eval"),
        pytest.param("torch.load", id="torch's unpickler"),
        pytest.param("torch.hub.load", id="torch's downloader"),
        pytest.param("torch.nn.modules.module.torch.load", id="by way of a trusted module"),
        pytest.param("detectron2.layers.wrappers.warnings.sys.exit", id="by way of another"),
        pytest.param("detectron2.utils.file_io.PathManager.open", id="files"),
        pytest.param("detectron2.engine.launch.launch", id="processes"),
        pytest.param("detectron2.modelingx.evil", id="a name that begins alike"),
        pytest.param("my_module.Thing", id="a module that was not given"),
        pytest.param("system", id="no module at all"),
    ],
)
@pytest.mark.parametrize("place", ["the model", "deep inside"])
def test_a_yaml_may_name_nothing_from_elsewhere(target, place, tmp_path):
    node = {"_target_": target}
    inside = {"model": {"_target_": "torch.nn.Sequential", "a": [{"b": node}]}}
    config = {"model": node} if place == "the model" else inside
    with pytest.raises(ExportError, match="is refused: a config may name classes of"):
        read_model_config(write(tmp_path, config))


def test_names_every_such_name_at_once(tmp_path):
    config = {"model": {"_target_": "torch.nn.Identity", "a": {"_target_": "os.system"},
                        "b": {"_target_": "os.popen"}}}  # fmt: skip
    with pytest.raises(ExportError) as caught:
        read_model_config(write(tmp_path, config))
    assert [problem.split(":")[0].strip() for problem in caught.value.problems[1:]] == [
        "model.a",
        "model.b",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "model: {_target_: torch.nn.Identity, a: !!python/object/apply:os.system [x]}",
            "would run code",
            id="a call",
        ),
        pytest.param(
            "model: {_target_: torch.nn.Identity, a: !!python/name:os.system }",
            '"os.system" is refused',
            id="a function of elsewhere",
        ),
        pytest.param(
            "model: {_target_: torch.nn.Identity, a: !!python/object:subprocess.Popen {args: x}}",
            '"subprocess.Popen" is refused',
            id="an object of elsewhere",
        ),
        pytest.param(
            "model: {_target_: torch.nn.NoSuchThing}", 'there is no "torch.nn.NoSuchThing"', id="no"
        ),
        pytest.param(
            'model: {_target_: torch.nn.Identity, a: "${b.c}"}', "cannot be resolved", id="dangling"
        ),
        pytest.param(
            'model: {_target_: torch.nn.Identity, a: "${oc.env:HOME}"}',
            r"calls \$\{oc\.env:",
            id="the environment",
        ),
        pytest.param(
            "model: {_target_: torch.nn.Identity, a: &a {b: *a}}",
            "an alias of what it is in",
            id="turning in a circle",
        ),
        pytest.param(
            "model: {_target_: torch.nn.Identity, b: 2024-99-99}",
            "a value that cannot be read",
            id="no date",
        ),
        pytest.param(
            "model: {_target_: torch.nn.Identity}\ndataloader: {test: {mapper: {image_format: L}}}",
            "image_format is 'L'",
            id="grey",
        ),
        pytest.param(
            "model: {_target_: torch.nn.Identity}\n"
            "dataloader: {test: {mapper: {augmentations: "
            "[{_target_: x.ResizeShortestEdge, short_edge_length: abc}]}}}",
            "short_edge_length 'abc'",
            id="a word for a length",
        ),
    ],
)
def test_says_what_is_wrong(text, sentence, tmp_path):
    with pytest.raises(ExportError, match=sentence):
        read_model_config(write(tmp_path, text))


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        pytest.param("1/0", "failed when it was run: ZeroDivisionError", id="fails"),
        pytest.param("import sys; sys.exit(0)", "failed when it was run: SystemExit", id="exits"),
        pytest.param("import no_such_module", "ModuleNotFoundError", id="misses a module"),
        pytest.param("model = 3", "defines no lazy `model`", id="no model"),
        pytest.param("def (", "failed when it was run: SyntaxError", id="not python"),
        pytest.param(
            "from detectron2.config import LazyCall as L\nimport torch\n"
            "model = L(torch.nn.Linear)(in_features=1, out_features=1, bias=lambda: 3)",
            r"model\.bias is <function .*cannot be written as data",
            id="a lambda",
        ),
    ],
)
def test_a_python_file_that_does_not_work(code, sentence, tmp_path):
    with pytest.raises(ExportError, match=sentence):
        read_model_config(write(tmp_path, code, "lazy.py"))


def test_classes_functions_and_partials_are_written_by_name(tmp_path):
    code = (
        "from functools import partial\n"
        "from detectron2.config import LazyCall as L\n"
        "import torch\n"
        "from torch import nn\n"
        "model = L(nn.Identity)(a=nn.ReLU, b=partial(nn.LayerNorm, eps=1e-6),"
        " c=torch.nn.functional.relu, d=L(nn.Linear)(in_features='${..n}', out_features=2), n=5,"
        " norm='SyncBN', e=torch.nn.functional.gelu)\n"
    )
    config = read_model_config(write(tmp_path, code, "lazy.py"))
    assert yaml.safe_load(config.text) == {
        "_target_": "torch.nn.modules.linear.Identity",
        "a": {"_object_": "torch.nn.modules.activation.ReLU"},
        "b": {"_partial_": "torch.nn.modules.normalization.LayerNorm", "eps": 1e-06},
        "c": {"_object_": "torch.nn.functional.relu"},
        "d": {"_target_": "torch.nn.modules.linear.Linear", "in_features": 5, "out_features": 2},
        "e": {"_object_": "torch.nn.functional.gelu"},
        "n": 5,
        "norm": "BN",
    }


@pytest.mark.parametrize(
    "name",
    sorted(
        path.relative_to(CONFIGS).as_posix()
        for path in CONFIGS.glob("*/*.py")
        if path.parent.name not in ("common", "Misc")
    ),
)
def test_every_lazy_config_of_the_zoo_is_written_as_data(name):
    config = read_model_config(name)
    assert config.kind == "lazy"
    assert config.input.min_size in (640, 800, 1024)
    assert "SyncBN" not in config.text


def test_overrides_as_detectron2_takes_them(tmp_path):
    file = str(CONFIGS / "COCO-Detection/retinanet_R_50_FPN_1x.py")
    for words in (["model.num_classes=7"], ["model.num_classes", "7"]):
        config = read_model_config(file, overrides=words, score_threshold=0.25)
        model = yaml.safe_load(config.text)
        assert (model["num_classes"], model["head"]["num_classes"]) == (7, 7)
        assert model["test_score_thresh"] == 0.25


def test_a_threshold_for_a_model_without_scores(tmp_path):
    with pytest.raises(ExportError, match="no part of the model has a test_score_thresh"):
        read_model_config(write(tmp_path, PLAIN), score_threshold=0.5)


def test_a_config_without_a_dataloader_is_resized_as_the_zoo_does(tmp_path):
    config = read_model_config(write(tmp_path, PLAIN))
    assert (config.input.min_size, config.input.max_size) == (800, 1333)
    assert "no dataloader.test.mapper" in config.warnings[0]


def test_reads_what_lazy_config_saves(tmp_path):
    name = "COCO-InstanceSegmentation/mask_rcnn_R_50_C4_1x.py"
    saved = tmp_path / "saved.yaml"
    LazyConfig.save(LazyConfig.load(str(CONFIGS / name)), str(saved))
    assert "!!python/name" in saved.read_text()
    built = [
        build_from_lazy(yaml.safe_load(read_model_config(source).text))
        for source in (str(saved), name)
    ]
    assert str(built[0]) == str(built[1])
