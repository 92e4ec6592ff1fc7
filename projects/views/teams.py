"""Teams: making one, and who belongs to it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from projects.access import NotFound, entity_of_member
from projects.models import Entity, Membership, Role
from projects.names import BadName
from projects.teams import TeamRefused, member_add, member_change, member_remove, team_create, team_delete
from projects.views.account import person_of

# What each may do, as the page says it.
ROLES = [
    (Role.ADMIN, "logs, edits, decides who belongs here, who sees projects and which are deleted"),
    (Role.MEMBER, "logs runs, edits and deletes them"),
    (Role.VIEWER, "reads only"),
]


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def team_new(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("name", "").strip()
    if request.method != "POST":
        return render(request, "teams/new.html")
    try:
        team = team_create(user=person_of(request), name=name)
    except BadName as error:
        return render(request, "teams/new.html", {"error": str(error), "name": name}, status=422)
    return redirect("team", team.name)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def team(request: HttpRequest, entity: str) -> HttpResponse:
    """Members see who belongs to a team, admins change it, and anybody may leave."""
    try:
        found, role = entity_of_member(request.user, name=entity.replace("\0", "/"))
    except NotFound as missing:
        raise Http404 from missing
    if found.owner_id is not None:
        raise Http404
    if request.method != "POST":
        return _page(request, found, role)
    name, leaves = request.POST.get("name", "").strip(), request.POST.get("do") == "leave"
    if not leaves and role != Role.ADMIN:
        raise Http404
    try:
        said = _change(request, found, name)
    except TeamRefused as refusal:
        return _page(request, found, role, error=str(refusal), name=name)
    messages.success(request, said)
    return redirect("team", found.name) if _belongs(request, found) else redirect("project-list")


def _change(request: HttpRequest, team: Entity, name: str) -> str:
    """Make the change that a form asks for; what was done. Raises TeamRefused."""
    do, role = request.POST.get("do"), request.POST.get("role", "")
    if do == "leave":
        member_remove(team=team, name=person_of(request).username)
        return f"You left {team.name}."
    if do == "delete":
        team_delete(team=team)
        return f"The team {team.name} is deleted."
    if do == "remove":
        member_remove(team=team, name=name)
        return f"{name} no longer belongs to {team.name}."
    if do not in {"add", "role"} or role not in Role.values:
        raise TeamRefused("The change is not understood.")
    (member_add if do == "add" else member_change)(team=team, name=name, role=Role(role))
    return f"{name} is {'an' if role == Role.ADMIN else 'a'} {Role(role).label.lower()} of {team.name}."


def _belongs(request: HttpRequest, team: Entity) -> bool:
    return Membership.objects.filter(entity=team, user=person_of(request)).exists()


def _page(request: HttpRequest, team: Entity, role: Role, error: str = "", name: str = "") -> HttpResponse:
    members = Membership.objects.filter(entity=team).select_related("user").order_by("user__username")
    context = {
        "team": team,
        "members": members,
        "roles": ROLES,
        "role": role,
        "admin": role == Role.ADMIN,
        "error": error,
        "name": name,
    }
    return render(request, "teams/team.html", context, status=422 if error else 200)
