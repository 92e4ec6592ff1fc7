"""Bytes on disk of a logged point, rows, rollups, indexes and steps included, against the raw numbers."""

from __future__ import annotations

import numpy as np
import zstandard
from django.db import connection

from tracker.bench import data
from tracker.bench.data import Curves
from tracker.bench.measure import Measure

RUNS = 10
_LEVELS = (3, 19)  # of zstandard


def measure(lines: int) -> list[Measure]:
    """Noise to the last bit of a float64, and of a float32 (which clients send as text like any other number)."""
    # The first pages of tables and indexes are no cost of a point.
    data.history_write(data.project("disk"), Curves.of(1, 2000))
    noisy = data.noisy(RUNS, lines, seed=lines)
    found = []
    for kind in (np.float64, np.float32):
        raw = noisy.astype(kind)
        name = raw.dtype.name
        before = _used()
        data.history_write(data.project(f"disk-{name}"), Curves(RUNS, raw.astype(np.float64)))
        figure = (_used() - before) / raw.size
        limits = {f"raw {name}": raw.itemsize} | {
            f"zstd -{level} of raw {name}": sum(
                len(zstandard.ZstdCompressor(level=level).compress(row.tobytes())) for row in raw
            )
            / raw.size
            for level in _LEVELS
        }
        case = f"{RUNS} runs × {lines:,} steps"
        found += [
            Measure("disk", case, f"noisy {name}", figure, limit, "bytes/point", against)
            for against, limit in limits.items()
        ]
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
