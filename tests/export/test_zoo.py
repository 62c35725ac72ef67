import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from export.errors import ExportError
from export.zoo import find_config, find_weights


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An HTTP server of a folder with `model.pth`."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "model.pth").write_bytes(b"x" * 100_000)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path / "cache"))


def test_a_path_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "COCO-Detection/retinanet_R_50_FPN_1x.yaml"
    assert find_config(name).is_absolute()
    (tmp_path / "COCO-Detection").mkdir()
    (tmp_path / name).write_text("mine")
    assert find_config(name).read_text() == "mine"


def test_an_address_is_downloaded_with_a_progress_bar(server, capfd):
    path = find_weights(f"{server}/model.pth")
    assert path.read_bytes() == b"x" * 100_000
    assert "model.pth: 106kB" in capfd.readouterr().err


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("detectron2://COCO-Detection/x/model_final.pkl", id="the zoo, offline"),
        pytest.param("https://localhost:9/model.pth", id="nobody answers"),
        pytest.param("gopher://somewhere/model.pth", id="a scheme that nobody knows"),
    ],
)
def test_what_cannot_be_downloaded_is_said_in_a_sentence(address, monkeypatch):
    # Whatever network this machine has, this process has none.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(ExportError, match=r"could not be downloaded: .*give its path") as caught:
        find_weights(address)
    assert len(caught.value.problems) == 1


def test_a_missing_page_is_said_in_a_sentence(server):
    with pytest.raises(ExportError, match=r"could not be downloaded: .*404"):
        find_weights(f"{server}/no_such.pth")
