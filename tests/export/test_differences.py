"""Differences in sentences: all of few, and of many what they have in common."""

import re

import pytest
import torch

from export.differences import SHOWN, Differences
from handler.config import build_from_config
from tests.models import tiny_config


@pytest.fixture(scope="module")
def state():
    return build_from_config(tiny_config(), device="cpu").state_dict()


def lines(state, *, missing=(), unknown=(), shapes=None, values=(), kind="yacs"):
    weights = {name: one for name, one in state.items() if name not in missing}
    weights.update(dict.fromkeys(unknown, torch.zeros(1)))
    found = Differences(tuple(missing), tuple(unknown), shapes or {}, tuple(values))
    return found.sentences(weights, state, kind)


def test_few_names_are_all_there(state):
    missing = list(state)[:SHOWN]
    header, *told = lines(state, missing=missing)
    assert header == f"The weights do not fit the config's network ({SHOWN} differences):"
    assert told[:SHOWN] == [f"  missing in the weights: {name}" for name in missing]


def test_many_names_are_told_by_their_modules(state):
    kept = ("backbone.bottom_up.stem", "backbone.bottom_up.res2", "proposal_generator", "roi_heads")
    missing = [name for name in state if not name.startswith(kept)]
    unknown = [f"trainer.layers.{index}.weight" for index in range(300)]
    header, *told = lines(state, missing=missing, unknown=unknown)
    assert header.endswith(f"({len(missing) + 300} differences):")
    assert told == [
        *(
            f"  missing in the weights: backbone.{module}.* (all {count})"
            for module, count in [
                *((f"fpn_{kind}{level}", 2) for level in "2345" for kind in ("lateral", "output")),
                *(("bottom_up.res3", 78), ("bottom_up.res4", 114), ("bottom_up.res5", 60)),
            ]
        ),
        "  unknown to the config's network: trainer.* (all 300)",
        "The config has a feature pyramid (FPN), the weights have none.",
        "What may be missing is named by --allow-missing PATTERN.",
        "What may be left behind, by --allow-unexpected PATTERN.",
    ]


def test_parts_of_modules(state):
    missing = [name for name in state if name.endswith(("norm.weight", "norm.bias"))]
    told = [line for line in lines(state, missing=missing)[1:] if line.startswith("  missing")]
    res3 = sum(name.startswith("backbone.bottom_up.res3.") for name in state)
    assert f"  missing in the weights: backbone.bottom_up.res3.* (26 of {res3})" in told
    assert len(told) <= SHOWN
    assert sum(int(re.search(r"\((\d+)", line)[1]) for line in told) == len(missing)


def test_everything(state):
    names = [f"student.{name}" for name in state]
    _, *told = lines(state, missing=list(state), unknown=names)
    assert told[:4] == [
        "  missing in the weights: backbone.* (all 334)",
        "  missing in the weights: proposal_generator.* (all 6)",
        "  missing in the weights: roi_heads.* (all 12)",
        "  unknown to the config's network: student.* (all 352)",
    ]


def test_names_without_modules(state):
    unknown = [f"conv{index}_w" for index in range(40)]
    told = lines(state, unknown=unknown)[1:-1]
    assert told[0] == "  unknown to the config's network: conv0_w"
    assert told[SHOWN:] == ["  unknown to the config's network: ... and 28 more names"]


def test_many_shapes_and_values(state):
    shapes = {f"layer{index:02}": ((1,), (2,)) for index in range(SHOWN + 1)}
    values = [f"not finite (NaN or infinity): {index}" for index in range(SHOWN + 5)]
    told = lines(state, shapes=shapes, values=values)[1:]
    assert told[0] == "  shape of layer00: (1,) in the weights, (2,) by the config"
    assert told[SHOWN] == "  ... and 1 more shape"
    assert told[-1] == "  ... and 5 more values"
    assert len(told) == 2 * (SHOWN + 1)
