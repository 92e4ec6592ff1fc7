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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any, cast
from urllib.parse import quote

from django.conf import settings
from django.core import signing
from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix, reverse
from django.utils import timezone

from projects.access import NotFound, project_visible
from projects.models import User
from runs import artifacts, ingest
from runs.artifacts import ArtifactMissing
from runs.ingest import RunMissing
from runs.models import Run, RunFile, run_id
from tracker.wire.auth import key_of, unauthorized, user_of
from tracker.wire.decode import content_length
from tracker.wire.errors import Refused

_SALT = "run-file"
_GONE = "what this file belongs to no longer exists"
_MAX_AGE_SECONDS = 7 * 24 * 3600
_MAX_NAME = 500
_FOLDER = "runs"
ARTIFACTS = "artifacts"
# No upload takes so long: what is younger may be under way.
_LEFT_AFTER = timedelta(days=1)
_AT_ONCE = 500
_PIECE = 1 << 16
# Clients fetch files of gigabytes in parts.
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})?")
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
# What is played and cannot run. By ending: what is guessed from a name differs from machine to machine.
_PLAYED = {
    ".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".flac": "audio/flac", ".m4a": "audio/mp4",
    ".mp4": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg",
}  # fmt: skip
_TEXT_ENDINGS = (
    ".txt", ".log", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".md", ".py", ".patch", ".diff", ".csv", ".tsv", ".sh",
)  # fmt: skip
_PAGES = (".html", ".htm")
_PAGE_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_ID = re.compile(r"[0-9a-f]{32}")
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


@dataclass
class Stored:
    """Bytes in the storage; MD5 in base64."""

    path: str
    size: int = 0
    md5: str = ""

    @contextmanager
    def unless_kept(self) -> Iterator[None]:
        """They go again if nothing comes to refer to them."""
        try:
            yield
        except BaseException as error:
            default_storage.delete(self.path)
            if isinstance(error, (RunMissing, ArtifactMissing)):
                raise Refused(_GONE, 404) from None
            raise


def file_name_check(name: str) -> None:
    """Refuses names that are no relative path inside a run."""
    if not name or len(name) > _MAX_NAME:
        raise Refused(f"a file name has 1 to {_MAX_NAME} characters")
    if _HIDDEN.search(name) or any(part in {"", ".", ".."} for part in name.split("/")):
        raise Refused(f"file name {name!r} is no plain relative path")


def upload_url(request: HttpRequest, run: uuid.UUID, name: str) -> str:
    """Where to PUT a file, absolute under the name by which this client reaches us; good for seven days."""
    return request.build_absolute_uri(reverse("wire-storage", args=[signed([run.hex, name], _SALT)]))


def download_url(request: HttpRequest, *, entity: str, project: str, run: str, name: str) -> str:
    path = "/".join(quote(part, safe="") for part in (entity, project, run))
    return request.build_absolute_uri(f"{get_script_prefix()}files/{path}/{quote(name)}")


def upload(request: HttpRequest, token: str) -> HttpResponse:
    """PUT: no other authorisation than the signature."""
    run_hex, name = unsigned(token, _SALT, _MAX_AGE_SECONDS)
    run = uuid.UUID(run_hex)
    there_check(Run.objects.filter(pk=run, project__deleted_at=None))
    stored = received(request, _folder(_FOLDER, run.hex))
    with stored.unless_kept():
        former = ingest.file_stored(
            run_id=run, name=name, stored_as=stored.path, size=stored.size, md5=stored.md5,
            content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        )  # fmt: skip
    if former:
        default_storage.delete(former)
    return HttpResponse(status=200)


def there_check(owners: QuerySet[Any]) -> None:
    """Refuses, before a byte is taken, what would belong to nobody."""
    if not owners.exists():
        raise Refused(_GONE, 404)


def signed(values: list[str], salt: str) -> str:
    return signing.dumps(values, salt=salt, serializer=_Compact, compress=True)


def unsigned(token: str, salt: str, max_age: int) -> list[str]:
    """What was signed at most `max_age` seconds ago. Raises Refused."""
    try:
        values: list[str] = signing.loads(token, salt=salt, serializer=_Compact, max_age=max_age)
    except signing.BadSignature:
        raise Refused("this address is not valid, or no longer", 403) from None
    return values


