"""The README's request, run as it stands there."""

import json
import re
import subprocess
import sys
import textwrap

from client.predictions import Predictions
from examples.coins.photograph import photograph_path


def test_the_curl_of_the_readme_works(served, pytestconfig):
    readme = (pytestconfig.rootpath / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"<!-- tested: curl -->\n((?:    .*\n)+)", readme)
    assert "http://127.0.0.1:8080" in block
    script = block.replace("http://127.0.0.1:8080", served.inference.url)
    # It stands in the project's folder; the server of this test runs elsewhere.
    script = script.replace(".venv/lib", f"{pytestconfig.rootpath}/.venv/lib")
    result = subprocess.run(
        ["sh", "-e", "-c", script], cwd=served.work_dir, capture_output=True, check=True
    )
    assert len(Predictions.from_native(json.loads(result.stdout))) == 24


def test_the_python_of_the_readme_works(served, pytestconfig, monkeypatch):
    readme = (pytestconfig.rootpath / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"<!-- tested: python -->\n((?:    .*\n|\n)+)", readme)
    script = textwrap.dedent(block).replace("http://127.0.0.1:8080", served.inference.url)
    (served.work_dir / "photograph.png").write_bytes(photograph_path().read_bytes())
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=served.work_dir,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("24 0.99999")
