"""A project's settings: what it is, what it opens with, and for admins who sees it, its name and its end."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from projects.access import NotFound, may_administer, may_write, workspace_visible, workspaces_visible
from projects.models import Project, Visibility
from projects.project_settings import (
    MAX_DESCRIPTION,
    RESTORED_WITHIN,
    SettingRefused,
    project_delete,
    project_describe,
    project_rename,
    visibility_set,
)
from projects.saved_views import ViewError, default_forget, default_set
from projects.views.doors import project_or_404


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """For those who write to the project; others have no such page."""
    found = project_or_404(request, entity, project)
    if not may_write(request.user, found.entity):
        raise Http404
    if request.method != "POST":
        return _page(request, found)
    do = request.POST.get("do", "")
    change = _CHANGES.get(do)
    if do in _OF_ADMINS and not may_administer(request.user, found.entity):
        raise Http404
    try:
        if change is None:
            raise SettingRefused("The change is not understood.")
        messages.success(request, change(request, found))
    except (SettingRefused, ViewError) as refusal:
        return _page(request, found, failed=do, error=str(refusal))
    if do == "delete":
        return redirect("entity", found.entity.name)
    found.refresh_from_db(fields=["name"])
    return redirect("project-settings", found.entity.name, found.name)


def _describe(request: HttpRequest, project: Project) -> str:
    project_describe(project=project, text=request.POST.get("description", ""))
    return "The description is saved."


def _default_view(request: HttpRequest, project: Project) -> str:
    id = request.POST.get("view", "")
    if not id:
        default_forget(project=project)
        return "The project opens with nothing set."
    try:
        view = workspace_visible(AnonymousUser(), project, id=id)
    except NotFound:
        raise SettingRefused("This view is no longer there.") from None
    default_set(like=view, query=view.settings.get("query") or "")
    return f"The project opens as “{view.name}” does."


def _visibility(request: HttpRequest, project: Project) -> str:
    said = request.POST.get("visibility", "")
    if said not in Visibility.values:
        raise SettingRefused("A project is private or public.")
    visibility_set(project=project, visibility=Visibility(said))
    return "Anyone can see this project." if said == Visibility.PUBLIC else "Only members see this project."


def _rename(request: HttpRequest, project: Project) -> str:
    name = request.POST.get("name", "").strip()
    project_rename(project=project, name=name)
    return f"The project is named “{name}”. Scripts have to log to this name."


def _delete(request: HttpRequest, project: Project) -> str:
    if request.POST.get("confirm", "").strip() != project.name:
        raise SettingRefused(f"To delete the project, type its name: {project.name}")
    project_delete(project=project)
    return f"{project.name} is deleted. For {RESTORED_WITHIN.days} days it can be restored below."


_CHANGES: dict[str, Callable[[HttpRequest, Project], str]] = {
    "describe": _describe,
    "view": _default_view,
    "visibility": _visibility,
    "rename": _rename,
    "delete": _delete,
}
_OF_ADMINS = {"visibility", "rename", "delete"}


def _page(request: HttpRequest, project: Project, failed: str = "", error: str = "") -> HttpResponse:
    default = workspace_visible(request.user, project, id="")
    context = {
        "project": project,
        "admin": may_administer(request.user, project.entity),
        "views": workspaces_visible(AnonymousUser(), project).order_by("name"),
        "has_default": not default._state.adding,
        "max_description": MAX_DESCRIPTION,
        "days": RESTORED_WITHIN.days,
        "failed": failed,
        "error": error,
    }
    return render(request, "project/settings.html", context, status=422 if error else 200)
