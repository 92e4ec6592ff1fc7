"""Panels added, duplicated, moved, put in order and removed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from projects.access import may_change
from projects.charts.line_plot import LinePlot, SpecError
from projects.layout import Layout, LayoutError, Panel, section_name
from projects.looking import Looking
from projects.panel_kinds import KINDS, LINE
from projects.query.runset import BadQuery
from projects.saved_views import layout_change, panel_spec, panel_spec_save, panels_reset
from projects.summaries import columns, numeric_column_names, summary_metrics
from projects.views.answers import answer_json, change_from, refused
from projects.views.doors import looking_or_404, project_or_404
from projects.workspaces import metrics

MOST_AT_ONCE = 100
_KEY = re.compile("[0-9a-f]{32}")


@require_http_methods(["GET", "HEAD", "POST"])
def panels(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """GET: the dialog that adds panels. POST of {"do": one of CHANGES, …}: the panels as they are then."""
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        if request.method != "POST":
            return _dialog(request, looking)
        change = _change_asked(request.body)
        if not may_change(request.user, looking.workspace):
            return answer_json({"error": f"Only members of {owner.entity.name} change this view."}, status=403)
        changed = CHANGES[change.pop("do")](looking, **change)
    except (BadQuery, LayoutError, SpecError) as error:
        return refused(error)
    return render(request, "workspace/_panels.html", {"sections": changed.sections(metrics(owner))})


def _dialog(request: HttpRequest, looking: Looking) -> HttpResponse:
    names = metrics(looking.project)
    context = {
        "metrics": names,
        "summaries": summary_metrics(looking.project),
        "columns": columns(looking.project),
        "numeric_columns": numeric_column_names(looking.project),
        "kinds": KINDS.values(),
        "asked": [(asks, f"workspace/_add_{asks}.html") for asks in dict.fromkeys(it.asks for it in KINDS.values())],
        "sections": looking.layout.sections(names),
    }
    response = render(request, "workspace/_add_panels.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _change_asked(body: bytes) -> dict[str, Any]:
    """Raises BadQuery for what is no change at all; values are checked where they are used."""
    change = change_from(body, CHANGES)
    texts = {key: value for key, value in change.items() if key in ("do", "panel", "section", "kind", "after")}
    many, settings = change.get("metrics", []), change.get("settings", {})
    if not isinstance(many, list) or len(many) > MOST_AT_ONCE:
        raise BadQuery(f"At most {MOST_AT_ONCE} panels are added at once.")
    if not all(isinstance(text, str) and "\0" not in text for text in (*texts.values(), *many)):
        raise BadQuery("The change is not understood.")
    if not isinstance(settings, dict):
        raise BadQuery("The settings are not understood.")
    return {"panel": "", "section": "", "kind": LINE.key, "after": ""} | texts | {"metrics": many, "settings": settings}


def _add(
    looking: Looking,
    *,
    metrics: list[str],
    kind: str,
    section: str,
    settings: dict[str, Any],
    panel: str,
    **_: object,
) -> Layout:
    """A panel for each metric. With `settings` one, which has them; with `panel`, its key, one that was removed."""
    plot = LinePlot.from_spec(settings)
    if settings and kind in KINDS:
        metrics = [*metrics, *KINDS[kind].named(looking.project, plot)][:1]
    if not metrics or not all(_known(looking, Panel(metric, metric, kind)) for metric in metrics):
        raise LayoutError("Choose a metric or a column that has been logged.")
    if panel and not _KEY.fullmatch(panel):
        raise LayoutError("There was no such panel.")
    name = section_name(section) if section.strip() else KINDS[kind].section
    key = panel or (uuid.uuid4().hex if settings else "")

    def change(layout: Layout) -> Layout:
        for metric in metrics:
            layout = layout.with_metric(metric, kind=kind, section=name, key=key)
        return layout

    with transaction.atomic():
        changed = layout_change(workspace=looking.workspace, change=change)
        if settings:
            panel_spec_save(workspace=looking.workspace, key=key, spec=plot.to_spec())
    return changed


def _duplicate(looking: Looking, *, panel: str, **_: object) -> Layout:
    _panel_or_404(looking, panel)
    copy = uuid.uuid4().hex
    with transaction.atomic():
        changed = layout_change(workspace=looking.workspace, change=lambda layout: layout.with_copy(panel, copy=copy))
        if spec := panel_spec(looking.workspace, panel):
            panel_spec_save(workspace=looking.workspace, key=copy, spec=spec)
    return changed


def _move(looking: Looking, *, panel: str, section: str, **_: object) -> Layout:
    _panel_or_404(looking, panel)
    name = section_name(section)
    return layout_change(workspace=looking.workspace, change=lambda layout: layout.with_section(panel, name))


def _place(looking: Looking, *, panel: str, after: str, **_: object) -> Layout:
    """Behind another panel of its section, else first."""
    _panel_or_404(looking, panel)
    names = metrics(looking.project)
    return layout_change(
        workspace=looking.workspace, change=lambda layout: layout.with_place(panel, names, after=after)
    )


def _remove(looking: Looking, *, panel: str, **_: object) -> Layout:
    _panel_or_404(looking, panel)
    return layout_change(workspace=looking.workspace, change=lambda layout: layout.without(panel))


def _reset(looking: Looking, **_: object) -> Layout:
    panels_reset(workspace=looking.workspace)
    looking.workspace.refresh_from_db()
    return looking.layout


CHANGES: dict[str, Callable[..., Layout]] = {
    "add": _add,
    "duplicate": _duplicate,
    "move": _move,
    "place": _place,
    "remove": _remove,
    "reset": _reset,
}


def _panel_or_404(looking: Looking, key: str) -> None:
    if not _known(looking, looking.layout.panel(key)):
        raise Http404


def _known(looking: Looking, panel: Panel) -> bool:
    return panel.kind in KINDS and KINDS[panel.kind].known(looking.project, panel.metric)
