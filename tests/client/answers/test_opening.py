"""How runs begin and go on, on a real server."""

import json

import pytest

from client.answers.opening import open_run
from client.answers.record import Record
from client.connection import Connection
from client.errors import ClientError, RequestRefused
from client.patience import Patience
from client.question import Options
from tests.client.proxy import Reply
from tests.models import CLASSES

ONCE = Patience(0)


@pytest.fixture
def connection(served, proxy):
    """The real server, its inference API through the proxy."""
    return Connection(proxy.url, served.management.url, served.work_dir, {}, 60)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "answers.jsonl"


def test_a_new_run_finds_the_version_and_what_the_model_is(connection, file, proxy):
    with open_run(connection, file=file, model="tiny", options=Options(max_detections=3)) as run:
        assert (run.model, run.version) == ("tiny", "1.0")
        assert [one["name"] for one in run.description["classes"]] == list(CLASSES)
        assert len(run.journal) == 0
    assert [asked.path for asked in proxy.asked] == ["/predictions/tiny"]
    assert proxy.asked[0].headers["X-max-detections"] == "3"


def test_one_that_goes_on_needs_no_server(connection, file, proxy, unused_port):
    options = Options(classes=["red"])
    with open_run(connection, file=file, model="tiny", options=options) as run:
        run.journal.add(Record("a.jpg", "1", 0.1, {}))
        description = run.description
    asked = len(proxy.asked)
    nobody = Connection(*2 * [f"http://127.0.0.1:{unused_port}"], connection.key_folder, {}, 1)
    for model, version in ((None, None), ("tiny", None), ("tiny", "1.0")):
        with open_run(nobody, file=file, model=model, version=version, options=options) as run:
            assert (run.model, run.version) == ("tiny", "1.0")
            assert run.description == description
            assert list(run.journal) == ["a.jpg"]
    assert len(proxy.asked) == asked


def test_the_version_is_named_from_then_on(connection, file, proxy, photograph):
    with open_run(connection, file=file, model="coins") as run:
        assert len(run.detector.predict(photograph)) > 3
    assert [asked.path for asked in proxy.asked] == [
        "/predictions/coins",
        "/predictions/coins/1.0",
    ]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"model": "coins"}, "model was 'tiny' and is 'coins'"),
        ({"version": "2.0"}, "version was '1.0' and is '2.0'"),
        ({"options": Options(tile=64)}, "options was {} and is {'tile': 64}"),
    ],
    ids=["model", "version", "options"],
)
def test_another_run_is_not_gone_on_with(connection, file, changed, sentence):
    with open_run(connection, file=file, model="tiny"):
        pass
    with (
        pytest.raises(ClientError, match=sentence),
        open_run(connection, **{"file": file, "model": "tiny", **changed}),
    ):
        pass


@pytest.mark.parametrize(
    ("change", "names"),
    [
        pytest.param(
            lambda about: about["files"].update({"model.safetensors": "0" * 64}),
            "(model.safetensors changed)",
            id="weights",
        ),
        pytest.param(
            lambda about: about["files"].pop("config.yaml"), "(config.yaml changed)", id="config"
        ),
        pytest.param(
            lambda about: about["classes"][0].update(name="apple"),
            "(classes changed)",
            id="names of classes",
        ),
        pytest.param(lambda about: about.update(precision="bf16"), "(precision ", id="precision"),
        pytest.param(
            lambda about: about["files"].update({"handler/a.py": "0", "zoo.py": "0"}),
            "(zoo.py, handler/a.py changed)",
            id="code",
        ),
    ],
)
def test_answers_of_another_export_are_not_gone_on_with(connection, file, proxy, change, names):
    """The server's own description is the new one; the journal's is changed to be an old one."""
    begin_and_change(connection, file, change)
    asked = len(proxy.asked)
    with (
        pytest.raises(ClientError, match="as it was before it was exported anew") as caught,
        open_run(connection, file=file),
    ):
        pass
    assert names in str(caught.value)
    assert "(--output), or --restart, which deletes them" in str(caught.value)
    assert len(proxy.asked) == asked
    with open_run(connection, file=file, model="tiny", restart=True) as run:
        assert run.is_same_export
        run.journal.begin()
    with open_run(connection, file=file) as run:
        assert run.is_same_export


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda about: None, id="nothing"),
        pytest.param(
            lambda about: about["files"].update({"model-config.yaml": "0" * 64}), id="workers"
        ),
        pytest.param(lambda about: about["limits"].update(max_image_pixels=1), id="limits"),
        pytest.param(lambda about: about["worker"].update(pid=1), id="another worker"),
    ],
)
def test_what_decides_no_answer_may_change(connection, file, change):
    begin_and_change(connection, file, change)
    with open_run(connection, file=file) as run:
        assert run.is_same_export
        assert list(run.journal) == ["a.jpg"]


