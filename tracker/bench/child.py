"""What runs in the process of one database, which is empty and thrown away afterwards."""

from __future__ import annotations

import platform
from collections.abc import Callable

import django
import numpy as np
from django.core.management import call_command
from django.db import connection

from tracker.bench import charts, disk, ingestion, tables
from tracker.bench.measure import Measure
from tracker.bench.sizes import Sizes
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
        measures += charts.measure(runs, steps, repeat=sizes.repeat)
    for runs in sizes.tables:
        say(f"table, {runs:,} runs")
        measures += tables.measure(runs, repeat=sizes.repeat)
    return {"version": _version(), "measures": [item.to_json() for item in measures]}


def libraries() -> dict[str, str]:
    return {"python": platform.python_version(), "django": django.get_version(), "numpy": np.__version__}


def _version() -> str:
    return ".".join(map(str, connection.get_database_version()))
