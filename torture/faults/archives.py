"""Archives that are not what was exported: cut off, a bit changed, a file inside exchanged."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from handler.layout import WEIGHTS_FILE
from server.ports import with_free_ports
from server.properties import read_properties, write_properties
from torture.fault import Finding, unmet
from torture.load import send
from torture.place import SHIPPED, Place
from torture.served import MODEL, ROOT, Served
from torture.wording import between, one_line

_ASKED_S = 5.0
_LOAD_S = 120.0


def refused(place: Place) -> Finding:
    """`python -m server` over an archive that was cut off, and over one with a bit changed."""
    found = {}
    for name, spoil in {"cut off": _cut_off, "a bit changed": _flip_a_bit}.items():
        for digest in (True, False):
            store = place.store(SHIPPED)
            archive = store / f"{MODEL}.mar"
            spoil(archive)
            if not digest:
                archive.with_name(f"{archive.name}.sha256").unlink()
            key = name if digest else f"{name}, without its .sha256"
            found[key] = _start(place, store)
    seconds = [one["seconds"] for one in found.values()]
    example = found["a bit changed"]["said"]
    return Finding(
        saw="no server: the command ends with exit code 1 and says, for example, "
        f'"{one_line(str(example))}"',
        returned=f"not started; refused after {between(seconds)}",
        lost="nothing: it is refused before TorchServe starts",
        figures=found,
        broken=unmet(
            {
                f"{key}: exit code 1 and a sentence that names the archive": one["code"] == 1
                and f"{MODEL}.mar" in str(one["said"])
                and "Traceback" not in str(one["said"])
                for key, one in found.items()
            }
        ),
    )


def exchanged(place: Place) -> Finding:
    """The weights inside are others, and every checksum of the zip is right."""
    store = place.store(SHIPPED)
    archive = store / f"{MODEL}.mar"
    _exchange_weights(archive)
    archive.with_name(f"{archive.name}.sha256").unlink()
    with Served(store=store, folder=place.folder / "exchanged") as served:
        served.start()
        start = time.monotonic()
        while "cannot be loaded" not in served.said() and time.monotonic() < start + _LOAD_S:
            time.sleep(0.1)
        seconds = time.monotonic() - start
        said = next((x for x in served.said().splitlines() if "cannot be loaded" in x), "")
        outcome = send(served.url, served.token, b"image", timeout_s=_ASKED_S)
        ready = served.is_ready()
    return Finding(
        saw=f'the worker refuses: "{one_line(said)}" A request '
        + ("has no answer" if outcome.hung else f"gets {outcome.status or 'no connection'}")
        + f" within {_ASKED_S:.0f} s, and `python -m client ready` says that it is not ready",
        returned=f"never; said after {seconds:.1f} s",
        lost="every request, until somebody puts the archive right and starts the server again",
        figures={"said": said, "seconds": seconds, "hung": outcome.hung, "status": outcome.status},
        broken=unmet(
            {
                "the log says which file differs": f"{WEIGHTS_FILE} has sha256" in said,
                "it is not ready": not ready,
                "nothing is answered with it": outcome.status != 200,
            }
        ),
    )


def _start(place: Place, store: Path) -> dict[str, Any]:
    config = place.folder / "refused.properties"
    write_properties(config, with_free_ports(read_properties(ROOT / "config.properties")))
    start = time.monotonic()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "server", "--ts-config", str(config)),
            *("--model-store", str(store)),
        ],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    seconds = time.monotonic() - start
    return {"code": done.returncode, "said": done.stdout + done.stderr, "seconds": seconds}


def _cut_off(archive: Path) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) * 2 // 3])


def _flip_a_bit(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)


def _exchange_weights(archive: Path) -> None:
    """Change one bit of the weights, and none of what is known of them."""
    with zipfile.ZipFile(archive) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    weights = bytearray(contents[WEIGHTS_FILE])
    weights[-1] ^= 1
    contents[WEIGHTS_FILE] = bytes(weights)
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in contents.items():
            target.writestr(name, content)
