"""Files of a run: signed URLs to put them, and their way back. Bytes are streamed to Django's default storage.

Where bytes are kept never depends on a client's name for them, only on the run and a random part.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import re
import secrets
import uuid
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import IO, Any, cast
from urllib.parse import quote

from django.core import signing
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from projects.access import NotFound, project_visible
from projects.models import User
from runs import ingest
from runs.ingest import RunMissing
from runs.models import RunFile, run_id
from tracker.wire.auth import key_of, unauthorized, user_of
from tracker.wire.decode import content_length
from tracker.wire.errors import Refused

_SALT = "run-file"
_MAX_AGE_SECONDS = 7 * 24 * 3600
_MAX_NAME = 500
_FOLDER = "runs"
# No upload takes so long: what is younger may be under way.
_LEFT_AFTER = timedelta(days=1)
_AT_ONCE = 500
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
_TEXT_ENDINGS = (
    ".txt", ".log", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".md", ".py", ".patch", ".diff", ".csv", ".tsv", ".sh",
)  # fmt: skip
_RUN = re.compile(r"[0-9a-f]{32}")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\\]")


class _Compact:
    """Signs names as UTF-8: \\u escapes would make the URL of a long name longer than servers take."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class _Body:
    """A request's bytes as a readable file that knows afterwards how many they were and their MD5."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def read(self, size: int = 1 << 16) -> bytes:
        data = self._request.read(size)
        self._md5.update(data)
        self.size += len(data)
        return data

    @property
    def md5(self) -> str:
        return base64.b64encode(self._md5.digest()).decode()


def file_name_check(name: str) -> None:
    """Refuses names that are no relative path inside a run."""
    if not name or len(name) > _MAX_NAME:
        raise Refused(f"a file name has 1 to {_MAX_NAME} characters")
    if _HIDDEN.search(name) or any(part in {"", ".", ".."} for part in name.split("/")):
        raise Refused(f"file name {name!r} is no plain relative path")


def upload_url(request: HttpRequest, run: uuid.UUID, name: str) -> str:
    """Where to PUT a file, absolute under the name by which this client reaches us; good for seven days."""
    token = signing.dumps([run.hex, name], salt=_SALT, serializer=_Compact, compress=True)
    return request.build_absolute_uri(f"/storage/{token}")


def download_url(request: HttpRequest, *, entity: str, project: str, run: str, name: str) -> str:
    path = "/".join(quote(part, safe="") for part in (entity, project, run))
    return request.build_absolute_uri(f"/files/{path}/{quote(name)}")


def upload(request: HttpRequest, token: str) -> HttpResponse:
    """PUT: no other authorisation than the signature."""
    try:
        run_hex, name = signing.loads(token, salt=_SALT, serializer=_Compact, max_age=_MAX_AGE_SECONDS)
    except signing.BadSignature:
        raise Refused("this upload address is not valid, or no longer", 403) from None
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        raise Refused("a Content-Length is needed", 411)
    run = uuid.UUID(run_hex)
    body = _Body(request)
    stored_as = f"{_folder(run.hex)}/{secrets.token_hex(16)}"
    try:
        stored_as = default_storage.save(stored_as, File(cast("IO[bytes]", body), name=stored_as))
        if body.size != content_length(request):
            raise Refused("the request ended too early")
        former = ingest.file_stored(
            run_id=run, name=name, stored_as=stored_as, size=body.size, md5=body.md5,
            content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        )  # fmt: skip
    except BaseException as error:
        default_storage.delete(stored_as)
        if isinstance(error, RunMissing):
            raise Refused("the run of this file no longer exists", 404) from None
        raise
    if former:
        default_storage.delete(former)
    return HttpResponse(status=200)


def leftovers_delete() -> int:
    """Delete stored bytes that no run refers to, which is what a server killed at the wrong moment leaves; how many."""
    limit, deleted = timezone.now() - _LEFT_AFTER, 0
    runs = (run for prefix in _listed(_FOLDER)[0] for run in _listed(f"{_FOLDER}/{prefix}")[0] if _RUN.fullmatch(run))
    while some := list(islice(runs, _AT_ONCE)):
        stored = [f"{_folder(run)}/{name}" for run in some for name in _listed(_folder(run))[1]]
        known = set(RunFile.objects.filter(run__in=map(uuid.UUID, some)).values_list("stored_as", flat=True))
        for path in stored:
            with suppress(FileNotFoundError):
                if path not in known and default_storage.get_modified_time(path) < limit:
                    default_storage.delete(path)
                    deleted += 1
    return deleted


def _folder(run: str) -> str:
    return f"{_FOLDER}/{run[:2]}/{run}"


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """Folders and files in a folder; none when it isn't there."""
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []


def download(request: HttpRequest, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
    """GET: for whoever may see the project, by API key or by the session of the site."""
    person = user_of(request) if key_of(request) else request.user
    if person is None:
        return unauthorized()
    assert isinstance(person, User) or not person.is_authenticated
    try:
        target = project_visible(person, entity=entity, name=project)
    except NotFound:
        raise Http404 from None
    file = (
        RunFile.objects.filter(run=run_id(target.id, run), run__deleted_at=None, name=name)
        .exclude(stored_as="")
        .first()
    )
    if file is None:
        raise Http404
    kind, inline = shown_as(name, file.content_type)
    try:
        data = default_storage.open(file.stored_as)
    except FileNotFoundError:
        raise Http404 from None
    answer = FileResponse(data, as_attachment=not inline, filename=name.rpartition("/")[2], content_type=kind)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["Cache-Control"] = "private, no-cache"
    return answer


def shown_as(name: str, content_type: str) -> tuple[str, bool]:
    """Content type to answer and whether a browser may show it: pictures and plain text, nothing that can run."""
    if content_type in _IMAGES:
        return content_type, True
    if name.lower().endswith(_TEXT_ENDINGS):
        return "text/plain; charset=utf-8", True
    return "application/octet-stream", False
