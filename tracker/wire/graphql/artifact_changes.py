"""Mutations of artifacts: begin, say what it holds, hand out addresses for the bytes, commit; use; change; delete."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from projects.access import may_write, project_get_or_create, project_writable
from runs import artifacts
from runs.artifacts import ArtifactMissing, NewArtifact
from runs.models import Artifact, ArtifactCollection, ArtifactManifest, artifact_collection_id
from tracker.wire import artifact_files
from tracker.wire.artifact_files import content_upload_url, manifest_upload_url, md5_check
from tracker.wire.errors import Refused
from tracker.wire.graphql.artifacts import (
    ManifestNode,
    artifact_key,
    artifact_to_read,
    collection_to_read,
    manifest_node,
    tag_nodes,
)
from tracker.wire.graphql.context import Context, context_of, parse_id, run_to_read, run_to_write
from tracker.wire.graphql.files import FileNode, mutation
from tracker.wire.graphql.runs import connection
from tracker.wire.uploads import file_name_check

BINDINGS = [mutation]


def _artifact_to_write(context: Context, key: str) -> Artifact:
    """Raises ArtifactMissing."""
    artifact = artifact_to_read(context, key)
    if artifact is None or not may_write(context.user, artifact.collection.project.entity):
        raise ArtifactMissing("artifact not found")
    return artifact


def _collection_to_write(context: Context, key: str) -> ArtifactCollection:
    """Raises ArtifactMissing."""
    collection = collection_to_read(context, key)
    if collection is None or not may_write(context.user, collection.project.entity):
        raise ArtifactMissing("artifact collection not found")
    return collection


@mutation.field("createArtifact")
def create_artifact(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    context = context_of(info)
    project = project_get_or_create(context.user, entity=input["entityName"], name=input["projectName"])
    run = run_to_read(project, input["runName"]) if input.get("runName") else None
    if input.get("runName") and run is None:
        raise GraphQLError(f"run {project}/{input['runName']} not found")
    if input.get("digestAlgorithm") not in {None, "MANIFEST_MD5"}:
        raise GraphQLError("this server knows artifacts by MD5 only")
    name = input.get("artifactCollectionName") or next(iter(input.get("artifactCollectionNames") or ()), "")
    new = NewArtifact(
        name=name,
        type=input["artifactTypeName"],
        digest=input["digest"],
        description=input.get("description") or "",
        metadata=_metadata(input.get("metadata")),
        tags=_tags(input.get("tags")),
        aliases=[it["alias"] for it in input.get("aliases") or () if it["artifactCollectionName"] == name],
        client_id=input.get("clientID") or "",
        distributed_id=input.get("distributedID") or "",
        history_step=input.get("historyStep"),
        deduplicate=input.get("enableDigestDeduplication") is not False,
    )
    artifact = artifacts.artifact_create(project_id=project.id, run_id=run.id if run else None, new=new)
    artifact.collection.project = project
    return {"artifact": artifact}


def _metadata(said: Any) -> dict[str, Any] | None:
    if said is not None and not isinstance(said, dict):
        raise Refused("metadata is no JSON object")
    return said


@mutation.field("createArtifactManifest")
def create_artifact_manifest(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, ManifestNode]:
    context = context_of(info)
    artifact = _artifact_to_write(context, input["artifactID"])
    base = None
    if input.get("type") == "INCREMENTAL" and input.get("baseArtifactID"):
        base = artifact_to_read(context, input["baseArtifactID"])
        if base is not None and (base.version is None or base.collection_id != artifact.collection_id):
            base = None
    digest = _md5(input["digest"])
    return _manifest(context, artifacts.manifest_create(artifact=artifact, base=base, digest=digest))


@mutation.field("updateArtifactManifest")
def update_artifact_manifest(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, ManifestNode]:
    context = context_of(info)
    key = parse_id(input["artifactManifestID"])
    manifest = None if key is None else ArtifactManifest.objects.filter(pk=key).first()
    if manifest is None:
        raise ArtifactMissing("artifact manifest not found")
    _artifact_to_write(context, artifact_key(manifest.artifact_id))
    digest = _md5(input.get("digest") or "")
    return _manifest(context, artifacts.manifest_digest_set(manifest_id=manifest.id, digest=digest))


def _md5(digest: str) -> str:
    """ "" while the client does not know it yet."""
    if digest:
        md5_check(digest)
    return digest


def _manifest(context: Context, manifest: ArtifactManifest) -> dict[str, ManifestNode]:
    url = manifest_upload_url(context.request, manifest) if manifest.digest else None
    return {"artifactManifest": manifest_node(manifest, url)}


@mutation.field("createArtifactFiles")
def create_artifact_files(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Where to put each, in the order asked; nowhere when its bytes are here already."""
    context = context_of(info)
    specs: list[dict[str, Any]] = input["artifactFiles"]
    for spec in specs:
        file_name_check(spec["name"])
        md5_check(spec["md5"])
    of = {key: _artifact_to_write(context, key) for key in {spec["artifactID"] for spec in specs}}
    here = {
        project: artifacts.contents_stored(project_id=project, md5s=[spec["md5"] for spec in specs])
        for project in {artifact.collection.project_id for artifact in of.values()}
    }
    nodes = []
    for spec in specs:
        artifact, md5 = of[spec["artifactID"]], spec["md5"]
        project = artifact.collection.project_id
        url = None if md5 in here[project] else content_upload_url(context.request, project, md5)
        nodes.append(
            FileNode(
                id=f"{artifact.id}:{spec['name']}", name=spec["name"], md5=md5, artifact=artifact,
                storagePath=f"artifacts/{md5}", uploadUrl=url,
            )
        )  # fmt: skip
    return {"files": connection(nodes, 0, len(nodes))}


