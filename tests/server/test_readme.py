"""The README's request, run as it stands there."""

import json
import re
import shutil
import subprocess

from client.detections import Detections
from examples.coins.photograph import photograph_path


def test_the_curl_of_the_readme_works(served, pytestconfig):
    readme = (pytestconfig.rootpath / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"<!-- tested: curl -->\n((?:    .*\n)+)", readme)
    assert "http://127.0.0.1:8080" in block
    script = block.replace("http://127.0.0.1:8080", served.inference.url)
    shutil.copy(photograph_path(), served.work_dir / "photograph.png")
    result = subprocess.run(
        ["sh", "-e", "-c", script], cwd=served.work_dir, capture_output=True, check=True
    )
    assert len(Detections.from_native(json.loads(result.stdout))) == 24
