import pytest

from benchmarks import growth
from tests.benchmarks.results import result


def test_growth_by_objects_takes_one_shape():
    (bucket,) = growth.by_objects(result())
    assert (bucket.text, bucket.images) == ("1 to 4", 1)
    assert bucket.values["B2 host"] == 20
    assert bucket.values["S1 beyond forward"] == 20
    assert bucket.values[growth.BYTES] == 10


def test_growth_by_size_takes_all():
    assert [(one.text, one.images) for one in growth.by_size(result())] == [
        ("0 to 0.2", 1),
        ("0.2 to 0.5", 1),
    ]


def test_growth_by_mask_pixels():
    little, much, photograph = growth.by_mask_pixels(result())
    assert (little.text, little.images, little.theirs_mb) == ("0 to 1", 1, 10)
    assert little.ratio.median == pytest.approx(2)
    assert (much.text, much.images, much.ours_ms, much.theirs_ms) == ("1 to 2.5", 1, 60, 1200)
    assert much.ratio.median == pytest.approx(20)
    assert photograph.text == "1.2: 400 x 300, 10 coins"
    assert photograph.ratio == much.ratio


@pytest.mark.parametrize(
    ("objects", "texts"),
    [
        (0, ["0"]),
        (3, ["0 to 1"]),
        (5, ["1 to 2.5"]),
        (40, []),  # N1 is not asked about so many; where it was, no row is made of it
    ],
)
def test_an_image_is_in_one_row(objects, texts):
    given = result()
    given["images"] = [given["images"][0] | {"objects": objects}]
    for one in given["rounds"]:
        for name in ("S one by one", "N1 one by one"):
            row = one[name]
            one[name] = row | {key: row[key][:1] for key in ("indices", "latencies_ms", "sizes")}
    assert [row.text for row in growth.by_mask_pixels(given)] == texts


@pytest.mark.parametrize("arm", ["S", "N1"])
def test_what_fails_has_no_speed(arm):
    """An error comes sooner than an answer."""
    given = result()
    given["rounds"][0][f"{arm} one by one"]["failures"] = 1
    assert growth.by_mask_pixels(given) == []
    assert growth.photograph(given) is None


def test_what_fails_is_left_out_of_the_buckets():
    given = result()
    given["rounds"][0]["H"]["failures"] = 1
    (bucket,) = growth.by_objects(given)
    assert "H host" not in bucket.values
    assert bucket.values["B2 host"] == 20


def test_without_n1_there_is_nothing_to_say():
    given = result()
    for one in given["rounds"]:
        del one["N1 one by one"]
    assert growth.by_mask_pixels(given) == []
