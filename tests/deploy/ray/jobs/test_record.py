from dataclasses import replace

import pytest

from client.errors import ClientError
from deploy.ray.jobs.record import Asked, Run, read_run, refuse_another, write_run
from deploy.ray.jobs.storage import Storage

ASKED = Asked(
    archive={"model": "coins", "version": "1.0", "sha256": "a" * 64},
    input={"kind": "folder", "url": "/data", "column": None, "fingerprint": ""},
    options={"score_threshold": 0.5, "classes": ["coin"]},
    batch=1,
    pictures=False,
)
RUN = Run(
    ASKED, "t0", images=10, images_per_part=4, text_ids=False, categories=[{"id": 1, "name": "é"}]
)


def test_parts_of_a_run():
    assert RUN.parts == 3
    assert [RUN.images_of(part) for part in range(3)] == [4, 4, 2]


def test_the_same_job_goes_on(storage):
    assert read_run(storage, ASKED) is None
    write_run(storage, RUN)
    assert read_run(storage, ASKED) == RUN


OTHERS = [
    pytest.param(
        {"archive": {**ASKED.archive, "sha256": "b" * 64}},
        r'the archive: {"sha256": "aaa.*aaa"} there, {"sha256": "bbb.*bbb"} now',
        id="archive",
    ),
    pytest.param(
        {"input": {**ASKED.input, "url": "/other"}},
        r'the input: {"url": "/data"} there, {"url": "/other"} now',
        id="input",
    ),
    pytest.param(
        {"options": {"classes": ["coin"]}},
        r'the options: {"score_threshold": 0.5} there, none now',
        id="an option less",
    ),
    pytest.param(
        {"options": {**ASKED.options, "score_threshold": 0.4}},
        r'{"score_threshold": 0.5} there, {"score_threshold": 0.4} now',
        id="another value",
    ),
    pytest.param(
        {"batch": 8, "pictures": True},
        "--batch: 1 there, 8 now; --pictures: false there, true now",
        id="two at once",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), OTHERS)
def test_another_job_is_not_mixed_in(storage, changes, sentence):
    write_run(storage, RUN)
    assert read_run(storage, replace(ASKED, **changes)) is None  # nothing is lost by it
    storage.write("results/part-000000-t1.parquet", b"")
    assert read_run(storage, replace(ASKED, **changes)) is None  # of a job before this one
    storage.write("results/part-000000-t0.parquet", b"")
    with pytest.raises(ClientError, match=sentence.replace("{", r"\{")) as caught:
        read_run(storage, replace(ASKED, **changes))
    assert f"{storage.url} has results of another job" in str(caught.value)
    assert "Name another folder with --output, or repeat the command as" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"format_version": 1}', b'{"format_version": 2}']
)
def test_a_file_of_something_else(tmp_path, content):
    storage = Storage(str(tmp_path))
    storage.write("run.json", content)
    with pytest.raises(ClientError, match=r"run\.json is none of this command"):
        read_run(storage, ASKED)


@pytest.mark.parametrize("folder", ["results", "unreadable"])
def test_results_that_nothing_says_the_job_of(storage, folder):
    storage.write(f"{folder}/part-0.parquet", b"")
    with pytest.raises(ClientError, match=f"has files in {folder}, and no run.json"):
        read_run(storage, ASKED)


def test_a_worker_sees_that_its_job_was_given_up(storage):
    write_run(storage, RUN)
    refuse_another(storage, "t0")
    with pytest.raises(ClientError, match="belongs to another job since"):
        refuse_another(storage, "t1")
    storage.delete("run.json")
    with pytest.raises(ClientError, match="belongs to another job since"):
        refuse_another(storage, "t0")
