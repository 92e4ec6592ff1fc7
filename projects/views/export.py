"""The runs table as a file: CSV, JSON or Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from projects.looking import Looking
from projects.query.export import Sheet, groups_sheet, runs_sheet
from projects.query.runset import BadQuery
from projects.views.answers import refused
from projects.views.doors import looking_or_404, project_or_404
from projects.views.download import csv_texts, download

SHEETS = {"runs": runs_sheet, "groups": groups_sheet}


@gzip_page
@require_safe
def export(request: HttpRequest, entity: str, project: str) -> HttpResponse | StreamingHttpResponse:
    """`as` csv, json or parquet, `rows` runs or groups, as the page shows them. Without `as`: the menu."""
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        if "as" not in request.GET:
            return _menu(request, looking)
        return export_file(looking, request.GET)
    except BadQuery as error:
        return refused(error)


def export_file(looking: Looking, query: QueryDict) -> StreamingHttpResponse:
    """Streamed: what is held at once is a thousand rows. Raises BadQuery."""
    rows, format = query.get("rows", "runs"), query.get("as", "csv")
    if rows not in SHEETS:
        raise BadQuery(f"rows: {' or '.join(SHEETS)}")
    if format not in FORMATS:
        raise BadQuery(f"as: {', '.join(FORMATS)}")
    content_type, write = FORMATS[format]
    sheet = SHEETS[rows](looking.project, looking.runset)
    return download(f"{looking.project.name}-{rows}", format, content_type, write(sheet))


def _menu(request: HttpRequest, looking: Looking) -> HttpResponse:
    names = [looking.project.entity.name, looking.project.name]
    query, rows = looking.query, "groups" if looking.runset.grouping else "runs"
    api = reverse("api-export", args=names)
    context = {
        "export": reverse("export", args=names),
        "results": reverse("results", args=names),
        "compare": reverse("compare", args=names),
        "query": query,
        "rows": ("groups", "runs") if looking.runset.grouping else ("runs",),
        "formats": list(FORMATS),
        "url": request.build_absolute_uri(f"{api}?rows={rows}&as=csv{'&' if query else ''}{query}"),
    }
    response = render(request, "workspace/_export.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


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
