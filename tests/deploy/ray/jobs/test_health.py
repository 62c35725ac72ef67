import pytest

from client.errors import ClientError
from deploy.ray.jobs.health import Health, started


def test_a_model_that_ends_process_after_process(storage):
    for _ in range(3):
        Health(storage, "a").load()  # and dies
    with pytest.raises(ClientError, match="A worker died 3 times while it loaded the model"):
        Health(storage, "a").load()
    Health(storage, "b").load()


def test_deaths_after_the_model_is_there_are_none_of_its_loading(storage):
    for _ in range(9):
        health = Health(storage, "a")
        health.load()
        health.loaded()


def test_a_worker_that_cannot_work(storage):
    for _ in range(2):
        health = Health(storage, "a")
        health.load()
        health.loaded()
        health.sick("CUDA error.")
    health = Health(storage, "a")
    health.load()
    with pytest.raises(ClientError, match=r"was started 3 times and cannot work: CUDA error\."):
        health.sick("CUDA error.")


def test_a_part_between_two_troubles(storage):
    for _ in range(9):
        Health(storage, "a").sick("CUDA error.")
        Health(storage, "a").well()


def test_how_many_have_started(storage):
    assert started(storage) == 0
    for name in ("a", "b", "b"):
        Health(storage, name).load()
    assert started(storage) == 2
