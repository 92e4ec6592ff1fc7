"""Many runs with config and summary but no history, written in bulk as clients would have left them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from projects.models import Project
from runs.columns import column_id, typed
from runs.history.keys import columns_ensure
from runs.models import ColumnValue, Kind, Run, Scope, State, run_id
from tracker.bench import data

_BATCH = 5000
_COLUMNS = ("run_id", "column_id", "kind", "number", "token", "text")


def table_write(owner: Project, runs: int) -> None:
    """Config columns hold 20 values, some of them texts; summary columns hold noise."""
    random = np.random.default_rng(runs)
    logged = Logged(
        random.integers(0, data.GROUPS, (runs, data.CONFIG_COLUMNS)),
        random.standard_normal((runs, data.SUMMARY_COLUMNS)),
    )
    for scope, names in ((Scope.CONFIG, data.config_keys()), (Scope.SUMMARY, data.summary_keys())):
        kinds = {key: int(Kind.TEXT if _is_text(key) else Kind.NUMBER) for key in names}
        columns_ensure(project_id=owner.id, scope=scope, kinds=kinds)
    ids = [run_id(owner.id, f"run-{number}") for number in range(runs)]
    # As keys and indexes lie: they then grow at their ends.
    order = sorted(range(runs), key=lambda number: ids[number].int)
    for start in range(0, runs, _BATCH):
        batch = order[start : start + _BATCH]
        Run.objects.bulk_create([_run(owner, number, ids[number], logged) for number in batch])
    with _indexed_afterwards():
        _insert(row for number in order for row in _values(owner, ids[number], number, logged))


@dataclass(frozen=True, slots=True)
class Logged:
    """(runs, columns)."""

    picks: NDArray[np.int64]
    measured: NDArray[np.float64]

    def config(self, number: int) -> dict[str, int | str]:
        named = zip(data.config_keys(), self.picks[number].tolist(), strict=True)
        return {key: f"value-{pick}" if _is_text(key) else pick for key, pick in named}

    def summary(self, number: int) -> dict[str, float]:
        return dict(zip(data.summary_keys(), self.measured[number].tolist(), strict=True))


def _is_text(key: str) -> bool:
    return key.startswith("c") and key.endswith("5")


def _run(owner: Project, number: int, id: uuid.UUID, logged: Logged) -> Run:
    name, at = f"run-{number}", datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return Run(
        id=id, project=owner, name=name, display_name=name, state=State.FINISHED,
        config=logged.config(number), summary=logged.summary(number),
        created_at=at, heartbeat_at=at, changed_at=at, ended_at=at,
    )  # fmt: skip


def _values(owner: Project, id: uuid.UUID, number: int, logged: Logged) -> Iterator[tuple[Any, ...]]:
    for scope, values in ((Scope.CONFIG, logged.config(number)), (Scope.SUMMARY, logged.summary(number))):
        for key, value in values.items():
            kept = _typed(value)
            column = _column(owner.id, scope, key)
            yield _written(id), column, int(kept.kind), kept.number, kept.token, kept.text


@lru_cache(1000)
def _column(project: uuid.UUID, scope: Scope, key: str) -> str:
    return _written(column_id(project, scope, key))


_typed = lru_cache(1000)(typed)


def _written(id: uuid.UUID) -> str:
    """As the database has it."""
    return str(id) if connection.features.has_native_uuid_field else id.hex


@contextmanager
def _indexed_afterwards() -> Iterator[None]:
    """Making an index of rows takes a fraction of adding them to it one by one."""
    with connection.schema_editor() as editor:
        for index in ColumnValue._meta.indexes:
            editor.remove_index(ColumnValue, index)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for index in ColumnValue._meta.indexes:
                editor.add_index(ColumnValue, index)


def _insert(rows: Iterator[tuple[Any, ...]]) -> None:
    into = f"{ColumnValue._meta.db_table} ({', '.join(_COLUMNS)})"
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            sql = f"INSERT INTO {into} VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
            while batch := list(itertools.islice(rows, _BATCH)):
                cursor.executemany(sql, batch)
