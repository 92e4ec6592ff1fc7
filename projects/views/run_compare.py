"""Runs side by side: `?runs=a,b`, or `run=` for each where a name holds a comma."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from projects.conclusions.runs_compared import MOST_RUNS, compared, runs_named
from projects.models import Project
from projects.query.runset import BadQuery
from projects.views import run as run_page
from projects.views.doors import project_or_404
from projects.views.workspace import bad_query
from runs.columns import storable
from runs.models import Run

MAX_SEARCH = 200


@never_cache
@require_safe
def compare(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """With `all`, also what is the same in all of them; with `q`, only keys that hold it; `add` is one run more."""
    if not {"runs", "run", "add"} & request.GET.keys():
        return run_page.run(request, entity, project, "compare")
    owner = project_or_404(request, entity, project)
    names = _names(request)
    if len(names) > MOST_RUNS:
        return bad_query(request, owner, BadQuery(f"At most {MOST_RUNS} runs are compared at once."))
    everything = "all" in request.GET
    search = request.GET.get("q", "")[:MAX_SEARCH]
    wanted = storable(request.GET.get("add", "")).strip()
    unknown = ""
    if wanted:
        found = _run_called(owner, wanted)
        if found and len(names) < MOST_RUNS:
            return redirect(runs_url(owner, [*names, found.name], all=everything, q=search))
        unknown = wanted
    runs = runs_named(owner, names)
    if not runs and not wanted:
        raise Http404
    own = [run.name for run in runs]
    context: dict[str, Any] = {
        "project": owner,
        "runs": [
            (run, runs_url(owner, [name for name in own if name != run.name], all=everything, q=search)) for run in runs
        ],
        "parts": compared(runs, timezone.now(), everything=everything, search=search) if runs else [],
        "everything": everything,
        "search": search,
        "names": own,
        "missing": [name for name in names if name not in own],
        "unknown": unknown,
        "may_add": len(own) < MOST_RUNS,
        "toggle_url": runs_url(owner, own, all=not everything, q=search),
        "values_url": reverse("values", args=[entity, project]) + "?field=display_name",
    }
    return render(request, "conclusions/runs.html", context)


def runs_url(project: Project, names: Sequence[str], *, all: bool = False, q: str = "") -> str:
    plain = not any("," in name for name in names)
    asked = [("runs", ",".join(names))] if plain else [("run", name) for name in names]
    if all:
        asked.append(("all", "1"))
    if q:
        asked.append(("q", q))
    address = reverse("runs-compare", args=[project.entity.name, project.name])
    return f"{address}?{urlencode(asked, safe=',')}"


def _names(request: HttpRequest) -> list[str]:
    listed = [name for text in request.GET.getlist("runs") for name in text.split(",")]
    return list(dict.fromkeys(storable(name) for name in [*listed, *request.GET.getlist("run")] if name))


def _run_called(project: Project, text: str) -> Run | None:
    """By its id, else the newest of the name."""
    if found := runs_named(project, [text]):
        return found[0]
    named = Run.objects.filter(project=project, deleted_at=None, display_name=text)
    return named.only("name").order_by("-created_at").first()
