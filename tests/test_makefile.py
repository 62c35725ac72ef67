"""What `make clean` leaves."""

import shutil
import subprocess


def test_clean_keeps_archives(pytestconfig, tmp_path):
    """docs/versions.md lets new versions be exported into build/."""
    shutil.copy(pytestconfig.rootpath / "Makefile", tmp_path)
    kept = {
        "build/pets.mar",
        "build/pets.mar.sha256",
        "model_store/pets.mar",
        "model_store/.pets@1.0.mar",
    }
    made = {
        "build/tools/nginx",
        "build/compiled/tiny.mar",
        "build/.hidden",
        "model_store/coins.mar",
        "logs/ts_log.log",
        ".venv/.installed",
    }
    for name in kept | made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for _ in range(2):
        subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)
        left = {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()}
        assert left == kept | {"Makefile"}


def test_clean_leaves_no_empty_folder(pytestconfig, tmp_path):
    shutil.copy(pytestconfig.rootpath / "Makefile", tmp_path)
    (tmp_path / "build" / "tools").mkdir(parents=True)
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)
    assert not (tmp_path / "build").exists()
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)
