"""Saved views: the list, and saving, renaming, deleting one, or making it what the project's page shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from projects.access import may_change, may_write, role_of, workspaces_visible
from projects.looking import Looking
from projects.models import Project, Workspace
from projects.overall import CONCLUSIONS
from projects.query.natural import natural_text
from projects.query.runset import BadQuery
from projects.saved_views import (
    ViewError,
    default_set,
    view_create,
    view_delete,
    view_rename,
    view_update,
)
from projects.views.account import person_of
from projects.views.answers import answer_json, change_from, refused
from projects.views.doors import looking_or_404, project_or_404

PAGES = ("project", *CONCLUSIONS)


@require_http_methods(["GET", "HEAD", "POST"])
def views(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """GET: what the popover holds. POST of {"do": one of CHANGES, "name", "shared"}: {"url"} of where to go then.

    The query string is that of the page; what is saved is what it shows. `at`: which page, of PAGES.
    """
    owner = project_or_404(request, entity, project)
    try:
        page = _page_asked(request, owner)
        looking = looking_or_404(request, owner)
        if request.method != "POST":
            return _popover(request, looking, page)
        change = _change_asked(request.body)
        view = CHANGES[change.pop("do")](request, looking, **change)
    except (BadQuery, ViewError) as error:
        return refused(error)
    except PermissionError as error:
        return answer_json({"error": str(error)}, status=403)
    return answer_json({"url": page if view is None or not view.name else f"{page}?view={view.id.hex}"})


def _page_asked(request: HttpRequest, project: Project) -> str:
    """Its address. Raises BadQuery."""
    page = request.GET.get("at", "project")
    if page not in PAGES:
        raise BadQuery(f"at: one of {', '.join(PAGES)}")
    return reverse(page, args=[project.entity.name, project.name])


def _popover(request: HttpRequest, looking: Looking, page: str) -> HttpResponse:
    found = sorted(
        workspaces_visible(request.user, looking.project).defer("settings"), key=lambda it: natural_text(it.name)
    )
    writer = may_write(request.user, looking.project.entity)
    context = {
        "page": page,
        "shown": looking.workspace,
        "mine": [it for it in found if it.user_id is not None],
        "shared": [it for it in found if it.user_id is None],
        "may_write": writer,
        "may_change": may_change(request.user, looking.workspace),
        "member": role_of(request.user, looking.project.entity) is not None,
    }
    response = render(request, "workspace/_views.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _change_asked(body: bytes) -> dict[str, Any]:
    change = change_from(body, CHANGES)
    name, shared = change.get("name", ""), change.get("shared", False)
    if not isinstance(name, str) or not isinstance(shared, bool):
        raise BadQuery("The change is not understood.")
    return {"do": change["do"], "name": name, "shared": shared}


def _create(request: HttpRequest, looking: Looking, *, name: str, shared: bool) -> Workspace:
    if role_of(request.user, looking.project.entity) is None:
        raise PermissionError("Only members save views.")
    if shared:
        _writer_or_refused(request, looking)
    user = None if shared else person_of(request)
    query = looking.saved_query
    return view_create(project=looking.project, user=user, name=name, query=query, like=looking.workspace)


def _update(request: HttpRequest, looking: Looking, **_: object) -> Workspace:
    view = _view_to_change(request, looking)
    view_update(view=view, query=looking.saved_query)
    return view


def _rename(request: HttpRequest, looking: Looking, *, name: str, **_: object) -> Workspace:
    view = _view_to_change(request, looking)
    view_rename(view=view, name=name)
    return view


def _delete(request: HttpRequest, looking: Looking, **_: object) -> None:
    view_delete(view=_view_to_change(request, looking))


def _default(request: HttpRequest, looking: Looking, **_: object) -> None:
    _writer_or_refused(request, looking)
    default_set(like=looking.workspace, query=looking.saved_query)


CHANGES: dict[str, Callable[..., Workspace | None]] = {
    "create": _create,
    "update": _update,
    "rename": _rename,
    "delete": _delete,
    "default": _default,
}


def _view_to_change(request: HttpRequest, looking: Looking) -> Workspace:
    if not looking.workspace.name:
        raise Http404
    if not may_change(request.user, looking.workspace):
        raise PermissionError("Only members change a view that everybody sees.")
    return looking.workspace


def _writer_or_refused(request: HttpRequest, looking: Looking) -> None:
    if not may_write(request.user, looking.project.entity):
        raise PermissionError("Only members save views that everybody sees.")
