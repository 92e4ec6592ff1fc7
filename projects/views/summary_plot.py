"""Panels that show values of each run: their figures, and the same as CSV."""

from __future__ import annotations

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from projects.charts.line_plot import SpecError
from projects.panel_kinds import KINDS, Drawn
from projects.query.runset import BadQuery
from projects.views.answers import refused
from projects.views.compression import compressed
from projects.views.doors import looking_or_404, project_or_404
from projects.views.download import csv_file
from projects.views.panels import metric_asked, plot_asked


@compressed
@require_safe
def summary_plot(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """?kind=bar&metric=… and the parameters of the page; `panel` and `settings` as for line plots."""
    try:
        drawn = _asked(request, entity, project)
    except (BadQuery, SpecError) as error:
        return refused(error)
    response = HttpResponse(orjson.dumps(drawn.figure), content_type="application/json")
    response["Cache-Control"] = "private, no-cache"
    return response


@gzip_page
@require_safe
def summary_plot_csv(request: HttpRequest, entity: str, project: str) -> HttpResponse | StreamingHttpResponse:
    """The numbers of the figure at the same query string."""
    try:
        drawn = _asked(request, entity, project)
    except (BadQuery, SpecError) as error:
        return refused(error)
    return csv_file(f"{project}-{request.GET['metric']}", drawn.columns, [drawn.rows])


def _asked(request: HttpRequest, entity: str, project: str) -> Drawn:
    owner = project_or_404(request, entity, project)
    kind = KINDS.get(request.GET.get("kind", ""))
    if kind is None or kind.draw is None:
        raise BadQuery(f"kind: one of {', '.join(it.key for it in KINDS.values() if it.draw)}")
    metric = metric_asked(request)
    looking = looking_or_404(request, owner)
    # What is said of all panels may be meant for lines.
    return kind.draw(looking, metric, plot_asked(request, looking, metric).heeding(kind.settings))
