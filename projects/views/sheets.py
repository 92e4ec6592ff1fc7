"""Rows and texts as files: CSV, JSON and Parquet, streamed."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import orjson
from django.http import StreamingHttpResponse

from projects.query.export import Sheet
from projects.query.runset import BadQuery

_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def sheet_file(name: str, format: str, sheet: Sheet) -> StreamingHttpResponse:
    """`format`: a key of FORMATS. What is held at once is a piece of the sheet."""
    content_type, write = FORMATS[format]
    return download(name, format, content_type, write(sheet))


def format_checked(format: str, formats: Iterable[str]) -> str:
    """Raises BadQuery for one that is not among them."""
    if format not in formats:
        raise BadQuery(f"as: {', '.join(formats)}")
    return format


def csv_file(name: str, columns: Sequence[str], pieces: Iterable[Iterable[Sequence[Any]]]) -> StreamingHttpResponse:
    """A download of rows, one piece after the other."""
    return download(name, "csv", "text/csv; charset=utf-8", csv_texts(columns, pieces))


def download(
    name: str, ending: str, content_type: str, parts: Iterable[str] | Iterable[bytes]
) -> StreamingHttpResponse:
    """Under a name that any system takes."""
    response = StreamingHttpResponse(parts, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{_NAME.sub("_", name)[:120]}.{ending}"'
    response["Cache-Control"] = "private, no-store"
    return response


def csv_texts(columns: Sequence[str], pieces: Iterable[Iterable[Sequence[Any]]]) -> Iterator[str]:
    for piece in chain([[columns]], pieces):
        rows: list[str] = []
        writer = csv.writer(_Rows(rows))
        writer.writerows([_cell(cell) if isinstance(cell, float) else cell for cell in row] for row in piece)
        yield "".join(rows)


class _Rows:
    """What csv writes to."""

    def __init__(self, rows: list[str]) -> None:
        self.write: Any = rows.append


def _cell(number: float) -> str:
    if math.isnan(number):
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _csv(sheet: Sheet) -> Iterator[str]:
    return csv_texts([column.name for column in sheet.columns], sheet.pieces)


def _json(sheet: Sheet) -> Iterator[bytes]:
    """A list of objects, one a line. NaN and infinities, which JSON does not have, are null."""
    names = [column.name for column in sheet.columns]
    before = b"[\n"
    for piece in sheet.pieces:
        lines = [orjson.dumps(dict(zip(names, row, strict=True))) for row in piece]
        if lines:
            yield before + b",\n".join(lines)
            before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _parquet(sheet: Sheet) -> Iterator[bytes]:
    """A row group a piece. Numeric columns are float64, with nulls for what is no number; the others text."""
    # Here, not above: it takes half a second, and few processes ever need it.
    import pyarrow
    import pyarrow.parquet

    types = [pyarrow.float64() if column.numeric else pyarrow.string() for column in sheet.columns]
    schema = pyarrow.schema([(column.name, type) for column, type in zip(sheet.columns, types, strict=True)])
    written = _Written()
    with pyarrow.parquet.ParquetWriter(pyarrow.PythonFile(written, mode="w"), schema) as writer:
        for piece in sheet.pieces:
            columns = [
                [row[at] if not column.numeric or isinstance(row[at], float) else None for row in piece]
                for at, column in enumerate(sheet.columns)
            ]
            arrays = [pyarrow.array(values, type) for values, type in zip(columns, types, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            yield written.taken()
    yield written.taken()


class _Written(io.RawIOBase):
    """What has been written and not yet been taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._at += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """It is read after the writer is done with it."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


FORMATS: dict[str, tuple[str, Callable[[Sheet], Iterator[str] | Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "json": ("application/json", _json),
    "parquet": ("application/vnd.apache.parquet", _parquet),
}
