"""Lists of projects, and projects made ahead of their first run."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from projects.access import project_get_or_create, visible_projects
from projects.models import Project, User
from tracker.wire.graphql.context import context_of, own_entity
from tracker.wire.graphql.files import mutation
from tracker.wire.graphql.people import query
from tracker.wire.graphql.runs import Connection, connection, page, project_type

BINDINGS = [query, mutation, project_type]


@query.field("models")
def models(
    _: Any, info: GraphQLResolveInfo, entityName: str | None = None, after: str | None = None, first: int | None = None
) -> Connection:
    """Those of an entity that the asker may see, the newest first."""
    person = context_of(info).user
    found = visible_projects(person).filter(entity__name=entityName or own_entity(person)).select_related("entity")
    start, size = page(after, first)
    return connection(list(found.order_by("-created_at", "id")[start : start + size + 1]), start, size)


@project_type.field("user")
def project_user(source: Project, info: GraphQLResolveInfo) -> User | None:
    """Its owner, to that person alone: the client asks for keys and addresses with it."""
    person = context_of(info).user
    return person if source.entity.owner_id == person.pk else None


@project_type.field("views")
def project_views(source: Project, info: GraphQLResolveInfo) -> dict[str, Any]:
    """What the client's own pages kept there; saved views are not in it."""
    return {}


@mutation.field("upsertModel")
def upsert_model(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    user, name = context_of(info).user, input.get("name") or ""
    known = visible_projects(user).filter(entity__name=input.get("entityName") or own_entity(user), name=name)
    inserted = not known.exists()
    project = project_get_or_create(user, entity=input.get("entityName"), name=name)
    return {"project": project, "model": project, "inserted": inserted}
