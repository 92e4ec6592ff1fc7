"""What runs in the process of one database, which is empty and thrown away afterwards."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import django
import numpy as np
from django.core.management import call_command
from django.db import connection

from tracker.bench import charts, data, disk, fresh, ingestion, page, tables
from tracker.bench.measure import Measure
from tracker.bench.sizes import Sizes
from tracker.memory import arenas_limit
from tracker.static import collect_if_stale


class NotEmpty(RuntimeError):
    """The database is somebody's."""


def run(sizes: Sizes, say: Callable[[str], None]) -> dict[str, object]:
    """Migrate and measure all; raises NotEmpty rather than write into a database with tables in it."""
    if connection.introspection.table_names():
        raise NotEmpty("the database is not empty")
    call_command("migrate", verbosity=0)
    collect_if_stale()
    measures: list[Measure] = []
    # Sizes on disk come first: they are differences of the whole database.
    say("disk")
    measures += disk.measure(sizes.lines)
    say("ingestion")
    measures += ingestion.measure(sizes.lines, repeat=sizes.repeat)
    for runs, steps in sizes.charts:
        say(f"chart, {runs:,} runs × {steps:,} steps")
        measures += charts.measure(runs, steps, repeat=sizes.repeat, visits=sizes.visits)
    for runs, steps in sizes.growing:
        say(f"chart, {runs:,} growing runs × {steps:,} lines")
        measures += charts.growing(runs, steps, repeat=sizes.repeat)
    for runs in sizes.tables:
        say(f"table, {runs:,} runs")
        measures += tables.measure(runs, repeat=sizes.repeat)
        address = f"/{data.USER}/table-{runs}?group=config.{data.ARM}&sort=-summary.m00"
        measures += fresh.pages(address, repeat=sizes.repeat, times=1).memory(f"table, {runs:,} runs")
    if sizes.page:
        say("project page, in a browser")
        measures += page.measure(repeat=sizes.repeat)
    return {"version": _version(), "measures": [asdict(item) for item in measures]}


def task(said: dict[str, Any]) -> fresh.Said:
    """What another process of the bench asked this new one to do; it takes memory as a server does."""
    arenas_limit()
    if "page" in said:
        return fresh.page_visit(said["page"], said["repeat"])
    return ingestion.memory_visit(said["ingestion"])


def libraries() -> dict[str, str]:
    return {"python": platform.python_version(), "django": django.get_version(), "numpy": np.__version__}


def _version() -> str:
    return ".".join(map(str, connection.get_database_version()))
