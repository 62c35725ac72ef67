"""What rollouts rely on, and what they are there against, on a real server."""

import pytest

from client.errors import RequestRefused
from client.models.archive import verify
from client.models.gates import load
from tests.client.models.conftest import MODEL, beside, gate_of, pending
from tests.holding import statuses, wait_until
from torture.variants import make_variant


def test_a_version_that_is_removed_takes_its_requests_with_it(bench):
    """Why a rollout waits: the request gets an error, or nothing at all."""
    with beside(bench, {}) as archive:
        gate, path = gate_of(bench), f"{MODEL}/{archive.version}"
        requests = [gate.hold(path, timeout_s=3), gate.send(path, timeout_s=3)]
        wait_until(lambda: pending(bench, archive.version) == 1)
        bench.site.management.unregister(MODEL, archive.version)
        gate.open()
        assert 200 not in statuses(requests)


def test_requests_are_counted_by_the_version_that_they_name(bench):
    """What draining counts on: one that names none is not counted as the default version's."""
    version, image = bench.default(), bench.gates.images[0].content
    before = bench.site.arrivals(MODEL, version)
    bench.site.inference.detector(MODEL, version).predict(image)
    bench.site.inference.detector(MODEL).predict(image)
    bench.site.management.ask_itself(MODEL, version)
    assert bench.site.arrivals(MODEL, version) == before + 1
    assert bench.site.arrivals(MODEL, "77") == 0


def test_archives_in_a_folder_of_the_model_store_cannot_be_registered(bench):
    """Why all versions lie beside each other: of a path, the file name alone is looked for."""
    folder = bench.site.store.folder / ".folder"
    folder.mkdir()
    make_variant(bench.coins, folder / "new.mar", "55.0")
    make_variant(bench.coins, folder / "coins.mar", "55.0")
    for name, error in (("new.mar", "404"), ("coins.mar", "409 .* already registered")):
        with pytest.raises(RequestRefused, match=error):
            bench.site.management.register(f".folder/{name}", workers=1, timeout_s=60)


@pytest.mark.parametrize("version", ["2.0-rc1+abc", "2026.11.20_b"])
def test_odd_versions_are_served_and_removed(version, bench):
    archive = verify(make_variant(bench.coins, bench.folder / "odd.mar", version))
    bench.site.store.keep(archive)
    load(bench.site, archive, 1, bench.gates)
    image = bench.gates.images[0].content
    found = bench.site.inference.detector(MODEL, version).predict(image)
    assert (found.model_name, found.model_version) == (MODEL, version)
    bench.site.management.unregister(MODEL, version)
    assert bench.versions() == [bench.default()]
