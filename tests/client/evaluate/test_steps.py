"""Long computations: what is shown of them, and how they are ended."""

import pytest

from client.evaluate.judging import Settings, judge
from client.evaluate.reading import read_dataset
from client.evaluate.steps import Steps, Stopped
from tests.client.evaluate.material import answers_of, make_material


def test_says_what_is_done_once(capsys):
    with Steps(2) as step:
        for _ in range(1000):
            step("judging")
        step("drawing")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" s ")[1] for line in lines] == ["judging", "drawing"]


def test_says_nothing_where_nothing_is_done(capsys):
    with Steps(2):
        pass
    assert capsys.readouterr().err == ""


def test_ends_where_that_is_wished():
    wishes = iter([False, False, True])
    with Steps(1, stopped=lambda: next(wishes)) as step:
        step("judging")
        step("judging")
        with pytest.raises(Stopped):
            step("judging")


def test_ends_between_any_two_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("client.evaluate.matching.IMAGES_AT_A_TIME", 3)
    material = make_material(tmp_path, 1)
    dataset = read_dataset(material.annotations)
    said = []

    def step(sentence: str) -> None:
        said.append(sentence)
        if len(said) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(dataset, answers_of(material, dataset.images), Settings(), step=step)
    assert said == ["judging 8 images"] * 2
