from __future__ import annotations

import threading
import tracemalloc
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection, connections
from django.utils import timezone

from projects.models import Project
from projects.query import memory, reading, sources
from projects.query.fields import field_from
from projects.query.reading import listed, moments, numbers, uuids
from runs.models import ColumnValue, Run, run_id
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, 100])
def test_rows_come_whole_and_in_order_however_many_are_read_at_once(monkeypatch: Any, at_once: int) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", at_once)
    project, start = make_project(), timezone.now()
    none, _ = listed(Run.objects.filter(project=project))
    assert len(none) == 0
    for number in range(4):
        run = make_run(project, f"r{number}", created_at=start + timedelta(seconds=number))
        set_values(run, summary={"x": number / 7})
    runs = list(Run.objects.filter(project=project).order_by("created_at"))
    ids, versions = listed(Run.objects.filter(project=project))
    assert uuids(ids) == [run.id for run in runs]
    assert len(versions) == len(np.unique(versions)) == 4
    found, each = numbers(ColumnValue.objects.filter(run__project=project))
    assert dict(zip(uuids(found), each.tolist(), strict=True)) == {run.id: i / 7 for i, run in enumerate(runs)}
    found, (made,) = moments(Run.objects.filter(project=project), "created_at")
    since = {run.id: round(run.created_at.timestamp() * 1e6) for run in runs}
    assert dict(zip(uuids(found), made.tolist(), strict=True)) == since


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL joins rows itself")
def test_listing_takes_little_more_memory_than_what_it_lists(monkeypatch: Any) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", 100)
    project, count = make_project(), 3000
    names = [f"r{number}" for number in range(count)]
    Run.objects.bulk_create(
        [Run(id=run_id(project.id, name), project=project, name=name, display_name=name) for name in names]
    )
    runs = Run.objects.filter(project=project)
    listed(runs)
    tracemalloc.start()
    try:
        ids, versions = listed(runs)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(ids) == count
    listing = ids.nbytes + versions.nbytes
    assert held < 1.3 * listing
    assert peak < 2.8 * listing


@pytest.mark.django_db(transaction=True)
def test_a_column_is_read_once_when_eight_threads_ask_for_it_at_once(monkeypatch: Any) -> None:
    project: Project = make_project()
    for number in range(20):
        set_values(make_run(project), config={"lr": number % 3})
    memory.forget()
    field, read, began, together = field_from("config.lr"), [], threading.Event(), threading.Barrier(8)
    whole = sources.whole

    def counted(project: Project, fields: Any) -> Any:
        read.extend(fields)
        began.wait(5)  # until the other threads ask, too
        yield from whole(project, fields)

    monkeypatch.setattr(memory, "whole", counted)
    monkeypatch.setattr(memory, "FEW", 0)
    found = []

    def ask() -> None:
        try:
            ids, versions = listed(Run.objects.filter(project=project))
            if together.wait(10) == 0:
                began.set()
            _, columns = memory.memory_of(project).columns(ids, versions, [field])
            found.append(columns[field])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory.forget()
    assert len(found) == 8
    assert read == [field]
    assert all(column is found[0] for column in found)
