"""What a panel draws, as a file."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from projects.charts.line_plot import SpecError
from projects.charts.series import Drawing
from projects.query.runset import BadQuery
from projects.views.answers import refused
from projects.views.doors import looking_or_404, project_or_404
from projects.views.panels import metric_asked, plot_asked, range_asked, scope_asked
from projects.workspaces import panel_drawing

COLUMNS = ("x", "value", "low", "high", "n")
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@gzip_page
@require_safe
def line_plot_csv(request: HttpRequest, entity: str, project: str) -> HttpResponse | StreamingHttpResponse:
    """The numbers of the figure at the same query string: a row for each group and x, and metric and chart where there
    are several.

    `x` in the units of the axis (seconds for times), `low` and `high` the ends of the shading, `n` the runs. A number
    that isn't there is an empty cell; read back, each is the same float64.
    """
    owner = project_or_404(request, entity, project)
    try:
        metric = metric_asked(request.GET)
        looking = looking_or_404(request, owner)
        plot = plot_asked(request.GET, looking, metric)
        lo, hi, cells = range_asked(request.GET)
        drawing = panel_drawing(
            owner, looking.runset, metric, plot, lo=lo, hi=hi, cells=cells, scope=scope_asked(request.GET)
        )
    except (BadQuery, SpecError) as error:
        return refused(error)
    several = {"group": True, "metric": len(drawing.metrics) > 1, "chart": bool(drawing.charts)}
    names = [name for name, there in several.items() if there]
    return csv_file(f"{owner.name}-{metric}", (*names, *COLUMNS), _rows(drawing, names))


def csv_file(name: str, columns: Sequence[str], pieces: Iterable[Iterable[Sequence[Any]]]) -> StreamingHttpResponse:
    """A download of rows, one piece after the other."""
    return download(name, "csv", "text/csv; charset=utf-8", csv_texts(columns, pieces))


def download(
    name: str, ending: str, content_type: str, parts: Iterable[str] | Iterable[bytes]
) -> StreamingHttpResponse:
    """Under a name that any system takes."""
    response = StreamingHttpResponse(parts, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{_NAME.sub("_", name)[:120]}.{ending}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _rows(drawing: Drawing, names: Sequence[str]) -> Iterator[Iterator[Sequence[Any]]]:
    """Of one line after the other."""
    for part in drawing.lines:
        line = part.line
        known = {"group": part.group.label, "metric": part.metric, "chart": drawing.chart_of(part)}
        columns = (line.x, line.line, line.low, line.high, line.n)
        yield zip(*(repeat(known[name]) for name in names), *(column.tolist() for column in columns), strict=False)


def csv_texts(columns: Sequence[str], pieces: Iterable[Iterable[Sequence[Any]]]) -> Iterator[str]:
    for piece in chain([[columns]], pieces):
        rows: list[str] = []
        writer = csv.writer(_Rows(rows))
        writer.writerows([_cell(cell) if isinstance(cell, float) else cell for cell in row] for row in piece)
        yield "".join(rows)


class _Rows:
    """What csv writes to."""

    def __init__(self, rows: list[str]) -> None:
        self.write: Any = rows.append


def _cell(number: float) -> str:
    if math.isnan(number):
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
