"""Bytes on disk of a logged point, rows, rollups, indexes and steps included, against the raw number."""

from __future__ import annotations

import numpy as np
from django.db import connection

from tracker.bench import data
from tracker.bench.measure import Measure

RUNS = 10


def measure(lines: int) -> list[Measure]:
    """Noise to the last bit of a float64, and of a float32 (which clients send as text like any other number)."""
    noisy = data.noisy(RUNS, lines, seed=lines)
    found = []
    for bits, points in ((64, noisy), (32, noisy.astype(np.float32).astype(np.float64))):
        owner = data.project(f"disk-{bits}")
        before = _used()
        data.history_write(owner, points)
        figure = (_used() - before) / points.size
        case = f"{RUNS} runs × {lines:,} steps"
        found.append(Measure("disk", case, f"noisy float{bits}", figure, bits / 8, "bytes/point", f"raw float{bits}"))
    return found


def _used() -> int:
    """Bytes in use by all tables and indexes; what was freed is not counted, later rows are put there."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
                           "pragma_freelist_count, pragma_page_size")  # fmt: skip
        else:
            cursor.execute("VACUUM FULL")
            cursor.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables")
        (used,) = cursor.fetchone()
    return int(used)
