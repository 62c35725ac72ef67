"""What becomes of the objects of two answers about one image."""

import pytest

from client.compare.differences import differences

A, B, FAR = (0, 0, 10, 10), (2, 0, 12, 10), (50, 50, 60, 60)


def found(*objects: tuple) -> dict:
    """An answer; an object is (class name, score, box)."""
    return {
        "predictions": [
            {"class_name": name, "score": score, "box": list(box)} for name, score, box in objects
        ]
    }


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        pytest.param(found(), found(), (0, 0, 0, 0), id="nothing found"),
        pytest.param(found(("cat", 0.9, A)), found(("cat", 0.8, A)), (1, 0, 0, 0), id="the same"),
        pytest.param(found(("cat", 0.9, A)), found(("cat", 0.3, B)), (1, 0, 0, 0), id="less sure"),
        pytest.param(found(("cat", 0.3, A)), found(("cat", 0.4, A)), (0, 0, 0, 0), id="neither"),
        pytest.param(found(("cat", 0.9, A)), found(("dog", 0.8, B)), (0, 1, 0, 0), id="class"),
        pytest.param(
            found(("cat", 0.9, A)), found(("dog", 0.4, B)), (0, 0, 1, 0), id="an unsure class"
        ),
        pytest.param(found(("cat", 0.9, A)), found(), (0, 0, 1, 0), id="lost"),
        pytest.param(found(), found(("cat", 0.5, A)), (0, 0, 0, 1), id="new"),
        pytest.param(found(), found(("cat", 0.499, A)), (0, 0, 0, 0), id="new, not sure"),
        pytest.param(
            found(("cat", 0.9, A)), found(("cat", 0.9, FAR)), (0, 0, 1, 1), id="elsewhere"
        ),
        pytest.param(
            found(("cat", 0.9, A)),
            found(("dog", 0.95, A), ("cat", 0.1, B)),
            (1, 0, 0, 1),
            id="the same class comes first",
        ),
        pytest.param(
            found(("cat", 0.9, A), ("cat", 0.8, B)),
            found(("cat", 0.9, A)),
            (1, 0, 1, 0),
            id="one counterpart each",
        ),
    ],
)
def test_same_changed_and_one_sided(old, new, counts):
    one = differences(old, new, iou=0.5, score=0.5)
    assert (len(one.same), len(one.changed), len(one.only_old), len(one.only_new)) == counts
    assert one.count == sum(counts[1:])
    other = differences(new, old, iou=0.5, score=0.5)
    same, changed, only_old, only_new = counts
    assert (len(other.same), len(other.changed)) == (same, changed)
    assert (len(other.only_old), len(other.only_new)) == (only_new, only_old)


def test_a_pair_says_how_alike_and_how_much_surer():
    (match,) = differences(found(("cat", 0.75, A)), found(("cat", 0.5, B)), iou=0.5, score=0.5).same
    assert match.overlap == {"box": pytest.approx(8 / 12)}
    assert match.shift == -0.25
    assert match.distance == pytest.approx(4 / 12 + 0.25)


def test_least_overlap_and_score_are_those_that_are_given():
    old, new = found(("cat", 0.75, A)), found(("cat", 0.75, B))
    assert differences(old, new, iou=0.7, score=0.5).count == 2
    assert differences(old, new, iou=0.7, score=0.8).count == 0


def test_an_answer_does_not_differ_from_itself():
    answer = found(("cat", 0.9, A), ("dog", 0.9, A), ("cat", 0.8, B), ("cat", 0.1, FAR))
    one = differences(answer, answer, iou=0.5, score=0.5)
    assert one.size == (0, 0.0)
    assert {(match.old, match.new) for match in one.same} == {
        (match.new, match.old) for match in one.same
    }


def test_what_has_no_score_counts_and_does_not_shift():
    rle = {"size": [2, 2], "counts": "04"}
    sky = {"class_name": "sky", "mask": rle}
    answer = {"predictions": [], "semantic": {"segments": [sky]}}
    (match,) = differences(answer, answer, iou=0.5, score=0.99).same
    assert (match.kind, match.shift, match.overlap) == ("semantic", None, {"mask": 1.0})


def test_proposals_are_objects():
    def answer(*logits):
        return {
            "predictions": [],
            "proposals": [{"objectness": logit, "box": list(A)} for logit in logits],
        }

    one = differences(answer(3.0), answer(), iou=0.5, score=0.9)
    assert [single.thing.class_name for single in one.only_old] == ["proposals"]
    assert one.only_old[0].thing.score == pytest.approx(0.9526, abs=1e-4)
