"""Sweeps of a project: their list, one's page, and its buttons."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from projects.access import may_write
from projects.models import Project
from projects.views.doors import project_or_404
from runs import sweeps
from runs.models import Run, Sweep, SweepState, sweep_id
from runs.search.config import Metric, config_to_yaml
from runs.search.config import sweep_config as checked
from runs.search.space import BadSweep

_PER_PAGE = 50

_GOES_ON = frozenset({SweepState.PENDING, SweepState.RUNNING, SweepState.PAUSED})


@dataclass(frozen=True, slots=True)
class Button:
    """Makes a sweep `state`, offered while it is one of `of`; `confirm`: what is asked before."""

    state: SweepState
    label: str
    title: str
    of: frozenset[SweepState]
    confirm: str = ""


BUTTONS = (
    Button(SweepState.PAUSED, "Pause", "Start no more runs for now", frozenset({SweepState.RUNNING})),
    Button(
        SweepState.RUNNING,
        "Resume",
        "Start further runs",
        frozenset({SweepState.PAUSED, SweepState.FINISHED, SweepState.CANCELED}),
    ),
    Button(SweepState.FINISHED, "Stop", "Start no more runs; those that run go on", _GOES_ON),
    Button(
        SweepState.CANCELED,
        "Cancel",
        "Start no more runs and end those that run",
        _GOES_ON,
        confirm="Cancel the sweep? Its runs that are going on are ended.",
    ),
)


@dataclass(frozen=True, slots=True)
class SweepHead:
    """What a page shows of a sweep above its runs. `runs` and `limit`: how many there are, of how many to come."""

    sweep: Sweep
    state: SweepState
    runs: int
    limit: int | None
    metric: Metric | None
    best: tuple[Run, float] | None
    config: str
    open: bool
    buttons: tuple[Button, ...]


def sweep_head(sweep: Sweep) -> SweepHead:
    """Three queries."""
    found = sweeps.shown(Sweep.objects.filter(pk=sweep.pk)).get()
    found.project = sweep.project
    state = sweeps.state_of(found)
    return SweepHead(
        sweep=found,
        state=state,
        runs=found.runs,
        limit=found.run_limit,
        metric=checked(found.config).metric,
        best=sweeps.best_run(found),
        config=config_to_yaml(found.config),
        open=state in sweeps.OPEN,
        buttons=tuple(
            button
            for button in BUTTONS
            if state in button.of and not (button.state == SweepState.RUNNING and sweeps.exhausted(found))
        ),
    )


def sweep_or_404(project: Project, name: str) -> Sweep:
    found = Sweep.objects.filter(pk=sweep_id(project.id, name)).first()
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def sweep(request: HttpRequest, entity: str, project: str, sweep: str) -> HttpResponse:
    """The address that the client prints: the project's page, narrowed to the sweep. POST of `state` changes it."""
    owner = project_or_404(request, entity, project)
    found = sweep_or_404(owner, sweep)
    if request.method == "POST":
        if not may_write(request.user, owner.entity):
            raise PermissionDenied(f"Only members of {entity} change sweeps.")
        try:
            sweeps.sweep_change(id=found.pk, state=request.POST.get("state", ""))
        except BadSweep as error:
            raise BadRequest(str(error)) from error
    query = request.GET.copy()
    query["sweep"] = found.name
    answer = redirect(f"{reverse('project', args=[entity, project])}?{query.urlencode()}")
    patch_vary_headers(answer, ["Cookie"])
    return answer


@require_safe
def sweep_list(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """The latest first. A query for all best values, whatever their number."""
    owner = project_or_404(request, entity, project)
    every = sweeps.shown(Sweep.objects.filter(project=owner)).order_by("-created_at", "id")
    page = Paginator(every, _PER_PAGE).get_page(request.GET.get("page"))
    best = sweeps.best_values(list(page))
    rows = [
        {
            "sweep": sweep,
            "state": sweeps.state_of(sweep),
            "metric": checked(sweep.config).metric,
            "best": best.get(sweep.pk),
            "query": urlencode({"sweep": sweep.name}),
        }
        for sweep in page
    ]
    return render(request, "sweeps/list.html", {"project": owner, "page": page, "rows": rows})
