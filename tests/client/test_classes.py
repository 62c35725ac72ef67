"""Which category a class is: by ids, by names, or by the order of ids."""

import pytest

from client.classes import Category, ModelClass, described_classes, map_classes, unjudged
from client.errors import ClientError

PETS = (Category(18, "dog"), Category(17, "cat"))


def classes(*names: str, ids=None) -> list[ModelClass]:
    return [ModelClass(k, name, ids and ids[k]) for k, name in enumerate(names)]


@pytest.mark.parametrize(
    ("known", "expected", "how"),
    [
        pytest.param(classes("cat", "dog", ids=[17, 18]), {0: 17, 1: 18}, "dataset-ids", id="ids"),
        pytest.param(
            classes("Katze", "Hund", ids=[17, 18]), {0: 17, 1: 18}, "dataset-ids", id="ids alone"
        ),
        pytest.param(
            classes("cat", "dog", ids=[18, 17]), {0: 17, 1: 18}, "names", id="names against ids"
        ),
        pytest.param(classes("dog", "cat"), {0: 18, 1: 17}, "names", id="names"),
        pytest.param(classes("Dog_", " CAT"), {0: 18, 1: 17}, "names", id="names, loosely"),
        pytest.param(classes("dog", "cow"), {0: 18}, "names", id="one name"),
        pytest.param(classes("class_0", "class_1"), {0: 17, 1: 18}, "order", id="order of ids"),
        pytest.param(
            classes("cat", "dog", ids=[1, 2]), {0: 17, 1: 18}, "names", id="ids of other data"
        ),
    ],
)
def test_the_best_way_is_taken(known, expected, how):
    found = map_classes(known, PETS, are_all=True)
    assert (found.category_ids, found.how) == (expected, how)


def test_says_when_it_guesses():
    found = map_classes(classes("class_0", "class_1"), PETS, are_all=True)
    assert found.notes == (
        "Neither ids nor names of the model's classes are those of the annotations: classes were "
        "taken for categories in the order of their ids (class_0 is cat, class_1 is dog).",
    )
    assert map_classes(classes("a", "b"), PETS, are_all=True, how="order").notes == ()


def test_says_when_ids_alone_speak_for_it():
    known = classes("person", "dog house", ids=[17, 18])
    found = map_classes(known, PETS, are_all=True)
    assert (found.category_ids, found.how) == ({0: 17, 1: 18}, "dataset-ids")
    assert found.notes == (
        "The model's classes are not called as the annotations' categories: classes were taken for "
        "categories by the ids of the data set of the training (person is cat, dog house is dog).",
    )
    assert map_classes(known, PETS, are_all=True, how="dataset-ids").notes == ()
    same = classes("Cat", "dog", ids=[17, 18])
    assert map_classes(same, PETS, are_all=True).notes == ()


def test_says_what_the_model_does_not_know():
    assert map_classes(classes("dog"), PETS, are_all=True).notes == (
        "The model does not know cat: objects of such count as missed.",
    )
    # Of the answers alone nobody can say.
    assert map_classes(classes("dog"), PETS, are_all=False).notes == ()


def test_says_what_the_annotations_do_not_have():
    assert unjudged({ModelClass(3, "cow"): 12}) == [
        "The annotations have no category for the model's class cow: its 12 detections are not "
        "judged."
    ]


@pytest.mark.parametrize("how", ["dataset-ids", "names", "order"])
def test_the_way_that_was_asked_for_is_taken(how):
    known = classes("cat", "dog", ids=[18, 17])
    expected = {"dataset-ids": {0: 18, 1: 17}, "names": {0: 17, 1: 18}, "order": {0: 17, 1: 18}}
    found = map_classes(known, PETS, are_all=True, how=how)
    assert (found.category_ids, found.how) == (expected[how], how)


@pytest.mark.parametrize(
    ("known", "how", "sentence"),
    [
        pytest.param(
            classes("a", "b", "c"),
            None,
            r"No class of the model \(a, b, c\) is a category of the annotations \(dog, cat\) by "
            r"dataset id, name or order\.",
            id="more classes than categories",
        ),
        pytest.param(classes("a", "b"), "names", r"\(dog, cat\) by names\.", id="no name"),
        pytest.param(classes("a", "b"), "dataset-ids", r"by dataset-ids\.", id="no ids"),
        pytest.param([], None, r"\(it has none\)", id="no classes"),
    ],
)
def test_no_class_fits(known, how, sentence):
    with pytest.raises(ClientError, match=sentence):
        map_classes(known, PETS, are_all=True, how=how)


def test_a_model_that_answered_nothing_fits():
    assert map_classes([], PETS, are_all=False).category_ids == {}


def test_reads_a_description():
    description = {"classes": [{"name": "cat", "dataset_id": 17}, {"name": "dog"}]}
    assert described_classes(description) == [ModelClass(0, "cat", 17), ModelClass(1, "dog")]


RENAMED = (Category(1, "person"), Category(2, "bicycle"))


def test_says_why_ids_are_not_believed():
    found = map_classes(classes("person", "bike", ids=[1, 2]), RENAMED, are_all=True)
    assert (found.category_ids, found.how) == ({0: 1}, "names")
    assert found.notes == (
        "The ids of the data set of the training were not believed, as names contradict them "
        "(bike is 2, there bicycle): classes were taken for categories by name. Where names alone "
        "have changed, --classes-by dataset-ids of evaluate and compare takes ids.",
        "The model does not know bicycle: objects of such count as missed.",
    )
    trusted = map_classes(
        classes("person", "bike", ids=[1, 2]), RENAMED, are_all=True, how="dataset-ids"
    )
    assert (trusted.category_ids, trusted.notes) == ({0: 1, 1: 2}, ())


SHARED = (Category(1, "cat (id 1)", "cat"), Category(2, "cat (id 2)", "cat"), Category(3, "dog"))


def test_a_shared_name_is_refused_where_names_are_needed():
    known = classes("cat", "dog", ids=[2, 3])
    assert map_classes(known, SHARED, are_all=True).category_ids == {0: 2, 1: 3}
    assert map_classes(known, SHARED, are_all=True).notes == (
        "The model does not know cat (id 1): objects of such count as missed.",
    )
    assert map_classes(classes("dog"), SHARED, are_all=True).category_ids == {0: 3}
    three = classes("cat", "cat", "dog")
    assert map_classes(three, SHARED, are_all=True, how="order").category_ids == {0: 1, 1: 2, 2: 3}
    for how in (None, "names"):
        with pytest.raises(
            ClientError, match="Several categories of the annotations are called Cat"
        ):
            map_classes(classes("Cat", "dog"), SHARED, are_all=True, how=how)