@mutation.field("commitArtifact")
def commit_artifact(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Artifact]:
    artifact = _artifact_to_write(context_of(info), input["artifactID"])
    return {"artifact": artifact_files.commit(artifact)}


@mutation.field("useArtifact")
def use_artifact(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Artifact]:
    """A run may use what its person sees, also of another project."""
    context = context_of(info)
    run = run_to_write(context, entity=input["entityName"], project=input["projectName"], name=input["runName"])
    artifact = artifact_to_read(context, input["artifactID"])
    if artifact is None:
        raise ArtifactMissing("artifact not found")
    artifacts.artifact_use(run_id=run.id, artifact_id=artifact.id)
    return {"artifact": artifact}


@mutation.field("updateArtifact")
def update_artifact(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Artifact]:
    """How long it is to be kept is ignored: it is kept until somebody deletes it."""
    if input.get("aliases"):
        raise GraphQLError("aliases are changed by addAliases and deleteAliases")
    artifact = _artifact_to_write(context_of(info), input["artifactID"])
    changed = artifacts.artifact_change(
        artifact_id=artifact.id,
        description=input.get("description"),
        metadata=_metadata(input.get("metadata")),
        tags_added=_tags(input.get("tagsToAdd")),
        tags_removed=_tags(input.get("tagsToDelete")),
    )
    changed.collection = artifact.collection
    return {"artifact": changed}


def _tags(said: list[dict[str, Any]] | None) -> list[str]:
    return [tag["tagName"] for tag in said or ()]


@mutation.field("deleteArtifact")
def delete_artifact(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Artifact]:
    artifact = _artifact_to_write(context_of(info), input["artifactID"])
    artifacts.artifact_delete(artifact_id=artifact.id, with_aliases=bool(input.get("deleteAliases")))
    return {"artifact": artifact}


@mutation.field("addAliases")
def add_aliases(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, bool]:
    artifact = _artifact_to_write(context_of(info), input["artifactID"])
    artifacts.aliases_add(artifact_id=artifact.id, aliases=_aliases(artifact, input["aliases"]))
    return {"success": True}


@mutation.field("deleteAliases")
def delete_aliases(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, bool]:
    artifact = _artifact_to_write(context_of(info), input["artifactID"])
    artifacts.aliases_remove(artifact_id=artifact.id, aliases=_aliases(artifact, input["aliases"]))
    return {"success": True}


def _aliases(artifact: Artifact, said: list[dict[str, Any]]) -> list[str]:
    if any(it["artifactCollectionName"] != artifact.collection.name for it in said):
        raise GraphQLError("an artifact has aliases in its own collection only")
    return [it["alias"] for it in said]


@mutation.field("updateArtifactSequence")
def update_artifact_sequence(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    collection = _collection_to_write(context_of(info), input["artifactSequenceID"])
    if input.get("name") not in {None, collection.name}:
        raise GraphQLError(f"the artifact collection {collection.name!r} keeps its name: runs refer to it by that")
    return _changed(collection, description=input.get("description"))


@mutation.field("moveArtifactSequence")
def move_artifact_sequence(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    collection = _collection_to_write(context_of(info), input["artifactSequenceID"])
    return _changed(collection, type=input["destinationArtifactTypeName"])


def _changed(collection: ArtifactCollection, **change: Any) -> dict[str, ArtifactCollection]:
    changed = artifacts.collection_change(collection_id=collection.id, **change)
    changed.project = collection.project
    return {"artifactCollection": changed}


@mutation.field("deleteArtifactSequence")
def delete_artifact_sequence(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    collection = _collection_to_write(context_of(info), input["artifactSequenceID"])
    artifacts.collection_delete(collection_id=collection.id)
    return {"artifactCollection": collection}


@mutation.field("createArtifactCollectionTagAssignments")
def create_collection_tags(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    added = _tags(input["tags"])
    artifacts.collection_change(collection_id=_collection_key(context_of(info), input), tags_added=added)
    return {"tags": tag_nodes(added)}


@mutation.field("deleteArtifactCollectionTagAssignments")
def delete_collection_tags(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, bool]:
    removed = _tags(input["tags"])
    artifacts.collection_change(collection_id=_collection_key(context_of(info), input), tags_removed=removed)
    return {"success": True}


def _collection_key(context: Context, input: dict[str, Any]) -> Any:
    project = project_writable(context.user, entity=input["entityName"], name=input["projectName"])
    return artifact_collection_id(project.id, input["artifactCollectionName"])
