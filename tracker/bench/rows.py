"""Many runs with config and summary but no history, written in bulk as clients would have left them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from projects.models import Project
from runs.columns import Value, column_id, typed
from runs.history.keys import columns_ensure
from runs.models import ColumnValue, Kind, Run, Scope, State, run_id
from tracker.bench import data

_BATCH = 5000
_COLUMNS = ("run_id", "column_id", "kind", "number", "token", "text")


def table_write(owner: Project, runs: int) -> None:
    """Config columns hold 20 values, some of them texts; summary columns hold noise."""
    random = np.random.default_rng(runs)
    config, summary = data.config_keys(), data.summary_keys()
    picks = random.integers(0, data.GROUPS, (runs, len(config)))
    measured = random.standard_normal((runs, len(summary)))
    made = [_run(owner, i, config, summary, picks[i], measured[i]) for i in range(runs)]
    Run.objects.bulk_create(made, batch_size=_BATCH)
    for scope, names in ((Scope.CONFIG, config), (Scope.SUMMARY, summary)):
        kinds = {key: int(Kind.TEXT if _is_text(key) else Kind.NUMBER) for key in names}
        columns_ensure(project_id=owner.id, scope=scope, kinds=kinds)
    # In order of id, as keys and indexes lie: they then grow at their ends.
    made.sort(key=lambda run: run.id.int)
    with _indexed_afterwards():
        _insert(_values(owner, made))


def _is_text(key: str) -> bool:
    return key.startswith("c") and key.endswith("5")


def _run(
    owner: Project,
    number: int,
    config: list[str],
    summary: list[str],
    picks: NDArray[np.int64],
    measured: NDArray[np.float64],
) -> Run:
    name, at = f"run-{number}", datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    named = zip(config, picks.tolist(), strict=True)
    return Run(
        id=run_id(owner.id, name), project=owner, name=name, display_name=name, state=State.FINISHED,
        config={key: f"value-{pick}" if _is_text(key) else pick for key, pick in named},
        summary=dict(zip(summary, measured.tolist(), strict=True)),
        created_at=at, heartbeat_at=at, changed_at=at, ended_at=at,
    )  # fmt: skip


def _values(owner: Project, made: list[Run]) -> Iterator[tuple[Any, ...]]:
    native = connection.features.has_native_uuid_field
    ids = {
        (scope, key): column_id(owner.id, scope, key)
        for scope, keys in ((Scope.CONFIG, data.config_keys()), (Scope.SUMMARY, data.summary_keys()))
        for key in keys
    }
    columns = {name: str(id) if native else id.hex for name, id in ids.items()}
    known: dict[object, Value] = {}
    for run in made:
        key = str(run.id) if native else run.id.hex
        for name, logged in run.config.items():
            value = known.get(logged) or known.setdefault(logged, typed(logged))
            yield key, columns[Scope.CONFIG, name], int(value.kind), value.number, value.token, value.text
        for name, logged in run.summary.items():
            value = typed(logged)
            yield key, columns[Scope.SUMMARY, name], int(value.kind), value.number, value.token, value.text


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
