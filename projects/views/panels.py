"""The panels: the figure each draws, and its settings."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import orjson
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_http_methods, require_safe

from projects.access import may_write
from projects.charts.line_plot import LinePlot, SpecError
from projects.charts.series import CELLS, Drawing, line_plot
from projects.forms import line_plot_from_json, settings_tabs
from projects.models import Project
from projects.query.from_url import runset_from_query
from projects.query.runset import BadQuery, Runset
from projects.query.selection import version
from projects.views.compression import compressed
from projects.views.doors import project_or_404
from projects.workspaces import (
    default_axis,
    default_runset,
    fields,
    metric_known,
    metrics,
    panel_drawing,
    panel_plot,
    panel_plot_reset,
    panel_plot_save,
)

WIDTHS = (CELLS, 2 * CELLS, 4 * CELLS)


@compressed
@require_safe
def figure(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """?metric=…&lo=…&hi=…&cells=… and the runset's own parameters.

    `settings`, a JSON spec, stands in for what was saved; `cells`: for how many pixels.
    """
    owner = project_or_404(request, entity, project)
    try:
        metric = _metric(request)
        plot = line_plot_from_json(request.GET["settings"]) if "settings" in request.GET else panel_plot(owner, metric)
        defaults = default_runset(owner)
        lo, hi, cells = _end(request.GET, "lo"), _end(request.GET, "hi"), _cells(request.GET)
        runset = runset_from_query(request.GET, defaults=defaults)
        etag = _etag(request, owner, defaults, plot)
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is None:
            drawing = panel_drawing(owner, runset, metric, plot, lo=lo, hi=hi, cells=cells)
    except (BadQuery, SpecError) as error:
        return _refused(error)
    response = unchanged or _figure(metric, plot, drawing)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_http_methods(["GET", "HEAD", "POST", "DELETE"])
def settings(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """?metric=…: the dialog; POST saves the JSON spec of the body, DELETE goes back to the default."""
    owner = project_or_404(request, entity, project)
    metric = request.GET.get("metric", "")
    if not metric_known(owner, metric):
        raise Http404
    writer = may_write(request.user, owner.entity)
    if request.method in ("GET", "HEAD"):
        return _dialog(request, owner, metric, writer=writer)
    if not writer:
        return _json({"error": "Only members of the project's entity can save panel settings."}, status=403)
    if request.method == "DELETE":
        panel_plot_reset(project=owner, metric=metric)
        return _json({"settings": {}})
    try:
        plot = line_plot_from_json(request.body)
    except SpecError as error:
        return _refused(error)
    panel_plot_save(project=owner, metric=metric, plot=plot)
    return _json({"settings": plot.to_spec()})


def _dialog(request: HttpRequest, project: Project, metric: str, *, writer: bool) -> HttpResponse:
    plot = panel_plot(project, metric)
    context = {
        "project": project,
        "metric": metric,
        "may_write": writer,
        "action": f"{request.path}?{request.GET.urlencode()}",
        "tabs": settings_tabs(
            plot, metric=metric, metrics=metrics(project), default_axis=default_axis(project, metric)
        ),
        "fields": fields(project),
        "open_tab": "advanced",
    }
    response = render(request, "workspace/_settings.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _figure(metric: str, plot: LinePlot, drawing: Drawing) -> HttpResponse:
    drawn = line_plot(metric=metric, plot=plot, drawing=drawing)
    return HttpResponse(orjson.dumps(drawn, option=orjson.OPT_SERIALIZE_NUMPY), content_type="application/json")


def _etag(request: HttpRequest, project: Project, defaults: Runset, plot: LinePlot) -> str:
    """Weak, as the bytes on the way may be compressed. The answer is a function of what is hashed here."""
    known = repr((version(project), request.META["QUERY_STRING"], defaults, plot.to_spec()))
    return f'W/"{hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def _metric(request: HttpRequest) -> str:
    metric = request.GET.get("metric", "")
    if not metric or "\0" in metric:
        raise BadQuery("Which metric?")
    return metric


def _end(query: Mapping[str, str], name: str) -> float | None:
    """An end of the x range."""
    text = query.get(name)
    if text is None:
        return None
    try:
        end = float(text)
    except ValueError:
        end = math.nan
    if not math.isfinite(end):
        raise BadQuery(f"{name} is a number, not “{text[:100]}”")
    return end


def _cells(query: Mapping[str, str]) -> int:
    """One of few numbers, so that charts of nearly the same width are the same chart."""
    text = query.get("cells", "")
    if text and not (text.isascii() and text.isdigit()):
        raise BadQuery(f"cells is how many pixels wide the chart is, not “{text[:100]}”")
    wanted = int(text[:9] or CELLS)
    return next((cells for cells in WIDTHS if cells >= wanted), WIDTHS[-1])


def _refused(error: BadQuery | SpecError) -> HttpResponse:
    errors = {"errors": error.errors} if isinstance(error, SpecError) else {}
    return _json({"error": str(error), **errors}, status=400)


def _json(answer: dict[str, object], status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(answer), content_type="application/json", status=status)
