"""A server that goes on with what nobody waits for any more."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from client.errors import ClientError, ServerUnreachable
from client.inference import InferenceApi
from client.models import gates
from client.models.archive import Archive
from client.models.gates import Gates, load
from client.models.site import Site
from client.models.store import ModelStore


class Server:
    """A management API that registers, and says what is registered; the last for ever."""

    def __init__(self, error: BaseException, versions: Sequence[list[str] | ClientError]) -> None:
        self._error = error
        self._versions = list(versions)
        self.looks = 0

    def register(self, *arguments: object, **named: object) -> None:
        raise self._error

    def versions(self, model: str) -> list[SimpleNamespace]:
        self.looks += 1
        said = self._versions.pop(0) if len(self._versions) > 1 else self._versions[0]
        if isinstance(said, ClientError):
            raise said
        return [SimpleNamespace(version=version) for version in said]


GONE = ServerUnreachable("Nobody answers.")


@pytest.mark.parametrize("error", [GONE, KeyboardInterrupt()], ids=["time-out", "ctrl-c"])
@pytest.mark.parametrize(
    ("versions", "looks"),
    [
        pytest.param([["1.0"], ["1.0"], ["1.0"], ["1.0", "2.0"]], 4, id="it is still opened"),
        pytest.param([["1.0"], ["1.0", "2.0"]], 2, id="it is registered"),
        pytest.param([["1.0"], GONE], 2, id="the server is gone"),
    ],
)
def test_a_version_that_is_about_to_be_registered_is_waited_for(
    error, versions, looks, tmp_path: Path, monkeypatch
):
    """What undoes it would not find it otherwise, and leave it behind."""
    monkeypatch.setattr(gates, "_POLL_S", 0)
    server = Server(error, versions)
    site = Site(server, InferenceApi("http://x"), ModelStore(tmp_path))
    with pytest.raises(type(error)) as caught:
        load(site, Archive(Path(), "pets", "2.0", ""), 1, Gates([]))
    assert caught.value is error
    assert server.looks == looks


def test_one_that_never_appears_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(gates, "_OPENING_S", 0)
    server = Server(GONE, [["1.0"]])
    site = Site(server, InferenceApi("http://x"), ModelStore(tmp_path))
    with pytest.raises(ServerUnreachable):
        load(site, Archive(Path(), "pets", "2.0", ""), 1, Gates([]))
    assert server.looks == 1
