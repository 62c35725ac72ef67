"""The list of the zoo's configs, and what is made smaller in them."""

import pytest

from export.zoo import CONFIGS
from fidelity.zoo import FULL, NOT_RUN, Scale, zoo_configs


def test_every_yaml_of_the_zoo_is_run():
    names = {config.name for config in zoo_configs() if config.kind == "yacs"}
    files = {path.relative_to(CONFIGS).as_posix() for path in CONFIGS.glob("*/*.yaml")}
    assert {name for name in files if "/Base-" not in name} == names
    assert len(names) == 86


def test_every_lazy_config_is_run_or_has_a_reason_not_to():
    names = {config.name for config in zoo_configs() if config.kind == "lazy"}
    files = {path.relative_to(CONFIGS).as_posix() for path in CONFIGS.glob("*/*.py")}
    missing = {name for name in files - names - NOT_RUN.keys() if not name.startswith("common/")}
    assert not missing
    assert not names & NOT_RUN.keys()


@pytest.mark.parametrize(
    ("only", "count"),
    [((), 108), (("retinanet_R_50_FPN_1x",), 2), (("rpn_R_50_C4", "fcos"), 2), (("nothing",), 0)],
    ids=["all", "one part", "two parts", "a part of none"],
)
def test_configs_are_found_by_parts_of_their_names(only, count):
    names = [config.name for config in zoo_configs(only)]
    assert len(names) == len(set(names)) == count
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("name", "has_proposals", "overrides"),
    [
        (
            "COCO-Detection/rpn_R_50_C4_1x.yaml",
            True,
            ("INPUT.MIN_SIZE_TEST", "64", "MODEL.RPN.POST_NMS_TOPK_TEST", "9", "A.B", "1"),
        ),
        (
            "COCO-Detection/fcos_R_50_FPN_1x.py",
            False,
            ("dataloader.test.mapper.augmentations.0.short_edge_length=64",),
        ),
        (
            "COCO-Keypoints/keypoint_rcnn_R_50_FPN_1x.py",
            True,
            (
                "dataloader.test.mapper.augmentations.0.short_edge_length=64",
                "model.proposal_generator.post_nms_topk=[9,9]",
            ),
        ),
    ],
    ids=["yacs", "lazy without proposals", "lazy with proposals"],
)
def test_a_scale_is_overrides(name, has_proposals, overrides):
    (config,) = zoo_configs([name])
    scale = Scale(min_size=64, proposals=9, overrides=("A.B", "1"))
    assert scale.of(config, has_proposals=has_proposals) == overrides


def test_the_full_scale_sends_every_photograph():
    assert FULL.photographs == 4
    assert not FULL.overrides