def test_a_run_without_answers_goes_on_with_any_export(connection, file):
    begin_and_change(connection, file, lambda about: about["files"].clear(), answers=())
    with open_run(connection, file=file) as run:
        assert run.is_same_export
        assert run.description["files"]


def begin_and_change(connection, file, change, *, answers=("a.jpg",)) -> None:
    with open_run(connection, file=file, model="tiny") as run:
        for name in answers:
            run.journal.add(Record(name, "1", 0.1, {}))
    header, *records = file.read_text().splitlines(keepends=True)
    document = json.loads(header)
    change(document["about"])
    header = json.dumps(document, separators=(",", ":"))
    file.write_text("".join([f"{header}\n", *records]))


def test_what_the_model_is_may_be_known_later(served, connection, file, unused_port):
    alone = Connection(
        connection.inference_url, f"http://127.0.0.1:{unused_port}", served.work_dir, {}, 60
    )
    with open_run(alone, file=file, model="tiny") as run:
        run.journal.add(Record("a.jpg", "1", 0.1, {}))
        assert run.is_same_export  # all answers are of this run
    with open_run(connection, file=file) as run:
        assert [one["name"] for one in run.description["classes"]] == list(CLASSES)
        assert not run.is_same_export
    for asked in (connection, alone):
        with open_run(asked, file=file) as run:
            assert [one["name"] for one in run.description["classes"]] == list(CLASSES)
            assert not run.is_same_export  # one answer came before anybody had looked


def test_restarting(connection, file):
    with open_run(connection, file=file, model="tiny") as run:
        run.journal.add(Record("a.jpg", "1", 0.1, {}))
    with open_run(connection, file=file, model="coins", restart=True) as run:
        assert (run.model, len(run.journal)) == ("coins", 0)
    with open_run(connection, file=file) as run:  # nothing was begun
        assert (run.model, len(run.journal)) == ("tiny", 1)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({}, ClientError, r"serves 3 models \(batched, coins, tiny\): name one with --model"),
        ({"model": "dogs"}, RequestRefused, "404 ModelNotFoundException"),
        ({"model": "tiny", "version": "9"}, RequestRefused, "404 ModelVersionNotFound"),
        ({"model": "tiny", "options": Options(classes=["dog"])}, RequestRefused, "InvalidOption"),
    ],
    ids=["no model named", "no such model", "no such version", "no such class"],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    connection, file, arguments, error, sentence
):
    with (
        pytest.raises(error, match=sentence),
        open_run(connection, file=file, patience=ONCE, **arguments),
    ):
        pass
    assert not file.exists()


def test_a_model_that_takes_proposals(connection, file, proxy):
    body = b'{"code": 400, "type": "InvalidOption", "message": "proposals are missing"}'
    proxy.instead = lambda asked: Reply(400, body)
    with (
        pytest.raises(ClientError, match="boxes that it is given with each image"),
        open_run(connection, file=file, model="fast"),
    ):
        pass


def test_without_the_management_api(served, connection, file, unused_port):
    alone = Connection(
        connection.inference_url, f"http://127.0.0.1:{unused_port}", served.work_dir, {}, 60
    )
    with open_run(alone, file=file, model="tiny") as run:
        assert run.description is None
    with (
        pytest.raises(ClientError, match="Which model is served is not known, so name it"),
        open_run(alone, file=file.with_name("other.jsonl")),
    ):
        pass
