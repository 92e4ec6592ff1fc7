"""The same projects, runs and points in every process: what is measured is written here, as clients would have it."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from projects.access import project_get_or_create, user_get_or_create
from projects.models import Project, User
from runs import ingest
from runs.columns import column_id, typed
from runs.history.keys import columns_ensure
from runs.models import ColumnValue, Kind, Run, Scope, State, run_id

USER = "bench"
METRIC = "loss"
ARM = "arm"  # the config column to group by
GROUPS = 20
CONFIG_COLUMNS = 50
SUMMARY_COLUMNS = 20

_BATCH = 5000


def user() -> User:
    return user_get_or_create(name=USER)


def project(name: str) -> Project:
    return project_get_or_create(user(), entity=None, name=name)


def noisy(*shape: int, seed: int) -> NDArray[np.float64]:
    """(runs, steps): curves that fall, each number with noise down to its last bit."""
    falling = np.exp(-3 * np.linspace(0, 1, shape[-1]))
    return falling + 0.1 * np.random.default_rng(seed).standard_normal(shape)


def run_make(owner: Project, name: str, *, arm: int = 0) -> uuid.UUID:
    change = ingest.RunChange(config={ARM: arm})
    return ingest.run_upsert(project_id=owner.id, name=name, user_name=USER, change=change, starts=True).run.id


def history_write(owner: Project, points: NDArray[np.float64]) -> None:
    """A finished run for each row of `points`, spread over the groups; its line number is its step."""
    for i, row in enumerate(points):
        key = run_make(owner, f"run-{i}", arm=i % GROUPS)
        lines = [f'{{"_step":{step},"{METRIC}":{value!r}}}' for step, value in enumerate(row.tolist())]
        request = ingest.StreamRequest(history=ingest.Lines(offset=0, lines=lines), complete=True)
        ingest.stream_accept(run_id=key, writer="", request=request)


def config_keys() -> list[str]:
    return [ARM, *(f"c{i:02}" for i in range(1, CONFIG_COLUMNS))]


def summary_keys() -> list[str]:
    return [f"m{i:02}" for i in range(SUMMARY_COLUMNS)]


def table_write(owner: Project, runs: int) -> None:
    """Finished runs with config and summary rows but no history, in bulk. Config columns hold 20 values, some texts."""
    made = [
        Run(
            id=run_id(owner.id, f"run-{i}"), project=owner, name=f"run-{i}", display_name=f"run-{i}",
            state=State.FINISHED, created_at=at, heartbeat_at=at, changed_at=at, ended_at=at,
        )
        for i in range(runs)
        for at in [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=i)]
    ]  # fmt: skip
    Run.objects.bulk_create(made, batch_size=_BATCH)
    keys = {Scope.CONFIG: config_keys(), Scope.SUMMARY: summary_keys()}
    for scope, names in keys.items():
        kinds = {key: int(Kind.TEXT if _is_text(key) else Kind.NUMBER) for key in names}
        columns_ensure(project_id=owner.id, scope=scope, kinds=kinds)
    rows = _value_rows(owner, [run.id for run in made])
    while batch := list(itertools.islice(rows, _BATCH)):
        ColumnValue.objects.bulk_create(batch)


def _is_text(key: str) -> bool:
    return key.startswith("c") and key.endswith("5")


def _value_rows(owner: Project, ids: Sequence[uuid.UUID]) -> Iterator[ColumnValue]:
    random = np.random.default_rng(len(ids))
    config, summary = config_keys(), summary_keys()
    columns = [column_id(owner.id, Scope.CONFIG, key) for key in config]
    columns += [column_id(owner.id, Scope.SUMMARY, key) for key in summary]
    for key in ids:
        picks, measured = random.integers(0, GROUPS, len(config)), random.standard_normal(len(summary))
        named = zip(config, picks.tolist(), strict=True)
        logged = [f"value-{pick}" if _is_text(name) else pick for name, pick in named]
        for column, value in zip(columns, [*logged, *measured.tolist()], strict=True):
            kept = typed(value)
            yield ColumnValue(
                run_id=key, column_id=column, kind=kept.kind, number=kept.number, token=kept.token, text=kept.text
            )


def settle() -> None:
    """What PostgreSQL does by itself a minute after rows came. SQLite does nothing."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
