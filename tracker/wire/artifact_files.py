"""Bytes of artifacts: signed addresses to put and get them, and the manifests that say which file is which.

`/storage/artifacts/TOKEN` says what may be done with what; no other authorisation is asked for.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import reverse

from projects.access import visible_projects
from projects.models import Project, User
from runs import artifacts
from runs.artifacts import NewFile, content_id
from runs.models import Artifact, ArtifactContent, ArtifactFile, ArtifactManifest
from tracker.wire.auth import key_of, unauthorized, user_of
from tracker.wire.decode import MAX_BODY, json_object
from tracker.wire.errors import Refused
from tracker.wire.uploads import file_name_check, project_folder, received, sent, signed, there_check, unsigned

_SALT = "artifact"
_MAX_AGE_SECONDS = 7 * 24 * 3600
_PUT, _PUT_MANIFEST, _GET, _GET_MANIFEST = "put", "put-manifest", "get", "get-manifest"
_MD5_HEX = re.compile(r"[0-9a-f]{32}")
_MAX_REFERENCE = 4000
_LAYOUT: dict[str, Any] = {
    "version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"},
}  # fmt: skip

Manifest = dict[str, Any]


def content_upload_url(request: HttpRequest, project: uuid.UUID, md5: str) -> str:
    return _url(request, _PUT, project.hex, md5)


def manifest_upload_url(request: HttpRequest, manifest: ArtifactManifest) -> str:
    return _url(request, _PUT_MANIFEST, manifest.id.hex, manifest.digest)


def file_url(request: HttpRequest, file: ArtifactFile) -> str:
    assert file.content_id is not None
    return _url(request, _GET, file.content_id.hex, "")


def manifest_url(request: HttpRequest, artifact: Artifact) -> str:
    return _url(request, _GET_MANIFEST, artifact.id.hex, "")


def _url(request: HttpRequest, *said: str) -> str:
    return request.build_absolute_uri(reverse("wire-artifact-storage", args=[signed(list(said), _SALT)]))


def md5_check(md5: str) -> None:
    """Refuses what is no MD5 in base64."""
    try:
        whole = len(base64.b64decode(md5, validate=True)) == 16
    except (binascii.Error, ValueError):
        whole = False
    if not whole:
        raise Refused(f"{md5[:40]!r} is no MD5 in base64")


def transfer(request: HttpRequest, token: str) -> HttpResponseBase:
    """PUT or GET of what a token is for."""
    kind, id, digest = unsigned(token, _SALT, _MAX_AGE_SECONDS)
    if request.method != ("PUT" if kind in {_PUT, _PUT_MANIFEST} else "GET"):
        return HttpResponseNotAllowed(["PUT"] if kind in {_PUT, _PUT_MANIFEST} else ["GET"])
    key = uuid.UUID(id)
    if kind == _PUT:
        return _content_put(request, key, digest)
    if kind == _PUT_MANIFEST:
        return _manifest_put(request, key, digest)
    if kind == _GET:
        contents = ArtifactContent.objects.filter(pk=key, project__deleted_at=None)
        stored_as = contents.values_list("stored_as", flat=True).first()
    else:
        versions = Artifact.objects.filter(pk=key, collection__project__deleted_at=None)
        stored_as = versions.values_list("manifest_stored_as", flat=True).first()
    if not stored_as:
        raise Http404
    return sent(request, stored_as)


def _content_put(request: HttpRequest, project: uuid.UUID, md5: str) -> HttpResponse:
    there_check(Project.objects.filter(pk=project, deleted_at=None))
    stored = received(request, project_folder(project))
    with stored.unless_kept():
        if stored.md5 != md5:
            raise Refused("the bytes are not those of the digest")
        kept = artifacts.content_stored(project_id=project, md5=md5, size=stored.size, stored_as=stored.path)
    if not kept:
        default_storage.delete(stored.path)
    return HttpResponse(status=200)


def _manifest_put(request: HttpRequest, key: uuid.UUID, digest: str) -> HttpResponse:
    manifest = ArtifactManifest.objects.select_related("artifact__collection").filter(pk=key).first()
    if manifest is None:
        raise Refused("the artifact was committed or deleted", 404)
    there_check(Project.objects.filter(pk=manifest.artifact.collection.project_id, deleted_at=None))
    stored = received(request, project_folder(manifest.artifact.collection.project_id))
    with stored.unless_kept():
        if stored.md5 != digest or stored.size > MAX_BODY:
            raise Refused(f"the manifest is not that of the digest, or larger than {MAX_BODY >> 20} MiB")
        artifacts.manifest_stored(manifest_id=key, stored_as=stored.path)
    return HttpResponse(status=200)


def commit(artifact: Artifact) -> Artifact:
    """Read what was said of the files and commit. Raises Refused, ArtifactMissing and ArtifactRefused."""
    if artifact.version is not None:
        return artifact
    parts = list(artifact.manifests.select_related("base").exclude(stored_as="").order_by("created_at"))
    if not parts:
        raise Refused("the artifact's manifest has not been uploaded")
    whole = _merged(parts)
    files = [_file(name, entry) for name, entry in whole["contents"].items()]
    stored_as = parts[-1].stored_as
    if len(parts) > 1 or parts[0].base is not None:
        text = json.dumps(whole).encode("utf-8", "surrogatepass")
        folder = project_folder(artifact.collection.project_id)
        stored_as = default_storage.save(f"{folder}/{uuid.uuid4().hex}", ContentFile(text))
    return artifacts.artifact_commit(artifact_id=artifact.id, files=files, manifest_stored_as=stored_as)


def _merged(parts: list[ArtifactManifest]) -> Manifest:
    """Of several writers, each added to what there was; a part with a base begins with the files of that."""
    whole: Manifest = {**_LAYOUT, "contents": {}}
    for part in parts:
        before = _read(part.base.manifest_stored_as)["contents"] if part.base else whole["contents"]
        said = _read(part.stored_as)
        whole = {**said, "contents": before | said["contents"]}
    return whole


def _read(stored_as: str) -> Manifest:
    with default_storage.open(stored_as) as file:
        manifest = json_object(file.read().decode("utf-8", "replace"), "the manifest")
    if not isinstance(manifest.get("contents"), dict):
        raise Refused("the manifest has no contents")
    return manifest


def _file(name: str, entry: Any) -> NewFile:
    file_name_check(name)
    if not isinstance(entry, dict):
        raise Refused(f"the manifest's entry {name!r} is not understood")
    digest, size, reference = entry.get("digest"), entry.get("size"), entry.get("ref")
    if not isinstance(digest, str) or not isinstance(size, int | None) or not isinstance(reference, str | None):
        raise Refused(f"the manifest's entry {name!r} is not understood")
    if size is not None and not 0 <= size < 2**63:
        raise Refused(f"the manifest's entry {name!r} has no possible size")
    if reference:
        if max(len(reference), len(digest)) > _MAX_REFERENCE or "\0" in reference + digest:
            raise Refused(f"the reference of {name!r} is too long, or no text")
    else:
        md5_check(digest)
    return NewFile(name=name, digest=digest, size=size or 0, reference=reference or "")


def download_by_digest(request: HttpRequest, entity: str, rest: str) -> HttpResponseBase:
    """The address that a client makes up from a digest: of an entity, and perhaps a project, that its person sees."""
    person = _person(request)
    if person is None:
        return unauthorized()
    parts = rest.split("/")
    # BIRTH/DIGEST up to 0.27, then PROJECT/ARTIFACT/BIRTH/DIGEST/NAME; the digest alone in the first layout.
    digest = parts[-2] if len(parts) > 3 else parts[-1]
    if not _MD5_HEX.fullmatch(digest) or "\0" in entity:
        raise Http404
    md5 = base64.b64encode(bytes.fromhex(digest)).decode()
    projects = visible_projects(person).filter(entity__name=entity).values_list("pk", flat=True)
    ids = [content_id(project, md5) for project in projects]
    content = ArtifactContent.objects.filter(pk__in=ids, files__isnull=False).first()
    if content is None:
        raise Http404
    return sent(request, content.stored_as)


def download_by_name(request: HttpRequest, entity: str, project: str, artifact: str, name: str) -> HttpResponseBase:
    """A file of `ARTIFACT:vN`, for whoever may see the project, by API key or by the session of the site."""
    person = _person(request)
    if person is None:
        return unauthorized()
    if "\0" in entity + project + artifact + name:
        raise Http404
    owner = visible_projects(person).filter(entity__name=entity, name=project).first()
    version = owner and artifacts.artifact_named(owner.id, artifact)
    content = version and ArtifactContent.objects.filter(files__artifact=version, files__name=name).first()
    if not content:
        raise Http404
    return sent(request, content.stored_as, name)


def _person(request: HttpRequest) -> Any:
    """Whose API key it is, None for a wrong one; without a key whoever is signed in, or nobody in particular."""
    person = user_of(request) if key_of(request) else request.user
    assert person is None or isinstance(person, User) or not person.is_authenticated
    return person
