"""Reading many rows at one moment."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from django.db import connection

BATCH = 10_000  # ids in one query: SQLite takes 32,766


def batches(ids: Iterable[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    """The ids in pieces that fit in a query."""
    rest = iter(ids)
    while part := list(islice(rest, BATCH)):
        yield part


@contextmanager
def snapshot() -> Iterator[None]:
    """All queries inside see the database at one moment: else lines sealed meanwhile would count twice, or not at all.

    Takes no lock. (transaction.atomic would take SQLite's write lock, and give no such view on PostgreSQL.)
    """
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
