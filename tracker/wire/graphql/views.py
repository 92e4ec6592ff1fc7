"""Saved views, as the `wandb-workspaces` package saves and opens them. What they hold: tracker.wire.viewspec."""

from __future__ import annotations

import json
import re
import uuid
from functools import partial
from typing import Any

from ariadne import ObjectType
from graphql import GraphQLError, GraphQLResolveInfo

from projects import saved_views
from projects.access import (
    NotFound,
    may_change,
    may_write,
    project_get_or_create,
    workspaces_visible,
)
from projects.models import Project, Workspace
from projects.saved_views import Content, view_content
from projects.workspaces import metrics
from runs.models import Run, run_id
from tracker.wire.decode import tolerant_json
from tracker.wire.errors import Refused
from tracker.wire.graphql.context import Context, context_of, parse_id, project_to_read, resolver
from tracker.wire.graphql.files import mutation
from tracker.wire.graphql.filters import config_keys
from tracker.wire.graphql.runs import Connection, connection, page, project_type
from tracker.wire.viewspec.runset import parameters_of
from tracker.wire.viewspec.spec import content_changed, content_new, spec_told
from tracker.wire.viewspec.words import Names

view_type = ObjectType("View")

BINDINGS = [mutation, project_type, view_type]

TYPE = "project-view"
MAX_SPEC = 2_000_000

_NAME = re.compile(r"nw-([0-9a-f]{32})-v")
_NO_NAME = "nw--v"


@project_type.field("allViews")
def all_views(
    source: Project,
    info: GraphQLResolveInfo,
    viewType: str | None = None,
    viewName: str | None = None,
    userName: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> Connection:
    """Saved views alone: there are no reports here."""
    if viewType != TYPE:
        return connection([], 0, 0)
    if viewName == _NO_NAME:
        raise GraphQLError(
            "the address names no saved view: it ends in ?nw=ID, and ID is what stands behind view= on the page"
        )
    start, size = page(after, first)
    found = workspaces_visible(context_of(info).user, source).order_by("name", "id")
    if viewName is not None:
        named = _NAME.fullmatch(viewName)
        found = found.filter(pk=uuid.UUID(named[1])) if named else found.none()
    views = list(found[start : start + size + 1])
    for view in views:
        view.project = source
    return connection(views, start, size)


@mutation.field("upsertView")
def upsert_view(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """One of everybody's if the person may write, else one of their own. Sent twice it makes one."""
    context, said = context_of(info), _spec_of(input)
    title = input.get("displayName") or "Untitled view"
    project = _project(context, input)
    names = _names(project)
    known = _known(context, project, input)
    try:
        if known is not None:
            _may_change_check(context, known)
            names = _names(project, view_content(known))
            saved_views.view_rewrite(
                view=known, name=title, change=lambda content: content_changed(content, said, names)
            )
            return {"view": known, "inserted": False}
        view = saved_views.view_write(
            project=project,
            user=None if may_write(context.user, project.entity) else context.user,
            id=_id_of(context, project, input),
            name=title,
            content=content_new(said, names),
        )
    except (saved_views.ViewError, Workspace.DoesNotExist) as error:
        raise GraphQLError(str(error)) from None
    return {"view": view, "inserted": True}


@mutation.field("deleteView")
def delete_view(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, bool]:
    context, key = context_of(info), parse_id(input["id"])
    there = Workspace.objects.select_related("project__entity").filter(project__deleted_at=None).exclude(name="")
    view = there.filter(pk=key).first() if key else None
    if view is None or not workspaces_visible(context.user, view.project).filter(pk=view.pk).exists():
        raise GraphQLError("view not found")
    if view.user_id is None and not may_write(context.user, view.project.entity):
        raise GraphQLError("view not found")
    saved_views.view_delete(view=view)
    return {"success": True, "pendingDrafts": False}


@view_type.field("name")
def view_name(view: Workspace, info: GraphQLResolveInfo) -> str:
    """The client's; its address ends in ?nw= and what stands between."""
    return f"nw-{view.id.hex}-v"


@view_type.field("type")
def view_kind(view: Workspace, info: GraphQLResolveInfo) -> str:
    return TYPE


@view_type.field("description")
def view_description(view: Workspace, info: GraphQLResolveInfo) -> str:
    return ""


@view_type.field("spec")
def view_spec(view: Workspace, info: GraphQLResolveInfo) -> str:
    content = view_content(view)
    return json.dumps(spec_told(content, _names(view.project, content)))


def _spec_of(input: dict[str, Any]) -> dict[str, Any]:
    if (kind := input.get("type")) != TYPE:
        raise GraphQLError(f"this server keeps saved views ({TYPE}), no {str(kind)[:100]!r}: it has no reports")
    text = input.get("spec") or ""
    if len(text) > MAX_SPEC:
        raise Refused(f"a view's spec has at most {MAX_SPEC} characters")
    spec = tolerant_json(text)
    if not isinstance(spec, dict):
        raise Refused("a view's spec is a JSON object")
    return spec


def _project(context: Context, input: dict[str, Any]) -> Project:
    """Made on first use. Raises NotFound."""
    entity, name = input.get("entityName"), input.get("projectName") or "uncategorized"
    try:
        return project_to_read(context, entity, name)
    except NotFound:
        return project_get_or_create(context.user, entity=entity, name=name)


def _known(context: Context, project: Project, input: dict[str, Any]) -> Workspace | None:
    """The view that is meant to be changed. Raises GraphQLError for an id of none."""
    named = _NAME.fullmatch(input.get("name") or "")
    key = input.get("id") or (named[1] if named else "")
    if not key:
        return None
    parsed = parse_id(key)
    view = workspaces_visible(context.user, project).filter(pk=parsed).first() if parsed else None
    if view is None and input.get("id"):
        raise GraphQLError("view not found")
    if view is not None:
        view.project = project
    return view


def _id_of(context: Context, project: Project, input: dict[str, Any]) -> uuid.UUID:
    """Of a new view, whose name the client drew by lot."""
    name = input.get("name")
    return uuid.uuid5(project.id, f"view {context.user.pk} {name}") if name else uuid.uuid4()


def _may_change_check(context: Context, view: Workspace) -> None:
    if not may_change(context.user, view):
        raise GraphQLError("only members change a view that everybody sees; save it as a new view")


def _names(project: Project, content: Content | None = None) -> Names:
    """Two queries at most."""
    hidden = parameters_of(content.query).get("hide", {}) if content is not None else {}
    ids = [key for id in hidden if (key := parse_id(id)) is not None]
    runs = Run.objects.filter(project=project, id__in=ids, deleted_at=None).values_list("id", "name") if ids else ()
    return Names(
        run_id=lambda name: run_id(project.id, name).hex,
        run_names={id.hex: name for id, name in runs},
        metrics=metrics(project),
        config_keys=partial(config_keys, project),
    )


view_type.set_field("displayName", resolver("name"))
view_type.set_field("updatedAt", resolver("changed_at"))
