import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet

from client.errors import ClientError
from deploy.ray.jobs.inputs.table import images_of_table

PATHS = ["a.jpg", "sub/b.jpg", "/elsewhere/c.jpg", "s3://bucket/d.jpg"]


def write(file, **columns):
    parquet.write_table(pa.table(columns), file)
    return str(file)


def listed(path, column="path", id_column=None):
    return list(
        images_of_table(
            fsspec.filesystem("file"), path, column=column, id_column=id_column, images="/data"
        )
    )


IDS = [
    pytest.param(None, [1, 2, 3, 4], id="rows from 1"),
    pytest.param([8, 6, 7, 5], [8, 6, 7, 5], id="numbers"),
    pytest.param(["x", "y", "z", "é"], ["x", "y", "z", "é"], id="text"),
]


@pytest.mark.parametrize(("given", "expected"), IDS)
def test_rows_in_their_order(tmp_path, given, expected):
    file = write(
        tmp_path / "t.parquet", other=[1.5] * 4, path=PATHS, **({"id": given} if given else {})
    )
    found = listed(file, id_column="id" if given else None)
    assert [one.id for one in found] == expected
    assert [one.name for one in found] == PATHS
    assert [one.path for one in found] == ["/data/a.jpg", "/data/sub/b.jpg", *PATHS[2:]]


def test_a_folder_of_files_is_one_table_of_any_length(tmp_path):
    folder = tmp_path / "table"
    folder.mkdir()
    names = [f"{number}.jpg" for number in range(25_000)]
    write(folder / "part-0.parquet", path=names[:12_000])
    write(folder / "part-1.parquet", path=names[12_000:])
    found = listed(str(folder))
    assert [one.name for one in found] == names
    assert [one.id for one in found] == list(range(1, 25_001))


BAD = [
    pytest.param({"url": ["a"]}, None, "it has no column path, but url", id="no such column"),
    pytest.param({"path": [1]}, None, "its column path is int64, not text", id="numbers"),
    pytest.param(
        {"path": ["a"], "id": [1.5]}, "id", "its column id is double, not whole", id="ids no ids"
    ),
    pytest.param({"path": ["a"]}, "id", "it has no column id, but path", id="no column of ids"),
    pytest.param({"path": ["a", None]}, None, "has no path in row 2", id="a row without a path"),
    pytest.param({"path": ["a", ""]}, None, "has no path in row 2", id="an empty path"),
    pytest.param(
        {"path": ["a", "b"], "id": [1, None]}, "id", "has no id in row 2", id="without an id"
    ),
]


@pytest.mark.parametrize(("columns", "id_column", "sentence"), BAD)
def test_what_cannot_be_listed(tmp_path, columns, id_column, sentence):
    file = write(tmp_path / "t.parquet", **columns)
    with pytest.raises(ClientError, match=sentence) as caught:
        listed(file, id_column=id_column)
    assert "t.parquet" in str(caught.value)


def test_a_table_that_is_damaged(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing of it")
    with pytest.raises(ClientError, match=r"t\.parquet cannot be read"):
        listed(str(tmp_path / "t.parquet"))
