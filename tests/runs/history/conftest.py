from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from django.db import transaction

from projects.models import Project
from runs.columns import column_id
from runs.history import codec, compaction, levels, reader, rollup, sealed, store
from runs.models import Run
from tests import factories


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal after 16 lines, roll up from 24 numbers, 8 buckets a row: so that short tests pass through everything."""
    monkeypatch.setattr(compaction, "SEAL_AFTER", 16)
    monkeypatch.setattr(compaction, "STRETCH", 40)
    monkeypatch.setattr(codec, "PAGE", 8)
    monkeypatch.setattr(reader, "FEW", 1)
    monkeypatch.setattr(sealed, "FRONT", 150)
    monkeypatch.setattr(levels, "ROLLUP_FROM", 24)
    monkeypatch.setattr(rollup, "SEGMENT", 8)


@dataclass
class Bench:
    """A project whose runs are logged to line by line."""

    project: Project

    def run(self) -> Run:
        return factories.make_run(self.project)

    def log(
        self, run: Run, lines: Sequence[str], *, offset: int = 0, stream: str = "history", writer: str = ""
    ) -> store.Appended:
        with transaction.atomic():
            return store.append(run=run, stream=stream, writer=writer, offset=offset, lines=list(lines))

    def column(self, key: str, scope: str = "history") -> uuid.UUID:
        return column_id(self.project.id, scope, key)

    def read(self, runs: Sequence[Run], key: str = "loss", **asked: object) -> store.Points | store.Cells:
        question = {"column_id": self.column(key), "run_ids": [run.id for run in runs]} | asked
        if "x" not in asked:
            return store.read(**question)
        with store.snapshot():
            return joined([points for _, points in store.paired(**question)])


def joined(batches: Sequence[store.Points]) -> store.Points:
    """All of them as one."""
    sizes = [np.diff(points.offsets) for points in batches]
    return store.Points(
        np.concatenate([[0], np.cumsum(np.concatenate(sizes))]),
        np.concatenate([points.x for points in batches]),
        np.concatenate([points.y for points in batches]),
    )


@pytest.fixture
def bench(db: None) -> Bench:
    return Bench(factories.make_project())
