"""A real TorchServe whose versions tests change; each leaves one healthy default behind."""

import contextlib
import io
import itertools
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from client.models.archive import Archive, verify
from client.models.checks import CheckImage
from client.models.cli import main as models_main
from client.models.errors import StoreError
from client.models.gates import Gates, load
from client.models.site import Site, Step
from client.models.store import ModelStore
from server.ports import with_free_ports
from server.properties import read_properties, write_properties
from server.torchserve import TorchServe
from tests.holding import HANDLER, Gate
from torture.variants import ENTRY, Edit, make_variant

MODEL = "coins"


@dataclass(frozen=True)
class Workbench:
    """A running server, and what makes new versions for it."""

    server: TorchServe
    site: Site
    folder: Path
    gates: Gates
    coins: Path
    numbers: Iterator[int]

    def variant(self, edits: Mapping[str, Edit] | None = None) -> Path:
        """An archive of a version that nobody has used yet."""
        version = f"{next(self.numbers)}.0"
        return make_variant(self.coins, self.folder / f"{MODEL}-{version}.mar", version, edits)

    def default(self) -> str:
        return self.site.management.version(MODEL).version

    def versions(self) -> list[str]:
        return sorted(one.version for one in self.site.management.versions(MODEL))

    def answer(self) -> str:
        """Which version answers a request that names none."""
        image = self.gates.images[0].content
        return self.site.inference.detector(MODEL).predict(image).model_version

    def published(self) -> list[str]:
        """Which versions a restart would load."""
        return [version for version, _ in self.site.store.published(MODEL)]

    def watched(self, step: Step) -> Site:
        """The same site; `step` gets the sentence before each step."""
        return replace(self.site, step=step)

    def with_gates(self, **changes: object) -> Gates:
        return replace(self.gates, **changes)


def gate_of(bench: Workbench) -> Gate:
    """It holds what is sent through it."""
    folder = bench.folder / f"gate-{next(bench.numbers)}"
    return Gate(folder, bench.site.inference.url, bench.site.inference.token)


def pending(bench: Workbench, version: str) -> int:
    return bench.site.management.version(MODEL, version).pending


@contextlib.contextmanager
def beside(bench: Workbench, edits: dict, workers: int = 1) -> Iterator[Archive]:
    """A version of held requests beside the default one, which is gone in the end."""
    archive = verify(bench.variant({ENTRY: HANDLER, **edits}))
    bench.site.store.keep(archive)
    load(bench.site, archive, workers, bench.gates)
    default = bench.default()
    try:
        yield archive
    finally:
        bench.site.management.set_default(MODEL, default)
        if archive.version in bench.versions():
            bench.site.management.unregister(MODEL, archive.version)


Serve = Callable[..., TorchServe]


@pytest.fixture(scope="session")
def serve(pytestconfig: pytest.Config) -> Serve:
    """Makes servers; start one with `with`."""

    def make(folder: Path, store: Path, **arguments: object) -> TorchServe:
        config = folder / "config.properties"
        properties = read_properties(pytestconfig.rootpath / "config.properties")
        write_properties(config, {**with_free_ports(properties), "model_store": str(store)})
        given = {"model_api": True, "output": subprocess.DEVNULL, **arguments}
        return TorchServe(config=config, model_store=store, work_dir=folder / "run", **given)

    return make


@pytest.fixture(scope="package")
def bench(
    coins: Path, photograph: bytes, serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("bench")
    store = folder / "store"
    store.mkdir()
    make_variant(coins, store / f"{MODEL}.mar", "1.0")
    with serve(folder, store) as server:
        server.wait_until_ready(MODEL, timeout_s=240)
        site = Site(
            replace(server.management, timeout_s=60),
            server.inference,
            ModelStore(store),
            folder / "run" / "logs",
            metrics=server.properties["metrics_address"],
        )
        # A loaded machine makes either version slow: only the test of this gate sets it.
        gates = Gates([CheckImage("coins", photograph)], max_slowdown=float("inf"), rounds=1)
        yield Workbench(server, site, folder, gates, coins, itertools.count(2))


def visible(store: ModelStore) -> list[str]:
    """What a server that starts would look at."""
    return sorted(path.name for path in store.folder.iterdir() if path.name[0] != ".")


@pytest.fixture
def archive(coins: Path, tmp_path: Path) -> Callable[..., Archive]:
    """Makes whole archives of one model."""

    def make(version: str, name: str = "new.mar", edits: Mapping[str, Edit] | None = None):
        folder = tmp_path / f"made-{version}-{name}"
        folder.mkdir(exist_ok=True)
        return verify(make_variant(coins, folder / name, version, edits))

    return make


def full(*arguments: object, **named: object) -> None:
    """In the place of what writes to a disk."""
    raise StoreError("The disk is full.")


def of_the_bench(bench) -> list[str]:
    return [
        *("--ts-config", str(bench.folder / "config.properties")),
        *("--key-folder", str(bench.folder / "run")),
    ]


@pytest.fixture
def command(bench, tmp_path, capsys):
    """Runs a command against the server; returns exit code, stdout and stderr."""
    image = tmp_path / "coins.png"
    image.write_bytes(bench.gates.images[0].content)

    def run(name: str, *words: str):
        site = of_the_bench(bench)
        if name in ("rollout", "rollback"):
            site += ["--image", str(image)]
        code = models_main([name, *map(str, words), *site])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@dataclass(frozen=True)
class Second:
    """A version beside the default one, `old`, and what the command said that registered it."""

    old: str
    new: str
    archive: Path
    said: str


@pytest.fixture(scope="module")
def second(bench) -> Iterator[Second]:
    old, archive, said = bench.default(), bench.variant(), io.StringIO()
    with contextlib.redirect_stdout(said):
        assert models_main(["register", str(archive), *of_the_bench(bench)]) == 0
    (new,) = (one for one in bench.versions() if one != old)
    yield Second(old, new, archive, said.getvalue())
    assert bench.default() == old
    assert models_main(["unregister", MODEL, new, *of_the_bench(bench)]) == 0
    assert bench.versions() == [old]
