"""Lists of projects: all that a person may see, and those of one entity."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from projects.access import visible_projects
from projects.models import Entity


@require_safe
def project_list(request: HttpRequest) -> HttpResponse:
    return render(request, "lists/projects.html", {"projects": visible_projects(request.user).select_related("entity")})


@require_safe
def entity(request: HttpRequest, entity: str) -> HttpResponse:
    owner = get_object_or_404(Entity, name=entity)
    projects = visible_projects(request.user).filter(entity=owner).select_related("entity")
    return render(request, "lists/projects.html", {"entity": owner, "projects": projects})
