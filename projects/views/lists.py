"""Lists of projects: all that a person may see, and those of one entity."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from projects.access import role_of, visible_projects
from projects.models import Entity, Project, Role
from projects.project_settings import RESTORED_WITHIN, SettingRefused, project_restore, projects_restorable
from runs.models import Run, State
from runs.states import AFTER_SILENCE, SHOWN_ORDER, alive_since

_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class StateCount:
    key: str
    label: str
    runs: int


@dataclass(frozen=True, slots=True)
class Counts:
    runs: int = 0
    states: tuple[StateCount, ...] = ()


def counts_by_project(project_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Counts]:
    """Runs of each project by state, states derived as of now; projects without runs are left out. Two queries."""
    found: dict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    # Stored states are counted in an index alone; only runs that may have fallen silent are looked at.
    rows = Run.objects.filter(project__in=list(project_ids), deleted_at=None).order_by()
    counted = rows.values_list("project_id", "state").annotate(runs=Count("pk"))
    silent = counted.filter(state__in=AFTER_SILENCE, heartbeat_at__lt=alive_since(timezone.now()))
    for project_id, state, runs in counted:
        found[project_id][state] += runs
    for project_id, state, runs in silent:
        found[project_id][state] -= runs
        found[project_id][AFTER_SILENCE[State(state)]] += runs
    return {
        project_id: Counts(
            runs=sum(states.values()),
            states=tuple(
                StateCount(key=state.value, label=state.label.lower(), runs=states[state])
                for state in SHOWN_ORDER
                if states[state]
            ),
        )
        for project_id, states in found.items()
    }


def _by_activity(projects: QuerySet[Project]) -> QuerySet[Project]:
    """The last changed first, as `last_activity`; a project without runs changed when it was made."""
    last_change = Run.objects.filter(project=OuterRef("pk"), deleted_at=None).order_by("-changed_at")
    return projects.annotate(
        last_activity=Coalesce(Subquery(last_change.values("changed_at")[:1]), F("created_at"))
    ).order_by("-last_activity", "name")


def _page(
    request: HttpRequest, projects: QuerySet[Project], owner: Entity | None = None, role: Role | None = None
) -> HttpResponse:
    search = request.GET.get("q", "").replace("\0", "").strip()
    if search:
        projects = projects.filter(name__icontains=search)
    page = Paginator(_by_activity(projects.select_related("entity")), _PER_PAGE).get_page(request.GET.get("page"))
    counts = counts_by_project(project.pk for project in page)
    rows = [{"project": project, "counts": counts.get(project.pk, Counts())} for project in page]
    context = {
        "page": page,
        "rows": rows,
        "search": search,
        "owner": owner,
        "role": role,
        "deleted": projects_restorable(owner) if owner and role == Role.ADMIN else [],
        "days": RESTORED_WITHIN.days,
    }
    return render(request, "lists/projects.html", context)


@require_safe
def project_list(request: HttpRequest) -> HttpResponse:
    projects = visible_projects(request.user)
    if request.user.is_anonymous and not projects.exists():
        return redirect_to_login(request.get_full_path())
    return _page(request, projects)


@require_http_methods(["GET", "HEAD", "POST"])
def entity(request: HttpRequest, entity: str) -> HttpResponse:
    """An entity shows itself to its members; to others only by a project they may see. POST: bring back one deleted."""
    owner = Entity.objects.filter(name=entity).first() if "\0" not in entity else None
    if owner is None:
        raise Http404
    projects = visible_projects(request.user).filter(entity=owner)
    role = role_of(request.user, owner)
    if role is None and not projects.exists():
        raise Http404
    if request.method == "POST":
        return _restore(request, owner, role)
    return _page(request, projects, owner, role)


def _restore(request: HttpRequest, owner: Entity, role: Role | None) -> HttpResponse:
    if role != Role.ADMIN:
        raise Http404
    try:
        project = project_restore(entity=owner, id=uuid.UUID(request.POST.get("restore", "")))
    except SettingRefused as refusal:
        messages.error(request, str(refusal))
    except ValueError:
        raise Http404 from None
    else:
        messages.success(request, f"{project.name} is back.")
    return redirect("entity", owner.name)
