"""The page of one run."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from projects.views.doors import project_or_404
from runs.models import Run


def _run_or_404(request: HttpRequest, entity: str, project: str, run: str) -> Run:
    owner = project_or_404(request, entity, project)
    return get_object_or_404(Run.objects.select_related("project__entity"), project=owner, name=run, deleted_at=None)


@require_safe
def run(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    return render(request, "run/run.html", {"run": _run_or_404(request, entity, project, run)})


@require_safe
def console(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    lines = _run_or_404(request, entity, project, run).console_lines.order_by("number")[:1000]
    return render(request, "run/_console.html", {"lines": lines})


@require_safe
def version(request: HttpRequest, entity: str, project: str, run: str) -> JsonResponse:
    found = _run_or_404(request, entity, project, run)
    return JsonResponse({"version": found.changed_at.isoformat()})
