import pytest

from client.classes import Category, ModelClass
from client.errors import ClientError
from client.predict.categories import categories_for

CAT, DOG = ModelClass(0, "cat", 17), ModelClass(1, "dog", 18)
NAMELESS = [ModelClass(0, "cat"), ModelClass(1, "dog")]


@pytest.mark.parametrize(
    ("classes", "annotated", "ids", "entries", "noted"),
    [
        pytest.param(
            [CAT, DOG], [], {0: 17, 1: 18}, [(17, "cat"), (18, "dog")], False, id="the model's own"
        ),
        pytest.param(
            NAMELESS, [], {0: 0, 1: 1}, [(0, "cat"), (1, "dog")], True, id="positions"
        ),
        pytest.param(
            [CAT, ModelClass(1, "dog")], [], {0: 0, 1: 1}, [(0, "cat"), (1, "dog")], True,
            id="own ids of some alone",
        ),
        pytest.param(
            NAMELESS, [Category(5, "dog"), Category(6, "cat")], {0: 6, 1: 5},
            [(5, "dog"), (6, "cat")], False, id="names of annotations",
        ),
        pytest.param([], [], {}, [], True, id="no classes"),
    ],
)  # fmt: skip
def test_categories(classes, annotated, ids, entries, noted):
    found = categories_for(classes, annotated, are_all=True)
    assert dict(found.ids) == ids
    assert [(one["id"], one["name"]) for one in found.entries] == entries
    assert bool(found.notes) == noted


def test_annotations_that_nothing_of_the_model_is_in():
    with pytest.raises(ClientError, match="No class of the model"):
        categories_for(
            NAMELESS, [Category(1, "x"), Category(2, "y"), Category(3, "z")], are_all=True
        )
