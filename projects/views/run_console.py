"""A run's console log: pieces of it for its page, lines that hold a text, and all of it as a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from projects.views import console_lines
from projects.views.doors import run_or_404
from runs.columns import storable
from runs.models import Run, Stream, StreamName

CONSOLE_LINES = 1000
MAX_SEARCH = 200


@never_cache
@require_safe
def console(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    """A piece of the log: the last lines, or those `before` or `after` a number; with `q`, of those that hold it."""
    return render(request, "run/_console.html", console_piece(request, run_or_404(request, entity, project, run)))


@never_cache
@require_safe
def log(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponseBase:
    """All lines of one writer, as the client sent them, in order."""
    found = run_or_404(request, entity, project, run)
    writer = _writer(request, _writers(found))
    answer = StreamingHttpResponse(_every_line(found, writer), content_type="text/plain; charset=utf-8")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{found.name}-{writer}" if writer else found.name)[:100]
    answer["Content-Disposition"] = f'attachment; filename="{name}.log"'
    return answer


def console_piece(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Lines in order, at most CONSOLE_LINES, and whether there are earlier and later ones. A log per writer."""
    written = _writers(run)
    writer = _writer(request, written)
    search = storable(request.GET.get("q", ""))[:MAX_SEARCH]
    before, after = _number(request, "before"), _number(request, "after")
    rows = run.console_lines.filter(writer=writer)
    if search:
        rows = rows.filter(text__icontains=search)
    if after is not None:
        rows = rows.filter(number__gt=after).order_by("number")
    elif before is not None:
        rows = rows.filter(number__lt=before).order_by("-number")
    else:
        rows = rows.order_by("-number")
    found = list(
        rows.annotate(shown=Left("text", console_lines.MAX_LINE + 1)).values_list("number", "shown")[
            : CONSOLE_LINES + 1
        ]
    )
    more = len(found) > CONSOLE_LINES
    lines = sorted(console_lines.line(number, shown) for number, shown in found[:CONSOLE_LINES])
    return {
        "run": run,
        "lines": lines,
        "earlier": more if after is None else True,
        "later": more if after is not None else before is not None,
        "count": written.get(writer, 0),
        "search": search,
        "writer": writer,
        "writers": list(written),
    }


def _writers(run: Run) -> dict[str, int]:
    """How many lines each has written."""
    streams = Stream.objects.filter(run=run, stream=StreamName.CONSOLE, lines__gt=0).order_by("writer")
    return dict(streams.values_list("writer", "lines"))


def _writer(request: HttpRequest, written: dict[str, int]) -> str:
    return request.GET.get("writer", min(written, default="")).replace("\0", "")


def _every_line(run: Run, writer: str) -> Iterator[str]:
    after = -1
    while True:
        rows = run.console_lines.filter(writer=writer, number__gt=after).order_by("number")
        lines = list(rows.values_list("number", "text")[:CONSOLE_LINES])
        yield "".join(f"{text}\n" for _, text in lines)
        if len(lines) < CONSOLE_LINES:
            return
        after = lines[-1][0]


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise BadRequest(f"{name} is the number of a line")
    return int(text)
