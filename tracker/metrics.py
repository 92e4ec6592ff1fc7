"""`/metrics`, for Prometheus: what all workers of this server did since it started, summed up.

Each worker counts in a row of its own of a table that they share (memory mapped before they are forked), so none waits
for another, and none that is killed keeps anything locked. A new worker goes on in the row of one that ended.
"""

from __future__ import annotations

import mmap
import os
import threading
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache

import numpy as np
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

WORKERS = 64  # rows
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
STATUSES = (200, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 409, 410, 411, 413, 415, 422, 429, 500, 503)
STREAMS = ("history", "events", "console")
_ROUTES = 256
# What a route has: requests by status (the last for any other), requests by time, and the sum of their seconds.
_PER_ROUTE = len(STATUSES) + 1 + len(SECONDS) + 1
_CELLS = _ROUTES * _PER_ROUTE + len(STREAMS) + 1  # the last: the worker's process id

_table = np.frombuffer(mmap.mmap(-1, WORKERS * _CELLS * 8)).reshape(WORKERS, _CELLS)
_lock = threading.Lock()
_row = 0


def row_take(row: int) -> None:
    """From now on this process counts in that row, which no other one does."""
    global _row
    _row = row
    _table[row, -1] = os.getpid()


def request_count(*, route: str, status: int, seconds: float) -> None:
    at = _routes().get(route, 0) * _PER_ROUTE
    by_status = at + (STATUSES.index(status) if status in STATUSES else len(STATUSES))
    by_time = at + len(STATUSES) + 1 + bisect_left(SECONDS, seconds)
    with _lock:
        _table[_row, by_status] += 1
        _table[_row, by_time] += 1
        _table[_row, at + _PER_ROUTE - 1] += seconds


def lines_count(stream: str, lines: int) -> None:
    with _lock:
        _table[_row, _ROUTES * _PER_ROUTE + STREAMS.index(stream)] += lines


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever has METRICS_TOKEN, and for staff; for anybody else there is no such page."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = settings.METRICS_TOKEN and scheme.lower() == "bearer"
    if not (known and constant_time_compare(token.strip(), settings.METRICS_TOKEN)):
        user = request.user
        if isinstance(user, AnonymousUser) or not user.is_staff:
            raise Http404
    return HttpResponse("\n".join(_lines()) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def _lines() -> Iterator[str]:
    summed = _table[:, :-1].sum(axis=0)
    routes = summed[: _ROUTES * _PER_ROUTE].reshape(_ROUTES, _PER_ROUTE)
    asked = [(name, routes[at]) for name, at in _routes().items() if routes[at].any()]
    yield "# HELP cohort_requests_total Requests answered, by route and status."
    yield "# TYPE cohort_requests_total counter"
    for name, row in asked:
        for status, count in zip((*STATUSES, "other"), row, strict=False):
            if count:
                yield f'cohort_requests_total{{route="{name}",status="{status}"}} {count:.0f}'
    yield "# HELP cohort_request_seconds Time until an answer began, by route."
    yield "# TYPE cohort_request_seconds histogram"
    for name, row in asked:
        counts = np.cumsum(row[len(STATUSES) + 1 : -1])
        for bound, count in zip(SECONDS, counts, strict=True):
            le = "+Inf" if bound == np.inf else bound
            yield f'cohort_request_seconds_bucket{{route="{name}",le="{le}"}} {count:.0f}'
        yield f'cohort_request_seconds_sum{{route="{name}"}} {row[-1]:.6f}'
        yield f'cohort_request_seconds_count{{route="{name}"}} {counts[-1]:.0f}'
    yield "# HELP cohort_lines_total Lines that clients sent and were told are stored; repeats count again."
    yield "# TYPE cohort_lines_total counter"
    for stream, count in zip(STREAMS, summed[_ROUTES * _PER_ROUTE :], strict=True):
        yield f'cohort_lines_total{{stream="{stream}"}} {count:.0f}'
    yield "# HELP cohort_workers Worker processes of this server."
    yield "# TYPE cohort_workers gauge"
    yield f"cohort_workers {sum(_is_running(int(pid)) for pid in _table[:, -1] if pid)}"


@cache
def _routes() -> dict[str, int]:
    """Route → its place; "" is for what no route takes."""
    found = dict.fromkeys(("", *_patterns(get_resolver().url_patterns)))
    return {name: at for at, name in enumerate(found)}


def _patterns(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
