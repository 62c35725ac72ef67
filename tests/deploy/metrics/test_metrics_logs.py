"""What stands in the logs of a real TorchServe, and above all what does not."""

import base64
import gzip
import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.deploy.metrics.conftest import GOOD, Site, running_server


@pytest.fixture(scope="module")
def site(pytestconfig: pytest.Config, store: Path, tmp_path_factory) -> Iterator[Site]:
    """A server whose counts nobody compares."""
    folder = tmp_path_factory.mktemp("logging")
    with running_server(pytestconfig.rootpath, folder, store, "tiny") as server:
        yield Site(server)


def logged(site: Site) -> str:
    """All that the server has written to its logs and its output, up to now."""
    last = site.post("tiny", data=GOOD).headers["x-request-id"]
    model_log = site.logs / "model_log.log"
    for _ in range(100):
        if last in model_log.read_text():
            break
        time.sleep(0.1)
    else:
        pytest.fail("the last request is in no log")
    time.sleep(0.5)  # for the other files, and Java's output
    files = [*site.logs.rglob("*"), site.server.work_dir.parent / "output.log"]
    return "\n".join(
        gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text()
        for file in files
        if file.is_file()
    )


def marked_picture(mark: str) -> bytes:
    """A good picture with the mark in its texts and its EXIF data."""
    image = Image.open(io.BytesIO(GOOD))
    exif = Image.Exif()
    exif[0x010E] = mark
    texts = PngInfo()
    texts.add_text("Comment", mark)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=texts, exif=exif)
    return buffer.getvalue()


GOOD_64 = base64.b64encode(GOOD).decode()


