"""The images of a Parquet table that has a column of their paths."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyarrow import dataset

from client.errors import ClientError
from deploy.ray.jobs.inputs.paths import joined
from deploy.ray.jobs.listed import Listed

_ROWS = 10_000


def images_of_table(
    filesystem: Any, path: str, *, column: str, id_column: str | None, images: str
) -> Iterator[Listed]:
    """List the images of its rows, in their order; some rows are held at a time.

    Args:
        filesystem: Of fsspec.
        path: A file of it, or a folder of files that are one table.
        column: Has paths and URLs.
        id_column: Has ids; None numbers rows from 1.
        images: Folder or URL that relative paths are relative to.

    Raises:
        ClientError: It cannot be read, has no such column, or a row has no path or id.
    """
    number = 0
    columns = [column] if id_column is None else [column, id_column]
    try:
        table = dataset.dataset(path, format="parquet", filesystem=filesystem)
        _check(path, table.schema, column, id_column)
        for batch in table.to_batches(columns=columns, batch_size=_ROWS, batch_readahead=1):
            ids = None if id_column is None else batch.column(id_column).to_pylist()
            for row, name in enumerate(batch.column(column).to_pylist()):
                number += 1
                id_ = number if ids is None else ids[row]
                if not name or id_ is None:
                    missing = "path" if not name else "id"
                    raise ClientError(f"{path} has no {missing} in row {number}, counted from 1.")
                yield Listed(id_, joined(images, name), name)
    except ClientError:
        raise
    except Exception as error:  # each of fsspec's file systems raises its own
        raise ClientError(f"{path} cannot be read: {error}.") from error


def _check(path: str, schema: Any, column: str, id_column: str | None) -> None:
    problems = []
    for name, kinds, accepted in (
        (column, (_is_text,), "text"),
        (id_column, (_is_text, pa.types.is_integer), "whole numbers or text"),
    ):
        if name is None:
            continue
        if name not in schema.names:
            problems.append(f"it has no column {name}, but {', '.join(schema.names) or 'none'}")
        elif not any(is_kind(schema.field(name).type) for is_kind in kinds):
            problems.append(f"its column {name} is {schema.field(name).type}, not {accepted}")
    if problems:
        raise ClientError(f"{path} cannot be listed: {'; '.join(problems)}.")


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
