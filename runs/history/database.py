"""Reading many rows at one moment."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, TypeVar

import psycopg
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL

from runs import statements
from runs.statements import Change

AT_ONCE = 100  # rows
_FEW = 32  # rows that are sent together with others

T = TypeVar("T")

# What was made of rows in the snapshot that is open: for each slot its key and the value.
_made: ContextVar[dict[str, tuple[object, Any]] | None] = ContextVar("made", default=None)


def among(ids: Iterable[uuid.UUID]) -> RawSQL:
    """Right side of an `__in`: any number of ids as one parameter, which costs a tenth of one each."""
    return listed(_list(id_.hex for id_ in ids))


def listed(text: str) -> RawSQL:
    """`among` of the ids that a text lists (see Ids.text)."""
    sqlite = connection.vendor == "sqlite"
    return RawSQL("SELECT value FROM json_each(%s)" if sqlite else "SELECT unnest(%s::uuid[])", [text])


def _list(digits: Iterable[str]) -> str:
    return json.dumps(list(digits)) if connection.vendor == "sqlite" else f"{{{','.join(digits)}}}"


class Ids:
    """Ids that rows are asked for by, and their places, which rows are known by from then on.

    What is made of them for the database is made once for all questions.
    """

    def __init__(self, ids: Sequence[uuid.UUID]) -> None:
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: int) -> uuid.UUID:
        return self.ids[place]

    @cached_property
    def places(self) -> dict[Any, int]:
        """The place of an id as the driver has it (see `bare`)."""
        named = self._digits if connection.vendor == "sqlite" else self.ids
        return {id_: place for place, id_ in enumerate(named)}

    def text(self, places: Sequence[int] | None = None) -> str:
        """A list of all of them, or of those at these places, as the database reads it."""
        if places is None or len(places) == len(self.ids):
            return self._text
        return _list(self._digits[place] for place in places)

    @cached_property
    def _digits(self) -> list[str]:
        return [id_.hex for id_ in self.ids]

    @cached_property
    def _text(self) -> str:
        return _list(self._digits)


def fetch(rows: QuerySet[Any, tuple]) -> Iterator[tuple]:
    """Rows of a `values_list` with blobs, few at a time in memory; no other query may be made meanwhile.

    PostgreSQL sends a blob as twice as much text unless asked for binary, and finds the next rows while these are used.
    SQLite has nothing to do meanwhile, and one blob at a time is put where the one before was: half the time of many.
    """
    if connection.vendor != "postgresql":
        yield from rows.iterator(1)
    else:
        yield from bare(*rows.query.sql_with_params())


def bare(sql: str, parameters: Sequence[Any]) -> Iterator[tuple]:
    """As `fetch`, as the driver gives them: on SQLite an id is its hexadecimal digits."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            yield from cursor
        return
    size = AT_ONCE if psycopg.capabilities.has_stream_chunked() else 1
    with statements.binary_cursor() as server:
        yield from server.stream(sql.encode(), parameters, size=size)


def uuids(rows: Iterable[tuple]) -> list[uuid.UUID]:
    """The ids that `bare` rows consist of. In a snapshot each is made once, which takes longer than to find it."""
    if connection.vendor == "postgresql":
        return [id_ for (id_,) in rows]
    known = kept("uuids", None, dict[str, uuid.UUID])
    return [known.get(digits) or known.setdefault(digits, uuid.UUID(digits)) for (digits,) in rows]


def parts_pay() -> bool:
    """Whether some of a blob's bytes cost less to read than all of them: SQLite reads it whole in any case."""
    return bool(connection.vendor == "postgresql")


def insert(
    rows: Sequence[Model], later: list[Change], *, replacing: Sequence[str] = (), key: Sequence[str] = ()
) -> None:
    """Insert rows of one table that has blobs. Of one that is there already by `key`, `replacing` is set (attributes).

    Few are added to `later`. Many are written at once, after what is in it, so that no others are in memory with them:
    to PostgreSQL one by one, as binary rows, of which it takes five times as many as of blobs in text.
    """
    if len(rows) <= _FEW:
        later += statements.inserting(rows, key=key, replacing=replacing)
        return
    statements.send(*later)
    later.clear()
    if connection.vendor != "postgresql":
        statements.send(*statements.inserting(rows, key=key, replacing=replacing))
        return
    model = type(rows[0])
    fields = [
        (field.attname, str(field.column), str(field.db_type(connection))) for field in model._meta.concrete_fields
    ]
    names, columns, types = zip(*fields, strict=True)
    into = f"{model._meta.db_table} ({', '.join(map(connection.ops.quote_name, columns))})"
    values = ([getattr(row, name) for name in names] for row in rows)
    with statements.binary_cursor() as cursor:
        if replacing:
            places = ", ".join(["%s"] * len(names))
            new = ", ".join(f"{name} = excluded.{name}" for name in replacing)
            found = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {new}"
            cursor.executemany(f"INSERT INTO {into} VALUES ({places}) {found}".encode(), values)
            return
        with cursor.copy(f"COPY {into} FROM STDIN (FORMAT BINARY)".encode()) as copy:
            copy.set_types(types)
            for row in values:
                copy.write_row(row)


@contextmanager
def snapshot() -> Iterator[None]:
    """All queries inside see the database at one moment: else lines sealed meanwhile would count twice, or not at all.

    Takes no lock. (transaction.atomic would take SQLite's write lock, and give no such view on PostgreSQL.) One inside
    another is the same moment.
    """
    if _made.get() is not None:
        yield
        return
    outer = _made.set({})
    try:
        if connection.in_atomic_block:
            yield
            return
        with connection.cursor() as cursor:
            sqlite = connection.vendor == "sqlite"
            cursor.execute("BEGIN" if sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    finally:
        _made.reset(outer)


def in_snapshot() -> bool:
    """Whether a snapshot is open."""
    return _made.get() is not None


def kept(slot: str, key: object, make: Callable[[], T]) -> T:
    """What `make` gave for this key in the same snapshot, if that was the last key of the slot; else made now.

    One value a slot: what panels that are drawn together share is the same for nearly all of them, and may be large.
    """
    made = _made.get()
    if made is None:
        return make()
    if slot not in made or made[slot][0] != key:
        made[slot] = key, make()
    value: T = made[slot][1]
    return value
