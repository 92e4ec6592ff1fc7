"""Panels that show one summary value of each run: their figures, and the same as CSV."""

from __future__ import annotations

import hashlib

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from projects.charts.line_plot import LinePlot, SpecError
from projects.charts.summary_plot import KINDS, Kind, Summaries, summary_figure
from projects.looking import Looking
from projects.query.runset import BadQuery
from projects.summaries import summaries
from projects.views.answers import Asked, answer_figure, refused
from projects.views.compression import compressed
from projects.views.doors import looking_or_404, project_or_404
from projects.views.download import csv_file
from projects.views.panels import metric_asked, plot_asked


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
    kind, metric, plot, found = _asked(looking, query)
    figure = orjson.dumps(summary_figure(kind=kind, metric=metric, plot=plot, found=found))
    return Asked(hashlib.sha256(figure).hexdigest()[:32], lambda: figure)


@gzip_page
@require_safe
def summary_plot_csv(request: HttpRequest, entity: str, project: str) -> HttpResponse | StreamingHttpResponse:
    """The numbers of the figure at the same query string."""
    owner = project_or_404(request, entity, project)
    try:
        kind, metric, plot, found = _asked(looking_or_404(request, owner), request.GET)
    except (BadQuery, SpecError) as error:
        return refused(error)
    return csv_file(f"{project}-{metric}", kind.columns, [kind.rows(found, plot)])


def _asked(looking: Looking, query: QueryDict) -> tuple[Kind, str, LinePlot, Summaries]:
    kind = KINDS.get(query.get("kind", ""))
    if kind is None:
        raise BadQuery(f"kind: one of {', '.join(KINDS)}")
    metric = metric_asked(query)
    plot = plot_asked(query, looking, metric)
    return kind, metric, plot, summaries(looking, metric, plot, together=kind.key == "box")
