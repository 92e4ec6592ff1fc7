"""The same projects, runs and points in every process: what is measured is written here, as clients would have it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from projects.access import project_get_or_create, user_get_or_create
from projects.models import Project, User
from runs import ingest
from tracker.bench.copies import histories_copy

USER = "bench"
METRIC = "loss"
ARM = "arm"  # the config column to group by
GROUPS = 20
_LINES = 1000  # of a request
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


@dataclass(frozen=True, slots=True)
class Curves:
    """What runs log: a few dozen of them differ, and neighbours do; the rest are copies."""

    runs: int
    values: NDArray[np.float64]  # (runs that differ, steps)

    @classmethod
    def of(cls, runs: int, steps: int) -> Curves:
        return cls(runs, noisy(min(runs, GROUPS), steps, seed=runs + steps))

    @property
    def steps(self) -> int:
        return int(self.values.shape[1])

    @property
    def size(self) -> int:
        """Points of all runs."""
        return self.runs * self.steps

    def source(self, run: int) -> int:
        """Which of the curves a run has: every group has each of them."""
        return (run + run // GROUPS) % len(self.values)


def history_write(
    owner: Project, curves: Curves, *, clocks: bool = False, request: int = _LINES, complete: bool = True
) -> None:
    """A run for each curve, spread over the groups; its line number is its step. `request`: lines of one."""
    with transaction.atomic():
        ids = [run_make(owner, f"run-{i}", arm=i % GROUPS) for i in range(curves.runs)]
    for key, row in zip(ids, curves.values, strict=False):
        for offset in range(0, curves.steps, request):
            lines = _lines(row[offset : offset + request], offset, clocks=clocks)
            ends = complete and offset + request >= curves.steps
            said = ingest.StreamRequest(history=ingest.Lines(offset=offset, lines=lines), complete=ends)
            ingest.stream_accept(run_id=key, writer="", request=said)
    histories_copy([(ids[i], ids[curves.source(i)]) for i in range(len(curves.values), curves.runs)])


def _lines(values: NDArray[np.float64], offset: int, *, clocks: bool) -> list[str]:
    return [
        f'{{"_step":{step},"{METRIC}":{value!r}' + (f',"_runtime":{runtime(step)!r}}}' if clocks else "}")
        for step, value in enumerate(values.tolist(), offset)
    ]


def runtime(step: int) -> float:
    """Seconds since the start: four steps each, never quite on time, to the microsecond."""
    return round(step * 0.25 + (step * 7919 % 1000) * 1.23e-4, 6)


def config_keys() -> list[str]:
    return [ARM, *(f"c{i:02}" for i in range(1, CONFIG_COLUMNS))]


def summary_keys() -> list[str]:
    return [f"m{i:02}" for i in range(SUMMARY_COLUMNS)]


def settle() -> None:
    """What PostgreSQL does by itself a minute after rows came. SQLite does nothing."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
