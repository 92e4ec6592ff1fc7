"""The page of one run: overview, charts, console, files, artifacts. Each tab is an address and a page of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from projects.access import may_write, workspace_visible
from projects.artifacts import artifacts_of
from projects.layout import NO_SECTION, Panel, Section
from projects.query.columns import numeric_keys
from projects.query.from_url import condition_text
from projects.query.runset import RUN, Condition, Field
from projects.views.doors import run_or_404
from projects.views.files import Unreadable, cells_of, page_address, run_file_row, table_of, text_of
from projects.views.run_console import console_piece
from projects.views.run_facts import facts
from projects.views.trees import tree
from projects.workspaces import run_sections
from runs.columns import storable
from runs.history import store
from runs.models import GROUP_START, Role, Run, RunFile, Scope, State, StreamName
from runs.states import state_of

ALERTS = 100
MAX_SEARCH = 200
_FILES_PER_PAGE = 500
_ROWS_PER_PAGE = 50


@never_cache
@require_safe
def run(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    tab = request.GET.get("tab", "overview")
    if tab not in _TABS:
        raise Http404
    label, content = _TABS[tab]
    found = run_or_404(request, entity, project, run, whole=tab == "overview")
    now = timezone.now()
    context: dict[str, Any] = {
        "run": found,
        "project": found.project,
        "state": state_of(found, now),
        "version": _version(found, now),
        "duration": (found.ended_at or found.heartbeat_at) - found.created_at,
        "tab": tab,
        "tab_label": label,
        "tabs": [(key, label) for key, (label, _) in _TABS.items()],
        "may_write": may_write(request.user, found.project.entity),
        "edit_url": reverse("run-edit", args=[entity, project, run]),
        "values_url": reverse("values", args=[entity, project]) + "?field=tags",
        "compare_url": f"{reverse('runs-compare', args=[entity, project])}?{urlencode({'run': run})}",
        **_neighbours(found),
    }
    if tab == "console" and request.headers.get("HX-Request"):
        # The script brings the log up to date by its own pieces.
        return render(request, "run/_head.html", context)
    context |= content(request, found)
    return render(request, context.get("template", f"run/{tab}.html"), context)


@never_cache
@require_safe
def version(request: HttpRequest, entity: str, project: str, run: str) -> JsonResponse:
    """`version` differs whenever something on the page may; `live` while more is to be expected."""
    found = run_or_404(request, entity, project, run)
    now = timezone.now()
    live = state_of(found, now) in (State.RUNNING, State.PREEMPTING)
    return JsonResponse({"version": _version(found, now), "live": live})


def _version(run: Run, now: datetime) -> str:
    # A run crashes by silence: its state changes, but its row doesn't.
    return f"{run.changed_at.timestamp():.6f}-{state_of(run, now)}"


def _neighbours(run: Run) -> dict[str, Run | None]:
    """The runs before and after it in its group, by creation. Two queries of an index."""
    if not run.group:
        return {}
    runs = Run.objects.filter(
        project=run.project, deleted_at=None, group_start=run.group[:GROUP_START], group=run.group
    ).only("name", "display_name")
    place = {"created_at": run.created_at}
    before = runs.filter(Q(created_at__lt=run.created_at) | Q(**place, id__lt=run.id))
    after = runs.filter(Q(created_at__gt=run.created_at) | Q(**place, id__gt=run.id))
    return {
        "before": before.filter(created_at__lte=run.created_at).order_by("-created_at", "-id").first(),
        "after": after.filter(created_at__gte=run.created_at).order_by("created_at", "id").first(),
    }


def _overview(request: HttpRequest, run: Run) -> dict[str, Any]:
    return {
        "alerts": run.alerts.order_by("-sent_at")[:ALERTS],
        "facts": facts(run),
        "config": tree(run.config, "config", request.GET.get("config", "")[:MAX_SEARCH]),
        "summary": tree(run.summary, "summary", request.GET.get("summary", "")[:MAX_SEARCH]),
    }


def _files(request: HttpRequest, run: Run) -> dict[str, Any]:
    files = run.files.filter(uploaded_at__isnull=False).order_by("name")
    owner = (run.project.entity.name, run.project.name, run.name)
    if name := request.GET.get("file"):
        file = files.filter(name=storable(name)).first()
        if file is None:
            raise Http404
        return _file(request, file, owner)
    page = Paginator(files, _FILES_PER_PAGE).get_page(request.GET.get("page"))
    return {"page": page, "files": [run_file_row(file, *owner) for file in page]}


def _file(request: HttpRequest, file: RunFile, owner: tuple[str, str, str]) -> dict[str, Any]:
    row = run_file_row(file, *owner)
    if not row.address or not row.kind:
        raise Http404
    context: dict[str, Any] = {"template": "run/file.html", "file": row, "page_address": page_address(row)}
    try:
        if row.kind == "text":
            context["text"], context["more"] = text_of(file)
        elif row.kind == "table":
            table = table_of(file)
            page = Paginator(table.rows, _ROWS_PER_PAGE).get_page(request.GET.get("page"))
            context |= {"table": table, "page": page, "rows": [cells_of(cells, *owner) for cells in page]}
    except Unreadable as error:
        context["unreadable"] = str(error)
    return context


def _artifacts(request: HttpRequest, run: Run) -> dict[str, Any]:
    return {
        "produced": artifacts_of(request.user, run.id, Role.PRODUCED),
        "used": artifacts_of(request.user, run.id, Role.USED),
    }


def _charts(request: HttpRequest, run: Run) -> dict[str, Any]:
    """The panels of the project's workspace, asked for this run alone."""
    logged = store.keys(run=run, stream=StreamName.HISTORY)
    workspace = workspace_visible(request.user, run.project, id="")
    return {
        "sections": run_sections(workspace, frozenset(logged)),
        "query": urlencode({"group": ""}) + "&" + _only("name", run.name),
    }


def _system(request: HttpRequest, run: Run) -> dict[str, Any]:
    """The panels of what the client measured of the machine, a section for each part of it."""
    logged = store.keys(run=run, stream=StreamName.EVENTS)
    parts: dict[str, list[Panel]] = {}
    for name in numeric_keys(run.project, Scope.SYSTEM):
        if name in logged:
            part = re.match(r"(?:system\.)?([a-z]+(?:\.\d+)?)", name)
            parts.setdefault(part[1] if part else NO_SECTION, []).append(Panel(name, name))
    return {
        "template": "run/charts.html",
        "sections": [Section(name, tuple(panels)) for name, panels in parts.items()],
        "query": urlencode({"group": "", "scope": Scope.SYSTEM}) + "&" + _only("name", run.name),
        "fixed": True,
    }


def _only(field: str, text: str) -> str:
    """The part of a query string that asks for runs whose field is just this text."""
    return urlencode({"f": condition_text(Condition(Field(RUN, field), "=", (f'"{text}"',)))})


_TABS: dict[str, tuple[str, Callable[[HttpRequest, Run], dict[str, Any]]]] = {
    "overview": ("Overview", _overview),
    "charts": ("Charts", _charts),
    "system": ("System", _system),
    "console": ("Console", console_piece),
    "files": ("Files", _files),
    "artifacts": ("Artifacts", _artifacts),
}
