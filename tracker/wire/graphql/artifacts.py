"""Artifacts read back. Of the client's words, an Artifact is one version, an ArtifactSequence all of one name; a
version is in no other collection, so its ArtifactCollectionMembership is the version itself."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ariadne import InterfaceType, ObjectType
from django.db.models import Min, QuerySet
from graphql import GraphQLError, GraphQLResolveInfo

from projects.access import visible_projects
from projects.models import Project
from runs import artifacts
from runs.columns import storable
from runs.models import (
    Artifact,
    ArtifactClient,
    ArtifactCollection,
    ArtifactFile,
    ArtifactManifest,
    Role,
    Run,
    artifact_collection_id,
)
from tracker.wire.artifact_files import file_url, manifest_url
from tracker.wire.graphql.context import Context, context_of, parse_id, resolver
from tracker.wire.graphql.files import FileNode
from tracker.wire.graphql.people import query
from tracker.wire.graphql.runs import Connection, connection, page, project_type, run_type

artifact_type = ObjectType("Artifact")
membership = ObjectType("ArtifactCollectionMembership")
sequence = ObjectType("ArtifactSequence")
type_type = ObjectType("ArtifactType")
collection_type = InterfaceType("ArtifactCollection", lambda *_: "ArtifactSequence")

BINDINGS = [query, project_type, run_type, artifact_type, membership, sequence, type_type, collection_type]

MANIFEST = "wandb_manifest.json"
_NO_TTL = -1
_FILES_MAX = 5000  # which is what clients ask for
_ARTIFACT_ORDERS = {"created_at": "created_at", "createdAt": "created_at", "versionIndex": "version"}
_COLLECTION_ORDERS = {"created_at": "created_at", "createdAt": "created_at", "name": "name", "updatedAt": "changed_at"}


@dataclass(frozen=True, slots=True)
class TypeNode:
    """A type is no more than a word that collections of a project share."""

    project: Project
    name: str
    created_at: Any = None

    @property
    def id(self) -> str:
        return f"{self.project.id}:{self.name}"


@dataclass(frozen=True, slots=True)
class ManifestNode:
    id: str
    digest: str
    file: FileNode = field(repr=False)


def artifact_key(id: uuid.UUID) -> str:
    """The client writes ids of artifacts into references as the hexadecimal form of what is base64 for it."""
    return base64.b64encode(id.hex.encode()).decode()


def artifact_to_read(context: Context, key: str) -> Artifact | None:
    """A version, committed or not, of a project that the person sees."""
    try:
        id = uuid.UUID(base64.b64decode(key, validate=True).decode())
    except ValueError:
        return None
    seen = {"pk": id, "collection__project__in": visible_projects(context.user)}
    return _with_all(Artifact.objects.filter(**seen)).first()


def collection_to_read(context: Context, key: str) -> ArtifactCollection | None:
    seen = {"pk": parse_id(key), "project__in": visible_projects(context.user)}
    return ArtifactCollection.objects.select_related("project__entity").filter(**seen).first()


def tag_nodes(tags: Iterable[str]) -> list[dict[str, str]]:
    return [{"id": tag, "name": tag} for tag in tags]


def _with_all(found: QuerySet[Artifact]) -> QuerySet[Artifact]:
    """With what is asked of each entry of a list."""
    return found.select_related("collection__project__entity").prefetch_related("aliases")


@query.field("artifact")
def artifact_by_id(_: Any, info: GraphQLResolveInfo, id: str) -> Artifact | None:
    return artifact_to_read(context_of(info), id)


@query.field("artifactCollection")
def collection_by_id(_: Any, info: GraphQLResolveInfo, id: str) -> ArtifactCollection | None:
    return collection_to_read(context_of(info), id)


@query.field("clientIDMapping")
def client_id_mapping(_: Any, info: GraphQLResolveInfo, clientID: str) -> dict[str, Any] | None:
    seen = visible_projects(context_of(info).user)
    known = ArtifactClient.objects.filter(
        pk=artifacts.client_key(clientID), artifact__collection__project__in=seen
    ).first()
    return None if known is None else {"serverID": artifact_key(known.artifact_id)}


@project_type.field("artifact")
@project_type.field("artifactCollectionMembership")
def project_artifact(
    source: Project, info: GraphQLResolveInfo, name: str, enableTracking: bool | None = None
) -> Artifact | None:
    return artifacts.artifact_named(source.id, name)


@project_type.field("artifactType")
def project_artifact_type(source: Project, info: GraphQLResolveInfo, name: str) -> TypeNode | None:
    return next(iter(_types(source, source.artifact_collections.filter(type=storable(name)))), None)


@project_type.field("artifactTypes")
def project_artifact_types(
    source: Project, info: GraphQLResolveInfo, after: str | None = None, first: int | None = None
) -> Connection:
    start, size = page(after, first)
    return connection(_types(source, source.artifact_collections.all())[start : start + size + 1], start, size)


def _types(project: Project, collections: QuerySet[ArtifactCollection]) -> list[TypeNode]:
    counted = collections.order_by("type").values_list("type").annotate(first=Min("created_at"))
    return [TypeNode(project, name, first) for name, first in counted]


@project_type.field("artifactCollection")
def project_collection(source: Project, info: GraphQLResolveInfo, name: str) -> ArtifactCollection | None:
    key = artifact_collection_id(source.id, name)
    return ArtifactCollection.objects.select_related("project__entity").filter(pk=key).first()


@project_type.field("artifactCollections")
def project_collections(source: Project, info: GraphQLResolveInfo, **asked: Any) -> Connection:
    return _collections(source.artifact_collections.all(), **asked)


@type_type.field("artifact")
def type_artifact(source: TypeNode, info: GraphQLResolveInfo, name: str) -> Artifact | None:
    found = artifacts.artifact_named(source.project.id, name)
    return found if found is not None and found.collection.type == source.name else None


@type_type.field("artifactCollection")
@type_type.field("artifactSequence")
def type_collection(source: TypeNode, info: GraphQLResolveInfo, name: str) -> ArtifactCollection | None:
    found = project_collection(source.project, info, name)
    return found if found is not None and found.type == source.name else None


@type_type.field("artifactCollections")
def type_collections(source: TypeNode, info: GraphQLResolveInfo, **asked: Any) -> Connection:
    return _collections(source.project.artifact_collections.filter(type=source.name), **asked)


def _collections(
    found: QuerySet[ArtifactCollection],
    after: str | None = None,
    first: int | None = None,
    filters: Any = None,
    order: str | None = None,
) -> Connection:
    if filters:
        raise GraphQLError("this server does not filter artifact collections")
    found = found.filter(versions__gt=0).select_related("project__entity")
    return _counted(found.order_by(*_order(order, _COLLECTION_ORDERS, "-created_at"), "id"), after, first)


def _order(asked: str | None, known: dict[str, str], default: str) -> list[str]:
    if not asked:
        return [default]
    if (column := known.get(asked.lstrip("+-"))) is None:
        raise GraphQLError(f"this server does not sort artifacts by {asked.lstrip('+-')}")
    return [f"-{column}" if asked.startswith("-") else column]


def _counted(found: QuerySet[Any], after: str | None, first: int | None) -> Connection:
    """A page of all, with how many there are, counted if that is asked."""
    start, size = page(after, first)
    return connection(list(found[start : start + size + 1]), start, size) | {"totalCount": lambda _: found.count()}


def _versioned(found: QuerySet[Artifact], after: str | None, first: int | None) -> Connection:
    shown = _counted(_with_all(found), after, first)
    for edge in shown["edges"]:
        edge["version"] = f"v{edge['node'].version}"
    return shown


@sequence.field("artifacts")
def collection_artifacts(
    source: ArtifactCollection,
    info: GraphQLResolveInfo,
    filters: Any = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> Connection:
    if filters and filters != {"state": "COMMITTED"}:
        raise GraphQLError("this server filters artifacts by their state only")
    found = source.artifacts.filter(version__isnull=False).order_by(*_order(order, _ARTIFACT_ORDERS, "-version"))
    return _versioned(found, after, first)


@sequence.field("latestArtifact")
def collection_latest(source: ArtifactCollection, info: GraphQLResolveInfo) -> Artifact | None:
    return _with_all(source.artifacts.filter(version__isnull=False)).order_by("-version").first()


@sequence.field("artifactMembership")
def collection_membership(source: ArtifactCollection, info: GraphQLResolveInfo, aliasName: str) -> Artifact | None:
    return artifacts.artifact_named(source.project_id, f"{source.name}:{aliasName}")


@sequence.field("aliases")
def collection_aliases(
    source: ArtifactCollection, info: GraphQLResolveInfo, after: str | None = None, first: int | None = None
) -> Connection:
    start, size = page(after, first)
    found = source.aliases.order_by("alias")[start : start + size + 1]
    return connection([_alias(source, row.alias) for row in found], start, size)


@sequence.field("tags")
def collection_tags(source: ArtifactCollection, info: GraphQLResolveInfo) -> dict[str, Any]:
    return {"edges": [{"node": tag} for tag in tag_nodes(source.tags)]}


@sequence.field("defaultArtifactType")
def collection_default_type(source: ArtifactCollection, info: GraphQLResolveInfo) -> TypeNode:
    return _type_of(source)


def _type_of(collection: ArtifactCollection) -> TypeNode:
    return TypeNode(collection.project, collection.type, collection.created_at)


@sequence.field("state")
def collection_state(source: ArtifactCollection, info: GraphQLResolveInfo) -> str:
    return "READY"


@sequence.field("digestAlgorithm")
@artifact_type.field("digestAlgorithm")
def digest_algorithm(source: Any, info: GraphQLResolveInfo) -> str:
    return "MANIFEST_MD5"


@artifact_type.field("id")
def artifact_id(source: Artifact, info: GraphQLResolveInfo) -> str:
    return artifact_key(source.id)


@artifact_type.field("artifactType")
def artifact_artifact_type(source: Artifact, info: GraphQLResolveInfo) -> TypeNode:
    return _type_of(source.collection)


@artifact_type.field("state")
def artifact_state(source: Artifact, info: GraphQLResolveInfo) -> str:
    return "PENDING" if source.version is None else "COMMITTED"


@artifact_type.field("aliases")
@membership.field("aliases")
def artifact_aliases(source: Artifact, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    names = sorted(row.alias for row in source.aliases.all())
    if source.version is not None:
        names.append(f"v{source.version}")
    return [_alias(source.collection, name) for name in names]


def _alias(collection: ArtifactCollection, name: str) -> dict[str, Any]:
    return {"id": f"{collection.id}:{name}", "alias": name, "artifactCollection": collection}


@artifact_type.field("tags")
def artifact_tags(source: Artifact, info: GraphQLResolveInfo) -> list[dict[str, str]]:
    return tag_nodes(source.tags)


@artifact_type.field("ttlDurationSeconds")
def artifact_ttl(source: Artifact, info: GraphQLResolveInfo) -> int:
    return _NO_TTL


@artifact_type.field("ttlIsInherited")
def artifact_ttl_is_inherited(source: Artifact, info: GraphQLResolveInfo) -> bool:
    return True


@artifact_type.field("createdBy")
def artifact_created_by(source: Artifact, info: GraphQLResolveInfo) -> Run | None:
    return _runs(source, info, Role.PRODUCED).first()


@artifact_type.field("usedBy")
def artifact_used_by(source: Artifact, info: GraphQLResolveInfo) -> Connection:
    found = list(_runs(source, info, Role.USED))
    return connection(found, 0, len(found))


def _runs(source: Artifact, info: GraphQLResolveInfo, role: Role) -> QuerySet[Run]:
    """Those that the person sees, the first first."""
    lineage = {"artifacts__artifact": source, "artifacts__role": role}
    seen = Run.objects.filter(project__in=visible_projects(context_of(info).user), deleted_at=None, **lineage)
    return seen.select_related("project__entity").order_by("artifacts__at", "id")


@artifact_type.field("currentManifest")
def artifact_manifest(source: Artifact, info: GraphQLResolveInfo) -> ManifestNode | None:
    if source.version is None:
        return None
    url = manifest_url(context_of(info).request, source)
    return ManifestNode(str(source.id), "", FileNode(id=str(source.id), name=MANIFEST, url=url))


def manifest_node(manifest: ArtifactManifest, upload_url: str | None) -> ManifestNode:
    key = str(manifest.id)
    return ManifestNode(key, manifest.digest, FileNode(id=key, name=MANIFEST, uploadUrl=upload_url))


@artifact_type.field("files")
@membership.field("files")
def artifact_files(
    source: Artifact,
    info: GraphQLResolveInfo,
    names: list[str] | None = None,
    after: str | None = None,
    first: int | None = None,
) -> Connection:
    """Those that are here; where references lead is in the manifest."""
    found = source.files.filter(content__isnull=False).order_by("name")
    if names:
        found = found.filter(name__in=[storable(name) for name in names])
    start, size = page(after, first, most=_FILES_MAX)
    shown = [_file_node(source, file, info) for file in found[start : start + size + 1]]
    return connection(shown, start, size) | {"totalCount": lambda _: found.count()}


def _file_node(artifact: Artifact, file: ArtifactFile, info: GraphQLResolveInfo) -> FileNode:
    return FileNode(
        id=f"{artifact.id}:{file.name}",
        name=file.name,
        size=file.size,
        md5=file.digest,
        uploaded_at=artifact.created_at,
        url=file_url(context_of(info).request, file),
    )


@artifact_type.field("artifactMemberships")
def artifact_memberships(source: Artifact, info: GraphQLResolveInfo) -> dict[str, Any]:
    return {"edges": [{"node": source}]}


@membership.field("artifact")
def membership_artifact(source: Artifact, info: GraphQLResolveInfo) -> Artifact:
    return source


@run_type.field("outputArtifacts")
def run_output_artifacts(
    run: Run, info: GraphQLResolveInfo, after: str | None = None, first: int | None = None
) -> Connection:
    return _versioned(_of_run(run, info, Role.PRODUCED), after, first)


@run_type.field("inputArtifacts")
def run_input_artifacts(
    run: Run, info: GraphQLResolveInfo, after: str | None = None, first: int | None = None
) -> Connection:
    return _versioned(_of_run(run, info, Role.USED), after, first)


def _of_run(run: Run, info: GraphQLResolveInfo, role: Role) -> QuerySet[Artifact]:
    seen = visible_projects(context_of(info).user)
    found = Artifact.objects.filter(version__isnull=False, collection__project__in=seen, runs__run=run, runs__role=role)
    return found.order_by("runs__at", "id")


for _field, _path in {
    "artifactSequence": "collection",
    "versionIndex": "version",
    "fileCount": "file_count",
    "historyStep": "history_step",
    "createdAt": "created_at",
    "updatedAt": "changed_at",
}.items():
    artifact_type.set_field(_field, resolver(_path))
artifact_type.set_field("commitHash", resolver("id.hex"))
for _field, _path in {"versionIndex": "version", "createdAt": "created_at", "artifactCollection": "collection"}.items():
    membership.set_field(_field, resolver(_path))
sequence.set_field("createdAt", resolver("created_at"))
sequence.set_field("updatedAt", resolver("changed_at"))
type_type.set_field("createdAt", resolver("created_at"))
