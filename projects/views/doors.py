"""Who may: the first sentence of every page view."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from projects.access import NotFound, project_visible
from projects.looking import Looking, looking
from projects.models import Project
from runs.models import Run, run_id

# Each may be megabytes.
_LONG = ("config", "summary", "client_info")


def project_or_404(request: HttpRequest, entity: str, project: str) -> Project:
    """The project of an address (its entity with it). A stranger's 404 is that of a missing project."""
    # No name holds U+0000, and PostgreSQL refuses to compare with it.
    if "\0" in entity + project:
        raise Http404
    try:
        return project_visible(request.user, entity=entity, name=project)
    except NotFound as missing:
        raise Http404 from missing


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


def looking_or_404(request: HttpRequest, project: Project, group: str | None = None) -> Looking:
    """What the query string asks to be shown of a project, or of a group of it. Raises BadQuery."""
    try:
        return looking(request.user, project, request.GET, group)
    except NotFound as missing:
        raise Http404 from missing
