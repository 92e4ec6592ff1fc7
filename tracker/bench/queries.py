"""The statements that some code sends to the database, to be sent again by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
from django.db import connection


class Queries:
    """Caught at the driver, so that it does not matter by which way the code asks."""

    def __init__(self) -> None:
        self._said: list[tuple[Any, Any, bool]] = []  # statement, parameters, whether rows come in binary

    @contextmanager
    def recording(self) -> Iterator[None]:
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            # Parameters are written out in what is traced.
            connection.connection.set_trace_callback(lambda text: self._said.append((text, (), False)))
            try:
                yield
            finally:
                connection.connection.set_trace_callback(None)
            return

        def noting(ask: Callable[..., Any]) -> Callable[..., Any]:
            def note(cursor: Any, query: Any, params: Any = None, *, binary: bool | None = None, **rest: Any) -> Any:
                self._said.append((query, params, bool(binary)))
                return ask(cursor, query, params, binary=binary, **rest)

            return note

        execute, stream = (noting(ask) for ask in (psycopg.Cursor.execute, psycopg.Cursor.stream))
        with patch.object(psycopg.Cursor, "execute", execute), patch.object(psycopg.Cursor, "stream", stream):
            yield

    def run(self) -> int:
        """Fetch all rows as the driver has them; how many there were."""
        if not self._said:
            raise RuntimeError("no statement was recorded")
        return sum(map(len, map(self._fetched, self._said)))

    def _fetched(self, said: tuple[Any, Any, bool]) -> list[Any]:
        connection.ensure_connection()
        query, params, binary = said
        if connection.vendor == "sqlite":
            return list(connection.connection.execute(query, params))
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(query, params, binary=binary)
            return cursor.fetchall() if cursor.description else []
