import subprocess
import sys

import client


def test_every_public_name_is_there_and_the_list_is_sorted():
    assert client.__all__ == sorted(client.__all__)
    for name in client.__all__:
        assert getattr(client, name).__name__ == name
    assert client._HOMES.keys() == set(client.__all__)


def test_another_name_is_no_attribute():
    assert not hasattr(client, "Predictor")


def test_the_package_itself_imports_nothing(pytestconfig):
    script = (
        "import sys, client\n"
        "print([name for name in ('numpy', 'cv2', 'requests') if name in sys.modules])\n"
        "from client import Detector\n"
        "print([name for name in ('torch', 'detectron2', 'supervision') if name in sys.modules])\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == "[]\n[]\n"
