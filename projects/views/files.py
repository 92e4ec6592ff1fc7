"""Files as pages list and show them. What a file holds is as hostile as its name: nothing of it runs on our pages."""

from __future__ import annotations

import csv
import io
import json
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import default_storage
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from runs.models import ArtifactFile, RunFile

MAX_TABLE_BYTES = 32 << 20
MAX_TEXT_BYTES = 200_000
MAX_CELL = 300
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
_TABLES = (".table.json", ".csv", ".tsv")
_PAGES = (".html", ".htm")
_TEXTS = (".txt", ".log", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".md", ".py", ".patch", ".diff", ".sh")


class Unreadable(ValueError):
    """What the file holds is not what its name says; the text is for the person who looks."""


@dataclass(frozen=True, slots=True)
class Row:
    """`address` is "" for what can't be fetched; `kind`: how it can be shown, "" for not at all."""

    name: str
    size: int | None
    address: str = ""
    kind: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    image: str = ""  # its address


@dataclass(frozen=True, slots=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def run_file_row(file: RunFile, entity: str, project: str, run: str) -> Row:
    return Row(file.name, file.size, _address("run-file", entity, project, run, file.name), _kind(file.name))


def artifact_file_row(file: ArtifactFile, entity: str, project: str, artifact: str) -> Row:
    address = _address("artifact-file", entity, project, artifact, file.name) if file.content_id else ""
    return Row(file.name, file.size if file.size or not file.reference else None, address, reference=file.reference)


def page_address(row: Row) -> str:
    """Where HTML is answered as a page, in a sandbox of its own."""
    return f"{row.address}?{urlencode({'show': 'page'})}"


def text_of(file: RunFile) -> tuple[str, bool]:
    """The beginning, and whether there is more."""
    data = _bytes_of(file, MAX_TEXT_BYTES + 1)
    return data[:MAX_TEXT_BYTES].decode("utf-8", "replace"), len(data) > MAX_TEXT_BYTES


def table_of(file: RunFile) -> Table:
    """Raises Unreadable."""
    if (file.size or 0) > MAX_TABLE_BYTES:
        raise Unreadable("The table is too large to be shown here.")
    text = _bytes_of(file, MAX_TABLE_BYTES).decode("utf-8", "replace")
    return _from_json(text) if file.name.lower().endswith(".json") else _from_csv(text, file.name)


def cells_of(row: Sequence[Any], entity: str, project: str, run: str) -> list[Cell]:
    """Pictures of the client's tables are files of the run."""
    return [_cell(value, entity, project, run) for value in row]


def _cell(value: Any, entity: str, project: str, run: str) -> Cell:
    path = value.get("path") if isinstance(value, dict) and value.get("_type") == "image-file" else None
    if isinstance(path, str) and _kind(path) == "image":
        return Cell(path[:MAX_CELL], _address("run-file", entity, project, run, path))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    cut = text[:MAX_CELL] + "…" * (len(text) > MAX_CELL)
    return Cell(cut.encode("utf-8", "replace").decode())


def _from_json(text: str) -> Table:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    columns, rows = (found.get("columns"), found.get("data")) if isinstance(found, dict) else (None, None)
    if not isinstance(columns, list) or not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Unreadable("This is no table that can be read.")
    return Table([str(name)[:MAX_CELL].encode("utf-8", "replace").decode() for name in columns], rows)


def _from_csv(text: str, name: str) -> Table:
    try:
        columns, *rows = csv.reader(io.StringIO(text), delimiter="\t" if name.lower().endswith(".tsv") else ",")
    except (csv.Error, ValueError):
        raise Unreadable("This is no table that can be read.") from None
    return Table(columns, rows)


def _bytes_of(file: RunFile, most: int) -> bytes:
    try:
        with default_storage.open(file.stored_as) as data:
            return bytes(data.read(most))
    except OSError:
        raise Unreadable("The file can’t be read.") from None


def _kind(name: str) -> str:
    lower = name.lower()
    if mimetypes.guess_type(lower)[0] in _IMAGES:
        return "image"
    for kind, endings in (("table", _TABLES), ("page", _PAGES), ("text", _TEXTS)):
        if lower.endswith(endings):
            return kind
    return ""


def _address(route: str, *args: str) -> str:
    try:
        return reverse(route, args=args)
    except NoReverseMatch:  # a name that no address can hold
        return ""
