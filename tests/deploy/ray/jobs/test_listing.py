import os

import pytest

from client.errors import ClientError
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.listing import read_part, write_list
from deploy.ray.jobs.storage import Storage


def image(id_: int | str) -> Listed:
    return Listed(id_, f"/data/{id_}.jpg", f"{id_}.jpg")


def read_all(storage: Storage, count: int, size: int) -> list[Listed]:
    return [one for part in range(-(-count // size)) for one in read_part(storage, "t0", part)]


SIZES = [
    pytest.param(1, None, 8, id="one image"),
    pytest.param(512, None, 8, id="64 parts of the smallest"),
    pytest.param(513, None, 9, id="64 parts"),
    pytest.param(20_000, None, 256, id="many"),
    pytest.param(10, 3, 3, id="as it is said, the last one smaller"),
    pytest.param(700, 1, 1, id="more parts than a file has"),
]


@pytest.mark.parametrize(("count", "said", "size"), SIZES)
def test_parts_have_all_images_in_their_order(tmp_path, count, said, size):
    storage = Storage(str(tmp_path))
    images = [image(number) for number in range(count, 0, -1)]
    assert write_list(storage, "t0", iter(images), images_per_part=said) == (count, size)
    assert len(read_part(storage, "t0", 0)) == min(size, count)
    assert read_all(storage, count, size) == images


def test_text_and_names_that_are_none(storage):
    name = os.fsdecode(b"caf\xe9 \xc3\xa9.jpg")
    images = [Listed("ä", f"/data/{name}", name), Listed("b", "s3://x/y", "y")]
    assert write_list(storage, "t0", images) == (2, 8)
    assert read_part(storage, "t0", 0) == images


def test_what_an_earlier_run_has_begun_is_written_anew(storage):
    write_list(storage, "t0", [image(number) for number in range(300)], images_per_part=1)
    write_list(storage, "t0", [image(7)])
    assert storage.names("inputs") == ["list-000000-t0.parquet"]
    assert read_part(storage, "t0", 0) == [image(7)]


BAD = [
    pytest.param([], "There is no image", id="none"),
    pytest.param([1, 2, 1, 1], "2 of 4 images have the id of another one", id="numbers twice"),
    pytest.param(["a", "b", "a"], "1 of 3 images have", id="texts twice"),
    pytest.param([1, "2"], "The id of 2.jpg is '2', and others are int", id="two types"),
    pytest.param([2**63], "has more than 64 bits", id="too large"),
]


@pytest.mark.parametrize(("ids", "sentence"), BAD)
def test_what_is_refused(storage, ids, sentence):
    with pytest.raises(ClientError, match=sentence):
        write_list(storage, "t0", map(image, ids))


def test_the_ends_of_64_bits(storage):
    images = [image(2**63 - 1), image(-(2**63)), image(0)]
    write_list(storage, "t0", images)
    assert read_part(storage, "t0", 0) == images


def test_the_list_of_another_job_is_not_read(storage):
    write_list(storage, "t0", [image(1)])
    write_list(storage, "t1", [image(2)])
    with pytest.raises(ClientError, match="cannot be read"):
        read_part(storage, "t0", 0)
    assert read_part(storage, "t1", 0) == [image(2)]
