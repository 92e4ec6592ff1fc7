"""`POST /files/ENTITY/PROJECT/RUN/file_stream`: what a run says while it goes on. See PROTOCOL.md."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from projects.access import NotFound, ReadOnly, project_writable
from projects.models import Project, User
from runs import ingest
from runs.history.store import LinesRefused
from runs.ingest import Lines, RunMissing, StreamRequest
from runs.models import run_id
from runs.states import should_stop
from tracker import metrics
from tracker.wire.decode import body_bytes, json_envelope, json_object
from tracker.wire.errors import Refused

_HISTORY, _EVENTS, _CONSOLE, _SUMMARY = (
    "wandb-history.jsonl", "wandb-events.jsonl", "output.log", "wandb-summary.json",
)  # fmt: skip
_MAX_OFFSET = 2**53
_MAX_WRITER = 100


def file_stream(
    request: HttpRequest, user: User, target: Project | None, entity: str, project: str, run: str
) -> HttpResponse:
    """`target`: the project, if the user may write to it."""
    body = body_bytes(request)
    writer = writer_of(request)
    said = replace(stream_request(json_envelope(body)), digest=_digest(writer, body))
    try:
        if target is None:
            target = project_writable(user, entity=entity, name=project)
        stored = ingest.stream_accept(run_id=run_id(target.id, run), writer=writer, request=said)
    except ReadOnly as refusal:
        raise Refused(str(refusal), 403) from None
    except (NotFound, RunMissing):
        raise Refused(f"run {entity}/{project}/{run} not found", 404) from None
    except LinesRefused as refusal:
        raise Refused(str(refusal)) from None
    for stream, part in (("history", said.history), ("events", said.events), ("console", said.console)):
        if part:
            metrics.lines_count(stream, len(part.lines))
    answer: dict[str, Any] = {"exitcode": None, "limits": {}}
    if should_stop(stored):
        answer["stopped"] = True
    return JsonResponse(answer)


def _digest(writer: str, body: bytes) -> bytes:
    """Tells requests of a run apart; SHA-1 is what processors are quickest at."""
    found = hashlib.sha1(writer.encode(), usedforsecurity=False)
    found.update(b"\0")
    found.update(body)
    return found.digest()[: ingest.DIGEST]


def writer_of(request: HttpRequest) -> str:
    """In shared mode each writer counts its own lines and says who it is; else there is one writer, ""."""
    writer = request.headers.get("X-Wandb-Async-Client-Id") or request.headers.get("X-Wandb-Client-Id") or ""
    if len(writer) > _MAX_WRITER or not writer.isprintable():
        raise Refused("the client id is too long or has control characters")
    return writer


def stream_request(body: dict[str, Any]) -> StreamRequest:
    """The request in our words. Raises Refused for wrong shapes; parts we don't know are left alone."""
    files = body.get("files")
    if files is None:
        files = {}
    if not isinstance(files, dict):
        raise Refused("files is no object")
    exit_code = body.get("exitcode")
    if exit_code is not None and (not isinstance(exit_code, int) or not -(2**31) <= exit_code < 2**31):
        raise Refused("exitcode is no exit code")
    summary = _lines(files, _SUMMARY)
    return StreamRequest(
        history=_lines(files, _HISTORY),
        events=_lines(files, _EVENTS),
        console=_lines(files, _CONSOLE),
        summary=json_object(summary.lines[-1], "the summary") if summary and summary.lines else None,
        preempting=body.get("preempting") is True,
        complete=body.get("complete") is True,
        exit_code=int(exit_code or 0),
    )


def _lines(files: dict[str, Any], name: str) -> Lines | None:
    part = files.get(name)
    if part is None:
        return None
    if not isinstance(part, dict):
        raise Refused(f"{name} is no object")
    offset, content = part.get("offset", 0), part.get("content")
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset <= _MAX_OFFSET:
        raise Refused(f"the offset of {name} is no line number")
    if not isinstance(content, list) or not set(map(type, content)) <= {str}:
        raise Refused(f"the content of {name} is no list of lines")
    return Lines(offset=offset, lines=content)
