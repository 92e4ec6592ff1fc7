"""Whole columns of many runs out of the database as arrays, in the way that makes the fewest Python objects.

SQLite's driver makes a tuple a row whatever is asked, so rows go into an array one by one, and ids come joined where
many runs share a value. PostgreSQL joins its own binary forms to one value a column.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from projects.query.statistics import Counts, Floats
from runs.models import ColumnValue, Run

# Ids of runs, 16 bytes each ("S16", as those are sorted and found).
Ids = NDArray[np.bytes_]
# One a run, only good to be compared: Run.changed_at in the database's own form.
Versions = NDArray[Any]


def listed(runs: QuerySet[Run]) -> tuple[Ids, Versions]:
    """The runs in order of creation, each with what changes whenever something of it does."""
    rows = runs.order_by("created_at", "id").values_list("id", "changed_at")
    if connection.vendor == "sqlite":
        ids, versions = _columns(rows, "CAST(id AS BLOB), CAST(changed_at AS BLOB)", "S32", "S26")
        return ids, versions
    ((ids, versions),) = _rows(rows, "string_agg(uuid_send(id), ''), string_agg(timestamptz_send(changed_at), '')")
    return _ids(ids), np.frombuffer(versions or b"", dtype=">i8")


def numbers(values: QuerySet[ColumnValue]) -> tuple[Ids, Floats]:
    """The runs and numbers of rows of one column, none of which is null."""
    rows = values.order_by().values_list("run_id", "number")
    if connection.vendor == "sqlite":
        ids, each = _columns(rows, "CAST(run_id AS BLOB), number", "S32", "f8")
        return ids, each
    ((ids, sent),) = _rows(rows, "string_agg(uuid_send(run_id), ''), string_agg(float8send(number), '')")
    return _ids(ids), np.frombuffer(sent or b"", dtype=">f8").astype(np.float64)


def moments(runs: QuerySet[Run], *names: str) -> tuple[Ids, NDArray[np.int64]]:
    """The runs, and their microseconds since 1970, (names, runs), of moments that are never null."""
    rows = runs.order_by().values_list("id", *names)
    if connection.vendor == "sqlite":
        texts = "".join(f", CAST({name} AS BLOB)" for name in names)
        ids, *found = _columns(rows, f"CAST(id AS BLOB){texts}", "S32", *["S26"] * len(names))
        return ids, np.array([some.astype("U26").astype("datetime64[us]").astype(np.int64) for some in found])
    sent = "".join(f", string_agg(int8send((EXTRACT(EPOCH FROM {name}) * 1000000)::bigint), '')" for name in names)
    ((ids, *joined),) = _rows(rows, f"string_agg(uuid_send(id), ''){sent}")
    return _ids(ids), np.array([np.frombuffer(part or b"", dtype=">i8") for part in joined], dtype=np.int64)


def grouped(rows: QuerySet[Any], value: str, run: str) -> tuple[list[Any], Counts, Ids]:
    """The distinct values of a column, how many rows have each, and the run of each row, value after value.

    `run` is the column with the run's id. Values are as the driver gives them.
    """
    joined = f"CAST(group_concat({run}, '') AS BLOB)" if connection.vendor == "sqlite" else _JOINED.format(run)
    found = _rows(rows.order_by().values_list(value, run), f"{value}, {joined}", f"GROUP BY {value}")
    ids = _ids(b"".join(part for _, part in found))
    size = 32 if connection.vendor == "sqlite" else 16
    return [it for it, _ in found], np.array([len(part) // size for _, part in found], dtype=np.int64), ids


def holding(runs: QuerySet[Run], names: Sequence[str], holds: Callable[[str], object]) -> Ids:
    """The runs of which `holds` is true of one of the texts called `names`."""
    asked = ("id", *names)
    rows = _rows(runs.order_by().values_list(*asked), ", ".join(asked))
    found = [id for id, *texts in rows if any(map(holds, texts))]
    if connection.vendor == "sqlite":
        return _ids("".join(found).encode())
    return ids_of(found)


def ids_of(ids: Iterable[uuid.UUID]) -> Ids:
    return np.frombuffer(b"".join(id.bytes for id in ids), dtype="S16")


def uuids(ids: Ids) -> list[uuid.UUID]:
    joined = ids.tobytes()
    return [uuid.UUID(bytes=joined[at : at + 16]) for at in range(0, len(joined), 16)]


_AT_ONCE = 8192  # rows

_JOINED = "string_agg(uuid_send({}), '')"


@contextmanager
def _asked(rows: QuerySet[Any], columns: str, after: str = "") -> Iterator[Any]:
    """The driver's own cursor: what Django puts around it takes longer than the rows do."""
    sql, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM ({sql}) AS rows {after}", parameters)
        with connection.wrap_database_errors:
            yield cursor.cursor


def _rows(rows: QuerySet[Any], columns: str, after: str = "") -> list[tuple[Any, ...]]:
    with _asked(rows, columns, after) as cursor:
        return list(cursor)


def _columns(rows: QuerySet[Any], columns: str, *types: str) -> list[NDArray[Any]]:
    """Of SQLite, the first of ids. A few rows at a time, as eight threads may well list 100,000 runs each."""
    parts: list[list[NDArray[Any]]] = []
    with _asked(rows, columns) as cursor:
        while not parts or len(parts[-1][0]) == _AT_ONCE:
            some = np.fromiter(islice(cursor, _AT_ONCE), dtype=[(str(at), kind) for at, kind in enumerate(types)])
            ids, *rest = (some[str(at)] for at in range(len(types)))
            parts.append([_ids(ids.tobytes()), *map(np.ascontiguousarray, rest)])
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def _ids(joined: bytes | None) -> Ids:
    """SQLite holds ids as 32 hexadecimal digits."""
    if connection.vendor == "sqlite":
        joined = bytes.fromhex((joined or b"").decode())
    return np.frombuffer(joined or b"", dtype="S16")
