"""Archive, images and output of a job as URLs of a store that is no file system of the machine."""

import json
import textwrap
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.deploy.ray.jobs.processes import Jobs
from tests.images import noise_bgr, png

# An object store for processes that share a disk: paths of `bucket://` lie below one folder.
STORE = """
    import os
    from pathlib import Path

    from fsspec.implementations.local import LocalFileSystem


    class Bucket(LocalFileSystem):
        protocol = ("bucket",)
        root_marker = ""

        def __init__(self, **options):
            super().__init__(auto_mkdir=True, **options)

        @classmethod
        def _strip_protocol(cls, path):
            name = str(path).removeprefix("bucket://").removeprefix(os.environ["BUCKET"])
            return f"{os.environ['BUCKET']}/{name.strip('/')}".rstrip("/")

        def unstrip_protocol(self, name):
            return "bucket://" + self._strip_protocol(name).removeprefix(os.environ["BUCKET"] + "/")

        def get_file(self, rpath, lpath, **_):
            Path(lpath).write_bytes(self.cat_file(rpath))

        def put_file(self, lpath, rpath, **_):
            self.pipe_file(rpath, Path(lpath).read_bytes())

        def mv(self, *_, **__):
            raise NotImplementedError("an object store renames nothing")
"""


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder below which the store keeps its objects."""
    plugins, bucket = tmp_path / "plugins", tmp_path / "bucket"
    installed = plugins / "bucketfs-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: bucketfs\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[fsspec.specs]\nbucket = bucketfs:Bucket\n")
    (plugins / "bucketfs.py").write_text(textwrap.dedent(STORE))
    monkeypatch.setenv("PYTHONPATH", str(plugins))
    monkeypatch.setenv("BUCKET", str(bucket))
    return bucket


def test_everything_by_url(bucket: Path, store: Path, tmp_path: Path) -> None:
    for name in ("tiny.mar", "tiny.mar.sha256"):
        file = bucket / "models" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((store / name).read_bytes())
    for number in range(5):
        file = bucket / "images" / f"{number % 2}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(noise_bgr(48, 64, number)))
    (bucket / "images" / "bad.jpg").write_bytes(b"no image")
    words = ("bucket://images", "--output", "bucket://found", "--images-per-part", 2)
    with Jobs(tmp_path, "bucket://models/tiny.mar") as jobs:
        said = jobs.run(*words, "--json", "--pictures", "--workers", 1)
        assert said.code == 1, said.err
        assert said.out, said.err  # and not for a trouble
        summary = json.loads(said.out)
        assert (summary["answered"], summary["failures"]) == (5, 1)
        assert summary["output"] == "bucket://found"
        again = jobs.run(*words, "--json", "--pictures")
        assert again.out, again.err
        assert json.loads(again.out)["asked"] == 0
    rows = parquet.read_table(bucket / "found" / "results").to_pylist()
    assert [row["file_name"] for row in sorted(rows, key=lambda row: row["index"])] == [
        *("0/0.png", "0/2.png", "0/4.png", "1/1.png", "1/3.png"),
    ]
    assert {row["path"] for row in rows} == {
        f"bucket://images/{number % 2}/{number}.png" for number in range(5)
    }
    for row in rows:
        assert (bucket / "found" / row["picture"]).read_bytes().startswith(b"\xff\xd8\xff")
    results = json.loads((bucket / "found" / "coco_results.json").read_text())
    assert {one["image_id"] for one in results} == {2, 3, 4, 5, 6}
    assert not [one for one in tmp_path.rglob("*") if one.name.startswith("bucket:")]
