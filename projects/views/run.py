"""The page of one run: overview, charts, console, files, artifacts. Each tab is an address and a page of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from projects.access import workspace_visible
from projects.artifacts import artifacts_of
from projects.query.from_url import condition_text
from projects.query.runset import RUN, Condition, Field
from projects.views import console_lines
from projects.views.doors import project_or_404
from projects.views.run_facts import facts
from projects.views.trees import tree
from projects.workspaces import run_sections
from runs.history import store
from runs.models import Role, Run, State, Stream, StreamName, run_id
from runs.states import state_of

ALERTS = 100
CONSOLE_LINES = 1000
_FILES_PER_PAGE = 500

# Each may be megabytes.
_LONG = ("config", "summary", "client_info")


def run_or_404(request: HttpRequest, entity: str, project: str, run: str, *, whole: bool = False) -> Run:
    """The run of an address, its project with it; config and summary only with `whole`."""
    owner = project_or_404(request, entity, project)
    # By its id, a function of project and name: names have no index.
    runs = Run.objects.filter(pk=run_id(owner.id, run), deleted_at=None)
    found = runs.defer(*(() if whole else _LONG)).first()
    if found is None:
        raise Http404
    found.project = owner
    return found


@never_cache
@require_safe
def run(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    tab = request.GET.get("tab", "overview")
    if tab not in _TABS:
        raise Http404
    label, content = _TABS[tab]
    found = run_or_404(request, entity, project, run, whole=tab == "overview")
    now = timezone.now()
    context = {
        "run": found,
        "project": found.project,
        "state": state_of(found, now),
        "version": _version(found, now),
        "duration": (found.ended_at or found.heartbeat_at) - found.created_at,
        "tab": tab,
        "tab_label": label,
        "tabs": [(key, label) for key, (label, _) in _TABS.items()],
    }
    if tab == "console" and request.headers.get("HX-Request"):
        # The script brings the log up to date by its own pieces.
        return render(request, "run/_head.html", context)
    return render(request, f"run/{tab}.html", context | content(request, found))


@never_cache
@require_safe
def console(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    """A piece of the log: the last lines, or those `before` or `after` a line number."""
    return render(request, "run/_console.html", _console(request, run_or_404(request, entity, project, run)))


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


def _overview(request: HttpRequest, run: Run) -> dict[str, Any]:
    return {
        "alerts": run.alerts.order_by("-sent_at")[:ALERTS],
        "facts": facts(run),
        "config": tree(run.config, "config"),
        "summary": tree(run.summary, "summary"),
    }


def _console(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Lines in order, at most CONSOLE_LINES, and whether there are earlier and later ones. A log per writer."""
    streams = Stream.objects.filter(run=run, stream=StreamName.CONSOLE, lines__gt=0).order_by("writer")
    written = dict(streams.values_list("writer", "lines"))
    writer = request.GET.get("writer", min(written, default=""))
    before, after = _number(request, "before"), _number(request, "after")
    rows = run.console_lines.filter(writer=writer.replace("\0", ""))
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
        "writer": writer,
        "writers": list(written),
    }


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise BadRequest(f"{name} is the number of a line")
    return int(text)


def _files(request: HttpRequest, run: Run) -> dict[str, Any]:
    files = run.files.filter(uploaded_at__isnull=False).order_by("name")
    return {"page": Paginator(files, _FILES_PER_PAGE).get_page(request.GET.get("page"))}


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


def _only(field: str, text: str) -> str:
    """The part of a query string that asks for runs whose field is just this text."""
    return urlencode({"f": condition_text(Condition(Field(RUN, field), "=", (f'"{text}"',)))})


_TABS: dict[str, tuple[str, Callable[[HttpRequest, Run], dict[str, Any]]]] = {
    "overview": ("Overview", _overview),
    "charts": ("Charts", _charts),
    "console": ("Console", _console),
    "files": ("Files", _files),
    "artifacts": ("Artifacts", _artifacts),
}
