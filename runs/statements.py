"""Statements that every request of a client makes: their SQL is worked out once in a process.

Out of its objects the ORM makes it anew each time, which takes several times as long as the database needs to answer.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import psycopg
from django.db import InterfaceError, OperationalError, connection
from django.db.models import BinaryField, Field, IntegerField, Model, QuerySet, TextField, UUIDField

# What stands for a value of a type while the SQL is made: no other parameter of a query is equal to it.
_MARKS: dict[type, Callable[[], Any]] = {
    uuid.UUID: uuid.uuid4,
    str: lambda: secrets.token_hex(16),
    int: lambda: 2**30 + secrets.randbits(29),
}


_AT_ONCE = 500  # rows of a statement
_LARGE = 2**13  # bytes of a blob that PostgreSQL is to get as they are, not as twice as much text


class _Made(NamedTuple):
    sql: str
    parameters: Sequence[Any]
    places: Sequence[tuple[int, int]]  # of a parameter, and of the value that it is
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]  # of a field of the rows


class Question:
    """A `values_list`, made of values of these types that are compared as they are.

    `locking`: its rows are locked, not those that are joined to them (which the ORM can't say of bare values). `blobs`:
    rows have some, which PostgreSQL sends as twice as much text unless asked for binary.
    """

    def __init__(
        self,
        make: Callable[..., QuerySet[Any, tuple]],
        types: Sequence[type],
        *,
        locking: bool = False,
        blobs: bool = False,
    ) -> None:
        self._make, self._types, self._locking, self.blobs = make, types, locking, blobs
        self._made: dict[str, _Made] = {}

    def __call__(self, *values: Any) -> list[tuple]:
        sql, parameters = self.filled(values)
        if self.blobs and connection.vendor == "postgresql":
            with binary_cursor() as driver:
                return self.converted(driver.execute(sql.encode(), parameters).fetchall())
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return self.converted(cursor.fetchall())

    def filled(self, values: Sequence[Any]) -> tuple[str, list[Any]]:
        """The statement and its parameters."""
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._made[connection.vendor] = self._sql()
        parameters = list(made.parameters)
        for place, value in made.places:
            parameters[place] = _written(values[value])
        return made.sql, parameters

    def converted(self, rows: list[tuple]) -> list[tuple]:
        """What the driver has as the ORM has it."""
        every = self._made[connection.vendor].converters
        if not every:
            return rows
        found = [list(row) for row in rows]
        for row in found:
            for place, converters, expression in every:
                for convert in converters:
                    row[place] = convert(row[place], expression, connection)
        return [tuple(row) for row in found]

    def _sql(self) -> _Made:
        marks = [_MARKS[kind]() for kind in self._types]
        rows = self._make(*marks)
        compiler = rows.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        if self._locking and connection.features.has_select_for_update_of:
            sql += f" FOR UPDATE OF {connection.ops.quote_name(rows.model._meta.db_table)}"
        marked = list(map(_written, marks))
        places = [(place, marked.index(it)) for place, it in enumerate(parameters) if it in marked]
        converters = compiler.get_converters([column for column, *_ in compiler.select])
        return _Made(sql, parameters, places, [(place, *found) for place, found in converters.items()])


@contextmanager
def binary_cursor() -> Iterator[psycopg.Cursor]:
    """PostgreSQL's own, by which blobs go as they are."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.format = psycopg.pq.Format.BINARY
        yield cursor


def _pipelined(statements: Sequence[tuple[str, Sequence[Any]]], *, answered: bool) -> list[list[tuple]]:
    """Statements that go to PostgreSQL in one turn, blobs as they are (and with them the beginning of a transaction);
    their rows, if they are `answered`."""
    connection.ensure_connection()
    driver = connection.connection
    cursors = []
    with connection.wrap_database_errors, driver.pipeline():
        for sql, parameters in statements:
            cursors.append(psycopg.Cursor(driver))
            cursors[-1].format = psycopg.pq.Format.BINARY
            cursors[-1].execute(sql.encode(), parameters)
        return [cursor.fetchall() for cursor in cursors] if answered else []


def names_of(model: type[Model], *only: str) -> list[str]:
    """These fields of a model, or all, as its `from_db` takes them."""
    names = [field.attname for field in model._meta.concrete_fields]
    return [name for name in names if name in only] if only else names


def together(*asked: tuple[Question, Sequence[Any]]) -> list[list[tuple]]:
    """The rows of questions, one after the other; PostgreSQL takes and answers them in one turn."""
    if connection.vendor != "postgresql" or not asked:
        return [question(*values) for question, values in asked]
    made = [question.filled(values) for question, values in asked]
    if any(question.blobs for question, _ in asked):
        found = _pipelined(made, answered=True)
    else:
        with connection.cursor() as cursor:
            cursor.execute("; ".join(sql for sql, _ in made), [it for _, parameters in made for it in parameters])
            found = [cursor.fetchall()]
            while cursor.nextset():
                found.append(cursor.fetchall())
    return [question.converted(rows) for (question, _), rows in zip(asked, found, strict=True)]


def opening(*asked: tuple[Question, Sequence[Any]]) -> list[list[tuple]]:
    """As `together`, for the first that a request asks: it tells whether a connection that was kept is still alive,
    and no other question has to. Where it is not, they are asked again by a new one."""
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return together(*asked)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        return together(*asked)


class Change(NamedTuple):
    """A statement that changes rows; with `many`, one for each list of parameters."""

    sql: str
    parameters: Sequence[Any]
    many: bool = False
    large: bool = False  # a blob is


def updating(model: type[Model], key: Mapping[str, Any], values: Mapping[str, Any]) -> Change:
    """Sets fields of the rows whose fields are equal to those of `key`."""
    sql, fields = _update(model, tuple(key), tuple(values), connection.vendor)
    return Change(sql, _saved(fields, [*values.values(), *key.values()]))


def deleting(model: type[Model], key: Mapping[str, Any], *, since: tuple[str, int]) -> Change:
    """Deletes the rows whose fields are equal to those of `key`, and one of which is not less than `since`."""
    sql, fields = _delete(model, tuple(key), since[0], connection.vendor)
    return Change(sql, _saved(fields, [*key.values(), since[1]]))


def inserting(rows: Sequence[Model], *, replacing: Sequence[str] = (), key: Sequence[str] = ()) -> list[Change]:
    """Inserts rows of one table. Of one that is there already by the fields of `key`, those of `replacing` are set."""
    if not rows:
        return []
    head, places, tail, fields = _insert(type(rows[0]), tuple(replacing), tuple(key), connection.vendor)
    values = [_saved(fields, [getattr(row, field.attname) for field in fields]) for row in rows]
    if connection.vendor != "postgresql":
        return [Change(f"{head}{places}{tail}", values, many=True)]
    changes = []
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        large = any(len(getattr(row, "data", b"")) > _LARGE for row in rows[start : start + _AT_ONCE])
        sql = f"{head}{', '.join([places] * len(some))}{tail}"
        changes.append(Change(sql, list(chain.from_iterable(some)), large=large))
    return changes


def send(*changes: Change, last: bool = False) -> None:
    """Make changes in this order; PostgreSQL takes them in one turn.

    `last`: they are the last of what the caller's `atomic` does. Where that is the outermost one, PostgreSQL commits in
    the same turn, and Django, who finds no transaction any more, has nothing left to wait for.
    """
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            for change in changes:
                (cursor.executemany if change.many else cursor.execute)(change.sql, change.parameters)
        return
    if last and connection.in_atomic_block and not connection.savepoint_ids:
        changes += (Change("COMMIT", ()),)
    if any(change.large for change in changes):
        _pipelined([change[:2] for change in changes], answered=False)
    elif changes:
        with connection.cursor() as cursor:
            sql = "; ".join(change.sql for change in changes)
            cursor.execute(sql, [it for change in changes for it in change.parameters])


@lru_cache(1000)
def _update(
    model: type[Model], key: Sequence[str], names: Sequence[str], vendor: str
) -> tuple[str, Sequence[Field[Any, Any]]]:
    set_, where = ([_field(model, name) for name in some] for some in (names, key))
    assigned = ", ".join(f"{_column(field)} = %s" for field in set_)
    equal = " AND ".join(f"{_column(field)} = %s" for field in where)
    return f"UPDATE {model._meta.db_table} SET {assigned} WHERE {equal}", (*set_, *where)


@lru_cache(1000)
def _delete(model: type[Model], key: Sequence[str], since: str, vendor: str) -> tuple[str, Sequence[Field[Any, Any]]]:
    where = [_field(model, name) for name in (*key, since)]
    equal = " AND ".join(f"{_column(field)} = %s" for field in where[:-1])
    return f"DELETE FROM {model._meta.db_table} WHERE {equal} AND {_column(where[-1])} >= %s", where


@lru_cache(1000)
def _insert(
    model: type[Model], replacing: Sequence[str], key: Sequence[str], vendor: str
) -> tuple[str, str, str, Sequence[Field[Any, Any]]]:
    """The statement before, for and after the rows."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    head = f"INSERT INTO {model._meta.db_table} ({', '.join(map(_column, fields))}) VALUES "
    tail = ""
    if replacing:
        found = ", ".join(_column(_field(model, name)) for name in key)
        new = ", ".join(
            f"{_column(_field(model, name))} = excluded.{_column(_field(model, name))}" for name in replacing
        )
        tail = f" ON CONFLICT ({found}) DO UPDATE SET {new}"
    return head, f"({', '.join(['%s'] * len(fields))})", tail, fields


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    (field,) = [field for field in model._meta.concrete_fields if name in (field.name, field.attname)]
    return field


def _column(field: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.column))


def _saved(fields: Sequence[Field[Any, Any]], values: Sequence[Any]) -> list[Any]:
    """The values as the driver takes them."""
    return [
        _written(value)
        if (kind := _kept_as(field)) is not None and kind is type(value)
        else field.get_db_prep_save(value, connection)
        for field, value in zip(fields, values, strict=True)
    ]


@lru_cache(1000)
def _kept_as(field: Field[Any, Any]) -> type | None:
    """A type whose values the field gives to the driver as `_written` does."""
    while field.remote_field is not None:
        field = field.target_field  # type: ignore[attr-defined]  # of a ForeignKey
    if isinstance(field, IntegerField):
        return int
    return {TextField: str, BinaryField: bytes, UUIDField: uuid.UUID}.get(type(field))


def _written(value: Any) -> Any:
    if isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
