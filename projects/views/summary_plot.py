"""Panels that show values of each run: their figures, and the same as CSV."""

from __future__ import annotations

import hashlib

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from projects.charts.line_plot import SpecError
from projects.looking import Looking
from projects.panel_kinds import KINDS, Drawn
from projects.query.runset import BadQuery
from projects.views.answers import Asked, answer_figure, refused
from projects.views.compression import compressed
from projects.views.doors import looking_or_404, project_or_404
from projects.views.panels import metric_asked, plot_asked
from projects.views.sheets import csv_file


@compressed
@require_safe
def summary_plot(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """?kind=bar&metric=… and the parameters of the page; `panel` and `settings` as for line plots."""
    owner = project_or_404(request, entity, project)
    try:
        return answer_figure(request, summary_plot_asked(looking_or_404(request, owner), request.GET))
    except (BadQuery, SpecError) as error:
        return refused(error)


def summary_plot_asked(looking: Looking, query: QueryDict) -> Asked:
    """The figure that a query asks for. Raises BadQuery and SpecError."""
    figure = orjson.dumps(_asked(looking, query).figure)
    return Asked(hashlib.sha256(figure).hexdigest()[:32], lambda: figure)


@gzip_page
@require_safe
def summary_plot_csv(request: HttpRequest, entity: str, project: str) -> HttpResponse | StreamingHttpResponse:
    """The numbers of the figure at the same query string."""
    owner = project_or_404(request, entity, project)
    try:
        drawn = _asked(looking_or_404(request, owner), request.GET)
    except (BadQuery, SpecError) as error:
        return refused(error)
    return csv_file(f"{project}-{request.GET['metric']}", drawn.columns, [drawn.rows])


def _asked(looking: Looking, query: QueryDict) -> Drawn:
    kind = KINDS.get(query.get("kind", ""))
    if kind is None or kind.draw is None:
        raise BadQuery(f"kind: one of {', '.join(it.key for it in KINDS.values() if it.draw)}")
    metric = metric_asked(query)
    # What is said of all panels may be meant for lines.
    return kind.draw(looking, metric, plot_asked(query, looking).heeding(kind.settings))