def received(request: HttpRequest, folder: str) -> Stored:
    """The request's bytes, in the storage under a new name in the folder. Raises Refused, and then nothing is kept."""
    if 0 < settings.MAX_UPLOAD_BYTES < content_length(request):
        raise Refused(f"a file may have at most {settings.MAX_UPLOAD_BYTES} bytes here", 413)
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        raise Refused("a Content-Length is needed", 411)
    body = _Body(request)
    stored = Stored(f"{folder}/{secrets.token_hex(16)}")
    with stored.unless_kept():
        stored.path = default_storage.save(stored.path, File(cast("IO[bytes]", body), name=stored.path))
        if body.size != content_length(request):
            raise Refused("the request ended too early")
    stored.size, stored.md5 = body.size, body.md5
    return stored


def leftovers_delete() -> int:
    """Delete stored bytes that nothing refers to, as a server killed at the wrong moment leaves them; how many."""

    def of_runs(runs: Sequence[uuid.UUID]) -> Iterable[str]:
        return RunFile.objects.filter(run__in=runs).values_list("stored_as", flat=True)

    return _unreferenced_delete(_FOLDER, of_runs) + _unreferenced_delete(ARTIFACTS, artifacts.stored_of)


def _unreferenced_delete(root: str, referred: Callable[[Sequence[uuid.UUID]], Iterable[str]]) -> int:
    """Of the folders of owners in `root`; `referred`: the paths in use by some owners."""
    limit, deleted = timezone.now() - _LEFT_AFTER, 0
    owners = (id for prefix in _listed(root)[0] for id in _listed(f"{root}/{prefix}")[0] if _ID.fullmatch(id))
    while some := list(islice(owners, _AT_ONCE)):
        stored = [f"{_folder(root, id)}/{name}" for id in some for name in _listed(_folder(root, id))[1]]
        known = set(referred([uuid.UUID(id) for id in some]))
        for path in stored:
            with suppress(FileNotFoundError):
                if path not in known and default_storage.get_modified_time(path) < limit:
                    default_storage.delete(path)
                    deleted += 1
    return deleted


def project_folder(project: uuid.UUID) -> str:
    """Where the bytes of a project's artifacts are."""
    return _folder(ARTIFACTS, project.hex)


def _folder(root: str, owner: str) -> str:
    return f"{root}/{owner[:2]}/{owner}"


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
    answer = sent(request, file.stored_as, name, file.content_type)
    return as_page(answer) if name.lower().endswith(_PAGES) and request.GET.get("show") == "page" else answer


def sent(request: HttpRequest, stored_as: str, name: str = "", content_type: str = "") -> HttpResponseBase:
    """Stored bytes, or the range of them that is asked for; what could run in a browser only as an attachment."""
    kind, inline = shown_as(name, content_type)
    try:
        data = default_storage.open(stored_as)
    except FileNotFoundError:
        raise Http404 from None
    answer = FileResponse(data, as_attachment=not inline, filename=name.rpartition("/")[2], content_type=kind)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["Cache-Control"] = "private, no-cache"
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is not None:
        first, last = int(asked[1]), min(int(asked[2] or data.size), data.size - 1)
        if first <= last:
            data.seek(first)
            answer.streaming_content = _pieces(data, last - first + 1)
            answer.status_code = 206
            answer["Content-Length"] = str(last - first + 1)
            answer["Content-Range"] = f"bytes {first}-{last}/{data.size}"
    return answer


def as_page(answer: HttpResponseBase) -> HttpResponseBase:
    """HTML to be looked at in a frame of ours: its scripts run, but of no origin, and nothing is fetched or sent."""
    answer["Content-Type"] = "text/html; charset=utf-8"
    del answer["Content-Disposition"]
    answer["Content-Security-Policy"] = _PAGE_POLICY
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer


def _pieces(data: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (piece := data.read(min(size, _PIECE))):
        size -= len(piece)
        yield piece


def shown_as(name: str, content_type: str) -> tuple[str, bool]:
    """Content type to answer and whether a browser may show it: pictures, sound, films and plain text, nothing that
    can run."""
    if content_type in _IMAGES:
        return content_type, True
    if played := _PLAYED.get(PurePosixPath(name.lower()).suffix):
        return played, True
    if name.lower().endswith(_TEXT_ENDINGS):
        return "text/plain; charset=utf-8", True
    return "application/octet-stream", False
