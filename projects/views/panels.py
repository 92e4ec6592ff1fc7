"""The panels: the figure each draws, and its settings."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import orjson
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from projects.access import may_change
from projects.charts.line_plot import OF_ONE_PANEL, LinePlot, SpecError
from projects.charts.series import CELLS, line_plot
from projects.forms import line_plot_from_json, only, settings_tabs
from projects.layout import Panel
from projects.looking import Looking
from projects.panel_kinds import KINDS
from projects.query.runset import BadQuery
from projects.query.splits import MOST_BINS, WAYS
from projects.saved_views import panel_spec_reset, spec_save
from projects.summaries import columns
from projects.views.answers import Asked, answer_figure, answer_json, refused
from projects.views.choices import group_choices
from projects.views.compression import compressed
from projects.views.doors import looking_or_404, project_or_404
from projects.workspaces import (
    default_axis,
    metrics,
    overall_plot,
    overall_plot_save,
    panel_plot,
    panel_plot_save,
    panel_sketch,
)
from runs.history import store
from runs.models import Scope

WIDTHS = (CELLS, 2 * CELLS, 4 * CELLS)

# What settings may be of, with the dialog's title.
SCOPES = {"panel": "Edit panel — {title}", "section": "All panels of {section}", "all": "All panels"}


@compressed
@require_safe
def figure(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """?metric=…&lo=…&hi=…&cells=… and the parameters of the page; `panel`, the key of one that was added.

    `settings`, a JSON spec, stands in for what was saved; `cells`: for how many pixels.
    """
    owner = project_or_404(request, entity, project)
    try:
        with store.snapshot():
            return answer_figure(request, line_plot_asked(looking_or_404(request, owner), request.GET))
    except (BadQuery, SpecError) as error:
        return refused(error)


def line_plot_asked(looking: Looking, query: QueryDict) -> Asked:
    """The figure that a query asks for, to be drawn in the snapshot that is open. Raises BadQuery and SpecError."""
    metric = metric_asked(query)
    plot = plot_asked(query, looking)
    lo, hi, cells = range_asked(query)
    scope = scope_asked(query)
    sketch = panel_sketch(looking.project, looking.runset, metric, plot, scope)
    drawn = hashlib.sha256(
        repr((sketch.version, plot.to_spec(), lo, hi, cells, scope.value)).encode("utf-8", "surrogatepass")
    )

    def draw() -> bytes:
        figure = line_plot(metric=metric, plot=plot, drawing=sketch.drawing(lo=lo, hi=hi, cells=cells))
        return orjson.dumps(figure, option=orjson.OPT_SERIALIZE_NUMPY)

    return Asked(drawn.hexdigest()[:32], draw)


@require_http_methods(["GET", "HEAD", "POST", "DELETE"])
def settings(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """The dialog; POST saves the JSON spec of the body, DELETE goes back to the default.

    ?metric=…, with `panel` for one that was added: a panel's settings. With `of=section`, those of all panels of its
    section; with `of=all`, of all panels.
    """
    owner = project_or_404(request, entity, project)
    metric, of = request.GET.get("metric", ""), request.GET.get("of", "panel")
    key = request.GET.get("panel") or metric
    if of not in SCOPES:
        raise Http404
    try:
        looking = looking_or_404(request, owner)
    except BadQuery as error:
        return refused(error)
    panel = looking.layout.panel(key)
    if panel.metric != metric or panel.kind not in KINDS or not KINDS[panel.kind].known(owner, metric):
        raise Http404
    section = looking.layout.section_of(key) if of == "section" else None
    if request.method in ("GET", "HEAD"):
        plot = panel_plot(looking, key) if of == "panel" else overall_plot(looking, section)
        return _dialog(request, looking, panel, plot, of=of, section=section)
    if not may_change(request.user, looking.workspace):
        return answer_json({"error": f"Only members of {owner.entity.name} change this view."}, status=403)
    if request.method == "DELETE":
        if of == "panel":
            panel_spec_reset(workspace=looking.workspace, key=key)
        else:
            spec_save(workspace=looking.workspace, section=section, spec={})
        return answer_json({"settings": {}})
    try:
        plot = line_plot_from_json(request.body)
        if of != "panel" and (own := OF_ONE_PANEL & plot.to_spec().keys()):
            raise SpecError(dict.fromkeys(sorted(own), "Is said of one panel alone."))
    except SpecError as error:
        return refused(error)
    if of == "panel":
        panel_plot_save(looking, key, plot)
    else:
        overall_plot_save(looking, section, plot)
    return answer_json({"settings": plot.to_spec()})


def _dialog(
    request: HttpRequest, looking: Looking, panel: Panel, plot: LinePlot, *, of: str, section: str | None
) -> HttpResponse:
    metric, names = panel.metric, metrics(looking.project)
    tabs = settings_tabs(
        plot,
        metric=metric,
        metrics=names,
        default_axis=default_axis(looking.project, metric),
    )
    heeded = KINDS[panel.kind].settings - (frozenset() if of == "panel" else OF_ONE_PANEL)
    tabs = only(tabs, heeded)
    context = {
        "project": looking.project,
        "metric": metric,
        "metrics": names,
        "may_choose": bool(heeded & OF_ONE_PANEL),
        "title": SCOPES[of].format(title=KINDS[panel.kind].title(metric, plot), section=section),
        "may_write": may_change(request.user, looking.workspace),
        "action": f"{request.path}?{request.GET.urlencode()}",
        "kind": panel.kind,
        "tabs": tabs,
        "fields": group_choices(looking.project),
        "ways": WAYS.values(),
        "most_bins": MOST_BINS,
        "columns": columns(looking.project),
        "open_tab": "advanced",
    }
    response = render(request, "workspace/_settings.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def plot_asked(query: QueryDict, looking: Looking) -> LinePlot:
    """Raises SpecError."""
    if (settings := query.get("settings")) is not None:
        return line_plot_from_json(settings)
    return panel_plot(looking, panel_key(query))


def panel_key(query: QueryDict) -> str:
    """Of the panel that a query for its figure is about."""
    return query.get("panel") or query.get("metric", "")


def metric_asked(query: QueryDict) -> str:
    metric = query.get("metric", "")
    if not metric or "\0" in metric:
        raise BadQuery("Which metric?")
    return metric


def scope_asked(query: Mapping[str, str]) -> Scope:
    """`scope=system`: a metric of the machine. Raises BadQuery."""
    match query.get("scope", ""):
        case "":
            return Scope.HISTORY
        case Scope.SYSTEM:
            return Scope.SYSTEM
        case _:
            raise BadQuery("scope is system, or not said.")


def range_asked(query: Mapping[str, str]) -> tuple[float | None, float | None, int]:
    """The ends of the x range, and for how many pixels it is drawn. Raises BadQuery."""
    return _end(query, "lo"), _end(query, "hi"), _cells(query)


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
