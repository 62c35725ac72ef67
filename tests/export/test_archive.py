import tracemalloc
import zipfile

from export.archive import pack
from handler.layout import WEIGHTS_FILE


def test_weights_are_never_in_memory_as_a_whole(tmp_path):
    laid_out = tmp_path / "laid_out"
    laid_out.mkdir()
    size = 32 << 20
    with (laid_out / WEIGHTS_FILE).open("wb") as file:
        file.truncate(size)
    (laid_out / "config.yaml").write_text("a: 1\n" * 1000)
    tracemalloc.start()
    try:
        pack(laid_out, tmp_path / "model.mar")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < size / 4
    with zipfile.ZipFile(tmp_path / "model.mar") as archive:
        assert archive.testzip() is None
        assert archive.getinfo(WEIGHTS_FILE).file_size == size
        assert archive.getinfo(WEIGHTS_FILE).compress_type == zipfile.ZIP_STORED
        assert archive.read("config.yaml") == b"a: 1\n" * 1000
