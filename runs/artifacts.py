"""Artifacts: what they are made of, who writes them, and how one is found by name.

Each writing function is one transaction and may run twice. It takes the row lock of the collection first, then those of
runs; so two runs that log the same name come one after the other.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from runs import bulk
from runs.columns import storable
from runs.models import (
    Artifact,
    ArtifactAlias,
    ArtifactClient,
    ArtifactCollection,
    ArtifactContent,
    ArtifactFile,
    ArtifactManifest,
    Role,
    RunArtifact,
    artifact_collection_id,
)

LATEST = "latest"
# Of what was begun and never committed, and of bytes that no version refers to. No upload takes so long.
FORGOTTEN_AFTER = timedelta(days=7)

_BATCH = 500
_MAX_NAME = 512
_MAX_SHORT = 128
_MAX_DIGEST = 200
_SEPARATORS = frozenset("/:")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,8})")
_CLIENTS = uuid.UUID("2f0b9f5e-6c5d-5c0e-9a51-6b1f0d0f6c11")


class ArtifactRefused(ValueError):
    """What is asked can't be done; the text says why, to the person at the client."""


class ArtifactMissing(LookupError):
    """No such version, or it was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArtifact:
    """What a client says of a version before its files."""

    name: str
    type: str
    digest: str
    description: str = ""
    metadata: dict[str, Any] | None = None
    tags: Sequence[str] = ()
    aliases: Sequence[str] = ()
    client_id: str = ""
    distributed_id: str = ""
    history_step: int | None = None
    deduplicate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """`digest`: MD5, base64, of a content that has been stored; with a `reference`, whatever its place says."""

    name: str
    digest: str
    size: int = 0
    reference: str = ""


def content_id(project_id: uuid.UUID, md5: str) -> uuid.UUID:
    """Of bytes with this MD5 (base64). Projects do not share: to know an MD5 must not be enough to get the bytes."""
    return uuid.uuid5(project_id, f"content:{md5}")


def client_key(client_id: str) -> uuid.UUID:
    return uuid.uuid5(_CLIENTS, storable(client_id))


def committed(project_id: uuid.UUID) -> QuerySet[Artifact]:
    return Artifact.objects.filter(collection__project=project_id, version__isnull=False)


def artifact_named(project_id: uuid.UUID, name: str) -> Artifact | None:
    """By `name:vN`, `name:alias` or `name`, which is `name:latest`; its collection with it."""
    name, _, alias = storable(name).partition(":")
    alias = alias or LATEST
    key = artifact_collection_id(project_id, name)
    found = Artifact.objects.select_related("collection__project__entity").prefetch_related("aliases")
    if (number := _VERSION.fullmatch(alias)) is not None:
        return found.filter(collection=key, version=int(number[1])).first()
    return found.filter(aliases__collection=key, aliases__alias=alias, version__isnull=False).first()


@transaction.atomic
def artifact_create(*, project_id: uuid.UUID, run_id: uuid.UUID | None, new: NewArtifact) -> Artifact:
    """The version to fill, or the committed one of the same content. Raises ArtifactRefused."""
    _name_check(new.name, "an artifact's name", _MAX_NAME)
    _name_check(new.type, "an artifact's type", _MAX_SHORT)
    _aliases_check(new.aliases)
    if not new.digest or len(new.digest) > _MAX_DIGEST or not new.digest.isprintable():
        raise ArtifactRefused(f"a digest has 1 to {_MAX_DIGEST} printable characters")
    collection = _collection_made(project_id, new)
    client = client_key(new.client_id) if new.client_id else None
    known = ArtifactClient.objects.filter(pk=client).select_related("artifact").first() if client else None
    if known is not None:
        if known.artifact.collection_id != collection.id:
            raise ArtifactRefused("the client's id of this artifact is in use")
        artifact = known.artifact
    else:
        artifact = _same(collection, new) or _begun(collection, new)
        if client:
            ArtifactClient.objects.create(pk=client, artifact=artifact)
        if artifact.version is not None:
            _aliases_give(artifact, [LATEST, *new.aliases])
    artifact.collection = collection
    if run_id is not None:
        _lineage_note(run_id, artifact, Role.PRODUCED)
    return artifact


def manifest_create(*, artifact: Artifact, base: Artifact | None, digest: str) -> ArtifactManifest:
    """A manifest will come; with a `base`, only what it adds to that. `digest`: MD5, base64, "" while not known."""
    return ArtifactManifest.objects.create(artifact=artifact, base=base, digest=digest)


@transaction.atomic
def manifest_digest_set(*, manifest_id: uuid.UUID, digest: str) -> ArtifactManifest:
    """Raises ArtifactMissing."""
    manifest = ArtifactManifest.objects.select_for_update().filter(pk=manifest_id).first()
    if manifest is None:
        raise ArtifactMissing("artifact manifest not found")
    manifest.digest = digest
    manifest.save(update_fields=["digest"])
    return manifest


@transaction.atomic
def manifest_stored(*, manifest_id: uuid.UUID, stored_as: str) -> None:
    """Its bytes are in the storage. Raises ArtifactMissing."""
    if not ArtifactManifest.objects.filter(pk=manifest_id).update(stored_as=stored_as):
        raise ArtifactMissing("the artifact was committed or deleted")


@transaction.atomic
def contents_stored(*, project_id: uuid.UUID, md5s: Iterable[str]) -> set[str]:
    """Which of these are here already, and stay for as long as an upload may take."""
    ids = {content_id(project_id, md5): md5 for md5 in md5s}
    found: set[str] = set()
    for some in _batches(list(ids)):
        # Marked first: what is being removed at this moment is not there when it is looked for.
        ArtifactContent.objects.filter(pk__in=some).update(needed_at=timezone.now())
        found |= {ids[id] for id in ArtifactContent.objects.filter(pk__in=some).values_list("pk", flat=True)}
    return found


@transaction.atomic
def content_stored(*, project_id: uuid.UUID, md5: str, size: int, stored_as: str) -> bool:
    """Bytes are in the storage; False when they were before, and these are for the caller to remove."""
    fresh = ArtifactContent(id=content_id(project_id, md5), project_id=project_id, size=size, stored_as=stored_as)
    ArtifactContent.objects.bulk_create([fresh], ignore_conflicts=True)
    return ArtifactContent.objects.filter(pk=fresh.pk, stored_as=stored_as).exists()


@transaction.atomic
def artifact_commit(*, artifact_id: uuid.UUID, files: Sequence[NewFile], manifest_stored_as: str) -> Artifact:
    """The version gets its number, its files and its aliases. Raises ArtifactMissing and ArtifactRefused."""
    artifact = _artifact_lock(artifact_id)
    if artifact.version is not None:
        return artifact
    collection = artifact.collection
    sizes = _content_sizes(collection.project_id, [file.digest for file in files if not file.reference])
    rows = []
    for file in files:
        content = None if file.reference else content_id(collection.project_id, file.digest)
        if content is not None and content not in sizes:
            raise ArtifactRefused(f"{file.name!r} of {collection.name!r} has not been uploaded")
        size = file.size if content is None else sizes[content]
        rows.append(
            ArtifactFile(
                artifact=artifact, name=file.name, size=size, digest=file.digest, content_id=content,
                reference=file.reference,
            )
        )  # fmt: skip
    ArtifactFile.objects.bulk_create(rows, batch_size=_BATCH)
    artifact.version, collection.versions = collection.versions, collection.versions + 1
    artifact.size, artifact.file_count = sum(row.size for row in rows), len(rows)
    artifact.manifest_stored_as = manifest_stored_as
    artifact.changed_at = collection.changed_at = timezone.now()
    artifact.save()
    collection.save(update_fields=["versions", "changed_at"])
    artifact.manifests.all().delete()
    _aliases_give(artifact, [LATEST, *artifact.wanted_aliases])
    _runs_touch(artifact)
    return artifact


@transaction.atomic
def artifact_use(*, run_id: uuid.UUID, artifact_id: uuid.UUID) -> None:
    """Raises ArtifactMissing."""
    artifact = Artifact.objects.filter(pk=artifact_id, version__isnull=False).first()
    if artifact is None:
        raise ArtifactMissing("the artifact is not committed")
    _lineage_note(run_id, artifact, Role.USED)


@transaction.atomic
def artifact_change(
    *,
    artifact_id: uuid.UUID,
    description: str | None = None,
    metadata: dict[str, Any] | None = None,
    tags_added: Sequence[str] = (),
    tags_removed: Sequence[str] = (),
) -> Artifact:
    """None means "leave as it is". Raises ArtifactMissing and ArtifactRefused."""
    artifact = _artifact_lock(artifact_id)
    artifact.description = artifact.description if description is None else storable(description)
    artifact.metadata = artifact.metadata if metadata is None else metadata
    artifact.tags = _tagged(artifact.tags, tags_added, tags_removed)
    artifact.changed_at = timezone.now()
    artifact.save(update_fields=["description", "metadata", "tags", "changed_at"])
    return artifact


@transaction.atomic
def aliases_add(*, artifact_id: uuid.UUID, aliases: Sequence[str]) -> None:
    """Each comes away from the version that had it. Raises ArtifactMissing and ArtifactRefused."""
    _aliases_check(aliases)
    artifact = _artifact_lock(artifact_id)
    if artifact.version is None:
        raise ArtifactRefused("the artifact is not committed")
    _aliases_give(artifact, aliases)


@transaction.atomic
def aliases_remove(*, artifact_id: uuid.UUID, aliases: Sequence[str]) -> None:
    """Those that stand for another version stay. Raises ArtifactMissing."""
    artifact = _artifact_lock(artifact_id)
    ArtifactAlias.objects.filter(artifact=artifact, alias__in=[storable(it) for it in aliases]).delete()


@transaction.atomic
def artifact_delete(*, artifact_id: uuid.UUID, with_aliases: bool) -> None:
    """Its bytes go with the next tidying, unless other versions hold them. Raises ArtifactMissing, ArtifactRefused."""
    artifact = _artifact_lock(artifact_id)
    aliases = set(artifact.aliases.values_list("alias", flat=True))
    if aliases and not with_aliases:
        raise ArtifactRefused(f"{artifact} has the aliases {', '.join(sorted(aliases))}: delete them with it")
    _runs_touch(artifact)
    artifact.delete()
    newest = artifact.collection.artifacts.filter(version__isnull=False).order_by("-version").first()
    if LATEST in aliases and newest is not None:
        _aliases_give(newest, [LATEST])


@transaction.atomic
def collection_change(
    *,
    collection_id: uuid.UUID,
    description: str | None = None,
    type: str | None = None,
    tags_added: Sequence[str] = (),
    tags_removed: Sequence[str] = (),
) -> ArtifactCollection:
    """None means "leave as it is". Raises ArtifactMissing and ArtifactRefused."""
    collection = _collection_lock(collection_id)
    if type is not None:
        _name_check(type, "an artifact's type", _MAX_SHORT)
        collection.type = type
    collection.description = collection.description if description is None else storable(description)
    collection.tags = _tagged(collection.tags, tags_added, tags_removed)
    collection.changed_at = timezone.now()
    collection.save(update_fields=["type", "description", "tags", "changed_at"])
    return collection


@transaction.atomic
def collection_delete(*, collection_id: uuid.UUID) -> None:
    """With all its versions. Raises ArtifactMissing."""
    collection = _collection_lock(collection_id)
    for artifact in collection.artifacts.all():
        _runs_touch(artifact)
        artifact.delete()
    collection.delete()


def artifacts_purge(*, after: timedelta = FORGOTTEN_AFTER) -> int:
    """Remove versions begun so long ago and never committed, and files that no version holds; how many files."""
    limit, removed = timezone.now() - after, 0
    Artifact.objects.filter(version=None, created_at__lt=limit).delete()
    ArtifactManifest.objects.filter(artifact__version__isnull=False, created_at__lt=limit).delete()
    unused = ArtifactContent.objects.filter(needed_at__lt=limit, files=None).order_by("pk")
    for some in _batches(list(unused.values_list("pk", flat=True))):
        with transaction.atomic():
            locked = ArtifactContent.objects.select_for_update().filter(pk__in=some, needed_at__lt=limit)
            contents = dict(locked.values_list("pk", "stored_as"))
            for kept in ArtifactFile.objects.filter(content__in=list(contents)).values_list("content", flat=True):
                contents.pop(kept, None)
            ArtifactContent.objects.filter(pk__in=list(contents)).delete()
        for stored_as in contents.values():
            default_storage.delete(stored_as)
        removed += len(contents)
    return removed


def stored_of(projects: Sequence[uuid.UUID]) -> set[str]:
    """Paths in the storage that artifacts of these projects refer to."""
    of = {"artifact__collection__project__in": projects}
    return {
        *ArtifactContent.objects.filter(project__in=projects).values_list("stored_as", flat=True),
        *ArtifactManifest.objects.filter(**of).values_list("stored_as", flat=True),
        *Artifact.objects.filter(collection__project__in=projects).values_list("manifest_stored_as", flat=True),
    }


def _collection_lock(key: uuid.UUID) -> ArtifactCollection:
    found = ArtifactCollection.objects.select_for_update(of=("self",)).select_related("project").filter(pk=key).first()
    if found is None:
        raise ArtifactMissing("artifact collection not found")
    return found


def _artifact_lock(key: uuid.UUID) -> Artifact:
    """The version with its collection, which is what is locked."""
    collection = Artifact.objects.filter(pk=key).values_list("collection", flat=True).first()
    if collection is not None:
        locked = _collection_lock(collection)
        found = Artifact.objects.filter(pk=key).first()
        if found is not None:
            found.collection = locked
            return found
    raise ArtifactMissing("artifact not found")


def _collection_made(project_id: uuid.UUID, new: NewArtifact) -> ArtifactCollection:
    key = artifact_collection_id(project_id, new.name)
    fresh = ArtifactCollection(id=key, project_id=project_id, name=new.name, type=new.type)
    ArtifactCollection.objects.bulk_create([fresh], ignore_conflicts=True)
    collection = _collection_lock(key)
    if collection.type != new.type:
        raise ArtifactRefused(f"the artifact {new.name!r} is of type {collection.type!r}, not {new.type!r}")
    return collection


def _same(collection: ArtifactCollection, new: NewArtifact) -> Artifact | None:
    """What is there of the same content, or of the same writers."""
    if new.distributed_id:
        begun = collection.artifacts.filter(distributed_id=storable(new.distributed_id), version=None)
        if (found := begun.first()) is not None:
            found.wanted_aliases = list(dict.fromkeys([*found.wanted_aliases, *new.aliases]))
            found.save(update_fields=["wanted_aliases"])
            return found
    same = collection.artifacts.filter(digest=new.digest, version__isnull=False)
    return same.order_by("-version").first() if new.deduplicate else None


def _begun(collection: ArtifactCollection, new: NewArtifact) -> Artifact:
    return Artifact.objects.create(
        collection=collection,
        digest=new.digest,
        description=storable(new.description),
        metadata=new.metadata,
        tags=_tagged((), new.tags, ()),
        wanted_aliases=list(new.aliases),
        distributed_id=storable(new.distributed_id),
        history_step=new.history_step,
    )


def _lineage_note(run_id: uuid.UUID, artifact: Artifact, role: Role) -> None:
    RunArtifact.objects.bulk_create(
        [RunArtifact(run_id=run_id, artifact=artifact, role=role)], ignore_conflicts=True
    )  # fmt: skip
    bulk.runs_touch(runs=[run_id])


def _runs_touch(artifact: Artifact) -> None:
    """Their pages show it."""
    runs = artifact.runs.order_by("run").values_list("run", flat=True).distinct()
    for some in _batches(list(runs)):
        bulk.runs_touch(runs=some)


def _aliases_give(artifact: Artifact, aliases: Iterable[str]) -> None:
    rows = [
        ArtifactAlias(collection_id=artifact.collection_id, alias=alias, artifact=artifact)
        for alias in dict.fromkeys(aliases)
    ]
    ArtifactAlias.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["collection", "alias"], update_fields=["artifact"]
    )


def _content_sizes(project_id: uuid.UUID, md5s: Iterable[str]) -> dict[uuid.UUID, int]:
    sizes: dict[uuid.UUID, int] = {}
    for some in _batches(list({content_id(project_id, md5) for md5 in md5s})):
        sizes |= dict(ArtifactContent.objects.filter(pk__in=some).values_list("pk", "size"))
    return sizes


def _tagged(tags: Sequence[str], added: Sequence[str], removed: Sequence[str]) -> list[str]:
    for tag in added:
        _name_check(tag, "a tag", _MAX_SHORT)
    return [tag for tag in dict.fromkeys([*tags, *added]) if tag not in removed]


def _aliases_check(aliases: Sequence[str]) -> None:
    for alias in aliases:
        _name_check(alias, "an alias", _MAX_SHORT)
        if _VERSION.fullmatch(alias):
            raise ArtifactRefused(f"{alias!r} is no alias: it says which version")


def _name_check(name: str, what: str, longest: int) -> None:
    """Names are segments of page addresses, and `name:alias` is one text."""
    if not name.strip() or len(name) > longest or not name.isprintable() or _SEPARATORS & set(name):
        raise ArtifactRefused(f"{what} has 1 to {longest} printable characters, none of / and :")
    if name in {".", ".."}:
        raise ArtifactRefused(f"{what} is not {name!r}")


def _batches(items: list[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
