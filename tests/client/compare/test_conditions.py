"""What `--fail-if` accepts, and what becomes of it."""

import pytest

from client.compare.conditions import (
    QUANTITIES,
    ConditionError,
    Value,
    parse_condition,
    refuse_missing,
    require_annotations,
    verdicts,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("ap_drop>0.01", "ap_drop>0.01", id="as in the help"),
        pytest.param(" agreement <= 0.9 ", "agreement<=0.9", id="spaces"),
        pytest.param("slowdown>=2", "slowdown>=2", id="a whole number"),
        pytest.param("score_shift<-5e-2", "score_shift<-0.05", id="an exponent"),
        pytest.param("failed_images>0", "failed_images>0", id="none at all"),
        pytest.param("box_iou_median<1", "box_iou_median<1", id="all but exact"),
        pytest.param("ap_drop_segm>-0.01", "ap_drop_segm>-0.01", id="an increase is wanted"),
    ],
)
def test_reads(text, written):
    condition = parse_condition(text)
    assert str(condition) == written
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "ap_drop", "is no condition; accepted are NAME OPERATOR NUMBER", id="no limit"
        ),
        pytest.param("ap_drop=0.01", "with <, <=, >, >=", id="another operator"),
        pytest.param("ap_drop>1%", "is no condition", id="no number"),
        pytest.param("ap_drop>nan", "is no condition", id="not a number"),
        pytest.param("slowdown>inf", "is no condition", id="for ever"),
        pytest.param("", "is no condition", id="nothing"),
        pytest.param("map_drop>0.1", "names map_drop, which is unknown; known are", id="name"),
        pytest.param(
            "ap_drop>1", "never so: ap_drop is from -1 to 1 (AP is from 0 to", id="percent"
        ),
        pytest.param("agreement>=0", "always so: agreement is from 0 to 1.", id="always"),
        pytest.param("slowdown<0", "never so: slowdown is 0 or more.", id="never"),
    ],
)
def test_refuses(text, sentence):
    with pytest.raises(ConditionError) as refused:
        parse_condition(text)
    assert sentence in str(refused.value)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "value", "fails"),
    [
        pytest.param("ap_drop>0.01", 0.011, True, id="above"),
        pytest.param("ap_drop>0.01", 0.01, False, id="the limit itself"),
        pytest.param("ap_drop>=0.01", 0.01, True, id="the limit included"),
        pytest.param("ap_drop>0.01", -0.2, False, id="better"),
        pytest.param("agreement<0.95", 0.949, True, id="below"),
        pytest.param("agreement<0.95", 0.95, False, id="the limit of below"),
        pytest.param("agreement<=0.95", 0.95, True, id="the limit of below included"),
        pytest.param("agreement<0.95", None, True, id="nobody can tell"),
    ],
)
def test_fails(text, value, fails):
    condition = parse_condition(text)
    values = {name: Value(0.5) for name in QUANTITIES}
    values[condition.quantity.name] = Value(value, "nothing was found")
    (verdict,) = verdicts([condition], values)
    assert verdict.fails is fails
    assert verdict.sentence().startswith(f"{text}: {condition.quantity.name} is ")
    assert ("not defined, nothing was found" in verdict.sentence()) is (value is None)


def test_names_all_that_take_annotations():
    conditions = [parse_condition(one) for one in ("ap_drop>0", "slowdown>2", "ap50_drop_segm>0")]
    with pytest.raises(ConditionError, match=r"ap_drop>0, ap50_drop_segm>0: AP takes annotations"):
        require_annotations(conditions)
    require_annotations(conditions[1:2])


def test_what_was_not_there_at_all_is_wrong_usage():
    conditions = [parse_condition(one) for one in ("mask_iou_median<0.9", "box_iou_p5<0.9")]
    values = {name: Value(None, "nothing was found by both") for name in QUANTITIES}
    refuse_missing(verdicts(conditions, values))
    values["mask_iou_median"] = Value(None, "there are no masks", is_missing=True)
    with pytest.raises(ConditionError) as refused:
        refuse_missing(verdicts(conditions, values))
    assert str(refused.value) == "--fail-if mask_iou_median<0.9: there are no masks."


def test_names_are_words_of_a_shell():
    assert all(name.replace("_", "").isalnum() for name in QUANTITIES)