def places(mark: str) -> dict[str, dict[str, Any]]:
    """Requests with the mark somewhere."""
    raw = mark.encode()
    return {
        "body": {"data": raw + b" " + raw},
        "picture's texts": {"data": marked_picture(mark)},
        "picture's bytes": {"data": GOOD[:60] + raw + GOOD[60:]},
        "query": {"data": GOOD, "query": f"?{mark}={mark}"},
        "query that cannot be read": {"data": GOOD, "query": f"?a=%zz{mark}"},
        "option": {"data": GOOD, "headers": {"X-Format": mark}},
        "option's name": {"data": GOOD, "headers": {f"X-{mark}": "1"}},
        "number": {"data": GOOD, "headers": {"X-Score_threshold": mark}},
        "key": {"data": GOOD, "key": mark},
        "user agent": {
            "data": GOOD,
            "headers": {"User-Agent": mark, "Referer": mark, "Cookie": mark},
        },
        "request id": {
            "data": GOOD,
            "headers": {"X-Request-Id": mark, "X-Request-Id-Prefix": mark, "traceparent": mark},
        },
        "media type": {"data": GOOD, "headers": {"Content-Type": f"image/{mark}"}},
        "accept": {"data": GOOD, "headers": {"Accept": mark}},
        "form that cannot be read": {
            "data": b"%zz" + raw + b"\n\tat " + raw + b"\xff\xd8=" + GOOD,
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        "form's field": {"files": {mark: (f"{mark}.png", GOOD, f"image/{mark}")}},
        "form's file name": {"files": {"data": (f"{mark}.png", GOOD, f"image/{mark}")}},
        "form's value": {"files": {"data": GOOD}, "data": {"format": mark}},
        "form without an end": {
            "data": f'--b\r\nContent-Disposition: form-data; name="{mark}"\r\n\r\n{mark}'.encode(),
            "headers": {"Content-Type": "multipart/form-data; boundary=b"},
        },
        "JSON that is none": {
            "data": f'{{"image": "{mark}'.encode(),
            "headers": {"Content-Type": "application/json"},
        },
        "JSON's key": {"json": {"image": GOOD_64, mark: mark}},
        "JSON's image": {"json": {"image": mark}},
        "JSON's list": {"json": {"instances": [mark, GOOD_64]}},
        "KServe's id": {"json": {"id": mark, "inputs": [{"name": mark, "data": [GOOD_64]}]}},
        "metric": {
            "json": {"image": GOOD_64, f"\n[METRICS]{mark}.Count:1|#": f"\n[METRICS]{mark}"}
        },
    }


MARKS = {place: f"Xyzzy{number:02}Marker" for number, place in enumerate(places(""))}
"""A mark for each place, none a part of another."""


@pytest.fixture(scope="module")
def said(site: Site) -> str:
    """All that the server says after a request with a mark in each place."""
    for place, mark in MARKS.items():
        assert site.post("tiny", **places(mark)[place]).status_code < 600
    return logged(site) + site.scrape()


@pytest.mark.parametrize("place", MARKS)
def test_nothing_that_a_client_sent_is_in_a_log_or_a_label(place, said: str):
    assert MARKS[place] not in said
    assert base64.b64encode(MARKS[place].encode()).decode().rstrip("=") not in said


def test_the_path_is_in_the_access_log_and_nowhere_else(site: Site):
    site.post("no-such-place%0a[ERROR]")
    lines = [line for line in logged(site).splitlines() if "no-such-place" in line]
    assert len(lines) == 1, lines
    assert '"POST /predictions/no-such-place%0A%5BERROR%5D HTTP/1.1" 404' in lines[0]


def test_no_key_is_in_any_log(site: Site):
    text = logged(site)
    for key in json.loads((site.server.work_dir / "key_file.json").read_text()).values():
        assert key["key"] not in text


def test_a_client_finds_its_request_by_the_id_of_the_answers_header(site: Site):
    response = site.post("tiny", data=GOOD)
    identity = response.headers["x-request-id"]
    logged(site)
    (line,) = [
        line for line in (site.logs / "model_log.log").read_text().splitlines() if identity in line
    ]
    document = json.loads(line.partition(" MODEL_LOG - ")[2])
    assert document.pop("seconds") > 0
    assert document == {
        "request_id": identity,
        "model": "tiny",
        "version": "1.0",
        "status": 200,
        "images": 1,
        "detections": len(response.json()["predictions"]),
        "bytes": len(response.content),
    }


def test_a_failed_request_is_found_as_well(site: Site):
    identity = site.post("tiny", data=b"hello").headers["x-request-id"]
    logged(site)
    text = (site.logs / "model_log.log").read_text()
    (line,) = [line for line in text.splitlines() if identity in line]
    assert json.loads(line.partition(" MODEL_LOG - ")[2])["errors"] == ["UndecodableImage"]


def test_a_request_costs_a_line_of_each_of_two_logs(site: Site):
    def lines() -> dict[str, int]:
        logged(site)
        return {file.name: len(file.read_text().splitlines()) for file in site.logs.glob("*.log")}

    before = lines()
    for _ in range(5):
        site.post("tiny", data=GOOD)
    grown = {name: number - before[name] for name, number in lines().items()}
    assert grown == {"access_log.log": 6, "model_log.log": 6, "ts_log.log": 0}


def test_what_the_server_says_of_itself_stays(site: Site):
    text = (site.logs / "ts_log.log").read_text()
    assert "Torchserve version: 0.12.0" in text
    assert "State change WORKER_STARTED -> WORKER_MODEL_LOADED" in text
    assert "\x1b" not in text


def test_an_exception_of_the_server_keeps_its_type_and_its_place(site: Site):
    site.post("tiny", **places("words")["form that cannot be read"])
    logged(site)
    text = (site.logs / "ts_log.log").read_text()
    assert "ErrorDataDecoderException\n\tat io.netty" in text


def test_logs_rotate_and_are_bounded(pytestconfig, store: Path, deploy: Path, tmp_path):
    shutil.copy(store / "tiny.mar", tmp_path)
    shipped = (deploy / "torchserve" / "log4j2.xml").read_text(encoding="utf-8")
    small = tmp_path / "log4j2.xml"
    small.write_text(shipped.replace(">20 MB<", ">1 KB<"), encoding="utf-8")
    root = pytestconfig.rootpath
    with running_server(root, tmp_path, tmp_path, "tiny", log_config=small) as server:
        running = Site(server)
        for _ in range(100):
            running.post("tiny", data=GOOD)
        time.sleep(1)
        older = sorted(file.name for file in running.logs.glob("access_log.*.log.gz"))
        assert older == [f"access_log.{number}.log.gz" for number in range(1, 6)]
        for file in running.logs.glob("*.gz"):
            assert gzip.decompress(file.read_bytes()).endswith(b"\n")
        assert (running.logs / "access_log.log").stat().st_size < 2000
