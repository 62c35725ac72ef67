"""The short form of `python -m torture`: every promise that it looks at is kept."""

import json
import os
import subprocess
import sys

import pytest

from torture.catalogue import FAULTS


@pytest.mark.timeout(600)
def test_every_promise_is_kept(pytestconfig, tmp_path):
    archive = pytestconfig.rootpath / "model_store" / "coins.mar"
    command = [sys.executable, "-m", "torture", "--quick", "--archive", str(archive)]
    done = subprocess.run(
        [*command, "--results", str(tmp_path)],
        cwd=pytestconfig.rootpath,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {file.stem: json.loads(file.read_text()) for file in tmp_path.glob("*.json")}
    assert rows.keys() == {fault.name for fault in FAULTS if fault.quick}
    for row in rows.values():
        assert row["quick"]
        assert row["skipped"] or row["finding"]["saw"]
    whole = rows["worker-killed"]["finding"]["figures"]
    assert whole["account"]["requests"] > 20
    assert rows["images-damaged"]["finding"]["figures"]["damaged"]["requests"] == 200
