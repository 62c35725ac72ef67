"""A model store that the server may not read."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from torture.account import account, longest_gap_s, lost_of, under_way
from torture.errors import NotHere
from torture.fault import Finding, unmet
from torture.place import SHIPPED, Place, look
from torture.served import MODEL, Served

_END_S = 60.0
_READ_ANYTHING = "-dac_override,-dac_read_search"


def unreadable(place: Place) -> Finding:
    """Its permissions are taken away while it serves, and before it starts."""
    store = place.store(SHIPPED)
    place.close()
    served = Served(
        store=store, folder=place.folder / "unreadable", prefix=_without_reading_anything()
    )
    found = {}
    try:
        with served:
            served.start()
            served.wait_until_ready()
            scene = look(served)
            with scene.load() as load:
                load.wait_for(6)
                store.chmod(0)
                load.wait_for(6)
                killed = time.monotonic()
                os.kill(served.worker(), signal.SIGKILL)
                load.wait_for(6)
                end = time.monotonic()
            gap = longest_gap_s(load.outcomes, scene.expected, since=killed, until=end)
            code, _ = served.stop(signal.SIGTERM)
            found["the folder"] = _start(served)
            store.chmod(0o700)
            (store / f"{MODEL}.mar").chmod(0)
            found["the archive"] = _start(served)
            (store / f"{MODEL}.mar").chmod(0o600)
            served.start()
            served.wait_until_ready()
            same = look(served).expected == scene.expected
    finally:
        store.chmod(0o700)
    seen = account(load.outcomes, scene.expected)
    lost = lost_of(load.outcomes, scene.expected)
    in_worker = under_way(lost, killed)
    codes = ", ".join(sorted({str(one["code"]) for one in found.values()}))
    words = "; ".join(f'{what}: "{one["said"]}"' for what, one in found.items())
    return Finding(
        saw=f"while it serves: {seen.said}: TorchServe has opened the archive before. Started so, "
        f"it ends with exit code {codes}. {words}",
        returned=f"a new worker after {gap:.1f} s; a new server when it may read again",
        lost=f"{len(lost) - len(in_worker) or 'nothing'} of {seen.requests} by the permissions, "
        f"{len(in_worker)} by the worker's end",
        figures={
            "account": seen.as_dict(),
            "by_the_workers_end": len(in_worker),
            "gap_s": gap,
            "stopped_with": code,
            "started": found,
        },
        broken=unmet(
            {
                "a server that runs loses no request": len(lost) == len(in_worker),
                "the worker's end loses one request at most": len(in_worker) <= 1,
                "it stops in order": code == 0,
                "every request is answered": seen.hung == 0,
                "it serves as before when it may read": same,
                **{
                    f"{what}: exit code 1 and a sentence": one["code"] == 1
                    and "ermission" in str(one["said"])
                    and "Traceback" not in str(one["said"])
                    for what, one in found.items()
                },
            }
        ),
    )


def _start(served: Served) -> dict[str, object]:
    """Start it, and see how it ends; one that goes on is stopped."""
    served.start()
    end = time.monotonic() + _END_S
    while served.process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
        if "==> " in served.said():  # it goes on, and says that it serves nothing
            break
    said = " ".join(served.said().split()) if "==> " not in served.said() else _sentence(served)
    code = served.wait(1) if served.process.poll() is not None else served.stop()[0]
    return {"code": code, "said": said.replace(str(Path(served.run_dir).parents[1]), "")}


def _sentence(served: Served) -> str:
    return " ".join(line[4:] for line in served.said().splitlines() if line.startswith("==> "))


def _without_reading_anything() -> Sequence[str]:
    """A command under which root is refused what its owner is refused.

    Raises:
        NotHere: Root reads everything, and there is no `setpriv` to stop it.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        raise NotHere("root reads everything, and there is no setpriv (util-linux) to stop it")
    return ("setpriv", f"--bounding-set={_READ_ANYTHING}", "--")
