"""Who may: the first sentence of every page view."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from projects.access import NotFound, project_visible
from projects.looking import Looking, looking
from projects.models import Project


def project_or_404(request: HttpRequest, entity: str, project: str) -> Project:
    """The project of an address (its entity with it). A stranger's 404 is that of a missing project."""
    # No name holds U+0000, and PostgreSQL refuses to compare with it.
    if "\0" in entity + project:
        raise Http404
    try:
        return project_visible(request.user, entity=entity, name=project)
    except NotFound as missing:
        raise Http404 from missing


def looking_or_404(request: HttpRequest, project: Project, group: str | None = None) -> Looking:
    """What the query string asks to be shown of a project, or of a group of it. Raises BadQuery."""
    try:
        return looking(request.user, project, request.GET, group)
    except NotFound as missing:
        raise Http404 from missing
