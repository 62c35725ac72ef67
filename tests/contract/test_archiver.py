"""What we assume of torch-model-archiver 0.12."""

import subprocess
import sys


def test_knows_the_arguments_that_export_uses():
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--help"]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for argument in ("--serialized-file", "--extra-files", "--config-file", "--archive-format"):
        assert argument in words
    assert "no-archive" in words
