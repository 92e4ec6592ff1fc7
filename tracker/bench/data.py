"""The same projects, runs and points in every process: what is measured is written here, as clients would have it."""

from __future__ import annotations

import uuid

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from projects.access import project_get_or_create, user_get_or_create
from projects.models import Project, User
from runs import ingest

USER = "bench"
METRIC = "loss"
ARM = "arm"  # the config column to group by
GROUPS = 20
CONFIG_COLUMNS = 50
SUMMARY_COLUMNS = 20


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


def settle() -> None:
    """What PostgreSQL does by itself a minute after rows came. SQLite does nothing."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
