"""Who is asking, entities, and what this server is."""

from __future__ import annotations

from typing import Any

from ariadne import ObjectType, QueryType
from django.db.models import Sum
from graphql import FieldNode, GraphQLError, GraphQLResolveInfo

from projects.access import role_of
from projects.models import ApiKey, Entity, Membership, Role, User, Visibility
from runs.models import ArtifactContent, RunFile
from tracker.wire.graphql.context import constant, context_of, own_entity, resolver

query = QueryType()
user = ObjectType("User")
api_key = ObjectType("ApiKey")
entity_type = ObjectType("Entity")
member = ObjectType("Member")

BINDINGS = [query, user, api_key, entity_type, member]


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
    found = (mine.filter(name=name) if name else mine.filter(owner=owner)).first()
    if found is None and _asks_for_members(info):
        # The client reads the members of null, and says of that alone that it failed.
        raise GraphQLError(f"you belong to no team {name!r}; teams are made on the site, and their admins add people")
    return found


def _asks_for_members(info: GraphQLResolveInfo) -> bool:
    chosen = info.field_nodes[0].selection_set
    return chosen is not None and any(
        isinstance(it, FieldNode) and it.name.value == "members" for it in chosen.selections
    )


@entity_type.field("organization")
def entity_organization(_: Entity, info: GraphQLResolveInfo) -> None:
    """Nobody's organisations here."""
    return None


@entity_type.field("isTeam")
def entity_is_team(source: Entity, info: GraphQLResolveInfo) -> bool:
    return source.owner_id is None


@entity_type.field("entityType")
def entity_entity_type(source: Entity, info: GraphQLResolveInfo) -> str:
    return "team" if source.owner_id is None else "user"


@entity_type.field("readOnly")
def entity_read_only(source: Entity, info: GraphQLResolveInfo) -> bool:
    return not context_of(info).may_write(source)


@entity_type.field("storageBytes")
def entity_storage_bytes(source: Entity, info: GraphQLResolveInfo) -> int | None:
    """Of stored files; histories are not counted."""
    if role_of(context_of(info).user, source) is None:
        return None
    of_runs = RunFile.objects.filter(run__project__entity=source).exclude(stored_as="")
    of_artifacts = ArtifactContent.objects.filter(project__entity=source)
    return sum(rows.aggregate(bytes=Sum("size"))["bytes"] or 0 for rows in (of_runs, of_artifacts))


@entity_type.field("members")
def entity_members(source: Entity, info: GraphQLResolveInfo) -> list[Membership]:
    """To members alone: whoever sees a public project sees its entity's name, too."""
    if role_of(context_of(info).user, source) is None:
        return []
    return list(Membership.objects.filter(entity=source).select_related("user").order_by("user__username"))


@member.field("id")
def member_id(source: Membership, info: GraphQLResolveInfo) -> str:
    return str(source.user_id)


@member.field("admin")
def member_admin(source: Membership, info: GraphQLResolveInfo) -> bool:
    return source.role == Role.ADMIN


@member.field("name")
def member_name(source: Membership, info: GraphQLResolveInfo) -> str:
    return _shown(source.user)


@user.field("entity")
def user_entity(person: User, info: GraphQLResolveInfo) -> str:
    return own_entity(person)


@user.field("name")
def user_name(person: User, info: GraphQLResolveInfo) -> str:
    return _shown(person)


def _shown(person: User) -> str:
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


for field, answer in {
    "readOnlyAdmin": False,
    "privateOnly": False,
    "codeSavingEnabled": True,
    "defaultAccess": Visibility.PRIVATE.upper(),
}.items():
    entity_type.set_field(field, constant(answer))
member.set_field("pending", constant(False))
member.set_field("username", resolver("user.username"))
member.set_field("accountType", resolver("role"))
user.set_field("admin", resolver("is_superuser"))
api_key.set_field("description", resolver("name"))
