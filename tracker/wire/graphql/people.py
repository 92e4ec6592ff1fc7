"""Who is asking, entities, and what this server is."""

from __future__ import annotations

from typing import Any

from ariadne import ObjectType, QueryType
from graphql import GraphQLResolveInfo

from projects.models import ApiKey, Entity, Membership, User
from tracker.wire.graphql.context import context_of, own_entity, resolver

query = QueryType()
user = ObjectType("User")
api_key = ObjectType("ApiKey")
entity_type = ObjectType("Entity")

BINDINGS = [query, user, api_key, entity_type]


@query.field("viewer")
def viewer(_: Any, info: GraphQLResolveInfo) -> User:
    return context_of(info).user


@query.field("serverInfo")
def server_info(_: Any, info: GraphQLResolveInfo) -> dict[str, Any]:
    """All features off: a complete, consistent mode of the client."""
    return {
        "cliVersionInfo": {"max_cli_version": "0.99.0", "min_cli_version": "0.0.1"},
        "latestLocalVersionInfo": None,
        "features": [],
    }


@query.field("entity")
def entity(_: Any, info: GraphQLResolveInfo, name: str | None = None) -> Entity | None:
    owner = context_of(info).user
    mine = Entity.objects.filter(memberships__user=owner)
    return (mine.filter(name=name) if name else mine.filter(owner=owner)).first()


@entity_type.field("organization")
def entity_organization(_: Entity, info: GraphQLResolveInfo) -> None:
    """Nobody's organisations here."""
    return None


@user.field("entity")
def user_entity(person: User, info: GraphQLResolveInfo) -> str:
    return own_entity(person)


@user.field("name")
def user_name(person: User, info: GraphQLResolveInfo) -> str:
    return person.get_full_name() or person.username


@user.field("flags")
def user_flags(person: User, info: GraphQLResolveInfo) -> dict[str, Any]:
    return {}


@user.field("deletedAt")
def user_deleted_at(person: User, info: GraphQLResolveInfo) -> None:
    return None


@user.field("teams")
def user_teams(person: User, info: GraphQLResolveInfo) -> dict[str, Any]:
    rows = Membership.objects.filter(user=person).select_related("entity").order_by("entity__name")
    return {"edges": [{"node": row.entity} for row in rows]}


@user.field("apiKeys")
def user_api_keys(person: User, info: GraphQLResolveInfo) -> dict[str, Any]:
    """Only how they end: the keys themselves are not kept."""
    rows = ApiKey.objects.filter(user=person, revoked_at=None).order_by("id")
    return {"edges": [{"node": row} for row in rows]}


@api_key.field("name")
def api_key_name(key: ApiKey, info: GraphQLResolveInfo) -> str:
    return f"…{key.last_four}"


user.set_field("admin", resolver("is_superuser"))
api_key.set_field("description", resolver("name"))
