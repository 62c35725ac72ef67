"""Categories of one name, told apart."""

import pytest

from client.classes import Category
from client.same_names import told_apart

CATS = [Category(3, "cat"), Category(1, "cat"), Category(2, "dog")]
FIRST, SECOND = Category(3, "cat (id 3)"), Category(1, "cat (id 1)")


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        pytest.param({1, 2}, [FIRST, *CATS[1:]], id="the one with objects keeps it"),
        pytest.param({2, 3}, [CATS[0], SECOND, CATS[2]], id="whichever that is"),
        pytest.param(set(), [CATS[0], SECOND, CATS[2]], id="of none with objects the first"),
        pytest.param(
            {1, 3},
            [Category(3, "cat (id 3)", "cat"), Category(1, "cat (id 1)", "cat"), CATS[2]],
            id="both have objects",
        ),
    ],
)
def test_every_category_has_a_name_of_its_own(used, expected):
    found, notes = told_apart(CATS, used)
    assert found == expected
    (note,) = notes
    apart = [one.name for one in expected if one.name not in ("cat", "dog")]
    assert note == (
        f"2 categories of the annotations are called cat; told apart here as {', '.join(apart)}."
    )


def test_names_that_differ_stay():
    assert told_apart(CATS[1:], {1}) == (CATS[1:], [])
