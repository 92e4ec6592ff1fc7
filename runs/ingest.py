"""The only writer of runs. Every function is one transaction and may run twice: the client repeats what it got no
answer to.

Each takes the run's row lock first, so that two requests of one run come one after the other (on SQLite a transaction
holds the write lock of the whole database).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from runs.columns import storable
from runs.display_names import display_name
from runs.forks import PARENT, beginning_put, branch_point
from runs.history import store
from runs.models import (
    Alert,
    ConsoleLine,
    Level,
    Run,
    RunFile,
    Scope,
    State,
    Stream,
    StreamName,
    Trial,
    run_id,
)
from runs.rows import BATCH, console_put, tags_write, values_write
from runs.statements import Change, Question, names_of, send, together, updating
from runs.states import ENDED, end_state
from runs.step_metrics import step_metrics

T = TypeVar("T")
Json = dict[str, Any]

# What a stream's request reads and writes: the other fields of a run are many, and may be large.
_STREAMED = names_of(
    Run, "id", "project_id", "state", "exit_code", "stop_requested", "ended_at", "changed_at", "summary",
    "history_lines", "last_step", "sweep", "recent",
)  # fmt: skip
_RUN = Question(
    lambda key: Run.objects.filter(pk=key, deleted_at=None).values_list(*_STREAMED, "project__created_at"),
    [uuid.UUID],
    locking=True,
)
_STREAM = names_of(Stream)
_STREAMS = Question(
    lambda run, writer: Stream.objects.filter(Q(writer=writer) | Q(restart=True), run_id=run).values_list(*_STREAM),
    [uuid.UUID, str],
)
_REPEATED = timedelta(minutes=1)  # the client asks again within it
DIGEST = 8  # bytes
_RECENT = 32  # requests: many more than a client sends while one of its own is held up


class RunMissing(LookupError):
    """No such run, or it was deleted."""


class NobodyWaits(OSError):
    """Whoever asked has hung up, and asks or has asked again."""


class RunDeleted(RunMissing):
    """The name belongs to a run that was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """What a client says about a run; None means "leave as it is"."""

    display_name: str | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    sweep: str | None = None
    host: str | None = None
    program: str | None = None
    git_remote: str | None = None
    git_commit: str | None = None
    tags: Sequence[str] | None = None
    config: Json | None = None  # key → value, without the client's own entry
    client_info: Json | None = None  # the client's own entry
    summary: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines of a stream, the first of which has number `offset`."""

    offset: int
    lines: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """One request of a client while its run goes on. With nothing in it, a sign of life."""

    history: Lines | None = None
    events: Lines | None = None
    console: Lines | None = None
    summary: Json | None = None
    preempting: bool = False
    complete: bool = False
    exit_code: int = 0
    digest: bytes = b""  # of all of it, as it came; without one, it is never taken for a repetition


@dataclass(frozen=True, slots=True)
class Upserted:
    run: Run
    inserted: bool
    history_lines: int  # where this writer's history goes on


@transaction.atomic
def run_upsert(
    *, project_id: uuid.UUID, name: str, user_name: str, change: RunChange, writer: str = "", starts: bool = False,
    overwrites: bool = False, gone: Callable[[], bool] = lambda: False,
) -> Upserted:  # fmt: skip
    """Find or make the run `name` of a project and change it.

    `starts`: a process begins (or resumes) the run. `overwrites`: it begins anew, so what was streamed before will be
    replaced as soon as the first new line arrives; not yet now, for this may be a repetition. `gone`: whether the asker
    has hung up. Nothing else tells a request that waited for the lock until newer ones were served: that of a start
    would open a run that has ended. Raises RunDeleted and NobodyWaits.
    """
    key = run_id(project_id, name)
    run = _locking().filter(pk=key).first()
    if gone():
        raise NobodyWaits(name)
    inserted = run is None
    if run is None:
        now = timezone.now()
        fresh = Run(
            id=key, project_id=project_id, name=name, user_name=user_name, display_name=display_name(key),
            created_at=now, heartbeat_at=now, changed_at=now,
        )  # fmt: skip
        try:
            with transaction.atomic():
                fresh.save(force_insert=True)
            run = fresh
        except IntegrityError:
            # Another request made it a moment ago; its transaction is over, or this insert would still wait.
            run, inserted = _locking().get(pk=key), False
    if run.deleted_at is not None:
        raise RunDeleted(name)
    begins_at = branch_point(run, change.client_info)
    if starts and begins_at != branch_point(run, run.client_info) and (begins_at or overwrites):
        beginning_put(run, begins_at)
    changes = _change_apply(run, change, shared=bool(writer))
    if starts:
        changes |= {"state": State.RUNNING, "exit_code": None, "ended_at": None, "stop_requested": False}
    if overwrites and not inserted:
        Stream.objects.filter(run=run, lines__gt=0).exclude(writer=PARENT).update(restart=True)
    _run_save(run, changes, heartbeat=starts or run.state not in ENDED)
    history = Stream.objects.filter(run=run, stream=StreamName.HISTORY, writer=writer).first()
    return Upserted(run, inserted, 0 if history is None or history.restart else history.lines)


@transaction.atomic
def run_change(*, run_id: uuid.UUID, change: RunChange) -> Run:
    """Change a run from outside its process: no sign of life, no new state. Raises RunMissing."""
    run = _run_lock(run_id)
    _run_save(run, _change_apply(run, change, shared=False), heartbeat=False)
    return run


@transaction.atomic
def stream_accept(*, run_id: uuid.UUID, writer: str, request: StreamRequest) -> Run:
    """Store everything one request of a client holds, or nothing. Raises RunMissing and LinesRefused."""
    run, said = _streamed_lock(run_id, writer)
    streams = {(row.stream, row.writer): row for row in said}
    recent = _recent(run, request, streams)
    if request.digest in recent and not request.complete and _parts(request):
        # The client asks again, or the first of its tries was held up, by a lock or on its way, until newer requests
        # were stored. Lines tell it from a request that happens to be the same.
        _run_save(run, {}, heartbeat=True)
        return run
    changes: dict[str, Any] = {}
    rows: list[Change] = []
    touched = False
    for name, part in ((StreamName.HISTORY, request.history), (StreamName.EVENTS, request.events)):
        if part is not None and part.lines:
            changes |= _restart(run, streams, name, part.offset)
            put = store.append(
                run=run,
                stream=name,
                writer=writer,
                offset=part.offset,
                lines=part.lines,
                at=streams.get((name, writer)),
                later=rows,
            )
            touched = touched or put.added > 0
            if name == StreamName.HISTORY and put.added:
                changes["history_lines"] = changes.get("history_lines", run.history_lines) + put.added
                changes["last_step"] = max(changes.get("last_step", run.last_step), put.last_step)
    if request.console is not None and request.console.lines:
        changes |= _restart(run, streams, StreamName.CONSOLE, request.console.offset)
        part, at = request.console, streams.get((StreamName.CONSOLE, writer))
        rows += console_put(run, writer, part.offset, part.lines, at)
        touched = True
    if request.summary is not None:
        new = run.summary | request.summary if writer else request.summary
        changes |= values_write(run, Scope.SUMMARY, run.summary, new, later=rows)
    if request.complete:
        changes |= _end(run, preempting=request.preempting, exit_code=request.exit_code)
    elif request.preempting and (touched or run.state not in ENDED):
        changes["state"] = State.PREEMPTING
    elif run.state in ENDED and not writer and (touched or changes):
        # In shared mode the other writers may have more to say after the one that ends the run.
        changes |= {"state": State.RUNNING, "exit_code": None, "ended_at": None}
    if request.digest:
        run.recent = b"".join([*recent[1 - _RECENT :], request.digest])
    also = ["recent"] if request.digest else []
    _run_save(run, changes, touched=touched, heartbeat=True, also=also, rows=rows, last=not request.complete)
    if request.complete:
        store.seal(run_id=run.id)
    return run


@transaction.atomic
def run_stop(*, run_id: uuid.UUID) -> Run:
    """Ask the run's process to stop; it hears it with its next request. Raises RunMissing."""
    run = _run_lock(run_id)
    if run.state not in ENDED:
        _run_save(run, {"stop_requested": True}, heartbeat=False)
    return run


@transaction.atomic
def run_alert(*, run_id: uuid.UUID, level: Level, title: str, text: str, wait: timedelta) -> Alert | None:
    """Keep an alert; None when one of its title came less than `wait` ago, or the very same one a moment ago: that is
    the client's repetition. Raises RunMissing."""
    run = _run_lock(run_id)
    now, title, text = timezone.now(), storable(title), storable(text)
    alerts = Alert.objects.filter(run=run).order_by("-sent_at")
    for former in alerts.filter(sent_at__gt=now - max(wait, _REPEATED), title=title):
        if (wait and former.sent_at > now - wait) or (former.level, former.text) == (level, text):
            return None
    last = alerts.first()
    # Two at the same microsecond, or a clock put back.
    sent_at = max(now, last.sent_at + timedelta(microseconds=1)) if last else now
    alert = Alert.objects.create(
        run=run, project_id=run.project_id, sent_at=sent_at, level=level, title=title, text=text
    )
    _run_save(run, {}, touched=True, heartbeat=False)
    return alert


@transaction.atomic
def run_kill(*, run_id: uuid.UUID) -> Run:
    """The run's process was ended from outside, and says nothing more by itself. Raises RunMissing."""
    run = _run_lock(run_id)
    if run.state not in ENDED:
        _run_save(run, {"state": State.KILLED, "ended_at": timezone.now()}, heartbeat=False)
    return run


@transaction.atomic
def run_rewind(*, run_id: uuid.UUID, after_step: int) -> Run:
    """Forget all history after a step, to log on from there. Raises RunMissing."""
    run = _run_lock(run_id)
    store.truncate(run=run, after_step=after_step)
    # The client counts the lines of the other streams from 0 again.
    Stream.objects.filter(run=run, lines__gt=0).exclude(stream=StreamName.HISTORY).update(restart=True)
    _run_save(run, {}, touched=True, heartbeat=False)
    return run


@transaction.atomic
def file_requested(*, run_id: uuid.UUID, names: Iterable[str]) -> None:
    """Note files that will come. Raises RunMissing."""
    run = _run_lock(run_id)
    RunFile.objects.bulk_create(
        [RunFile(run=run, name=name) for name in dict.fromkeys(names)], ignore_conflicts=True, batch_size=BATCH
    )


@transaction.atomic
def file_stored(*, run_id: uuid.UUID, name: str, stored_as: str, size: int, md5: str, content_type: str) -> str:
    """A file's bytes are in the storage. Returns where the former bytes are, for the caller to remove after the commit;
    "" when there were none. Raises RunMissing.
    """
    run = _run_lock(run_id)
    former = RunFile.objects.filter(run=run, name=name).values_list("stored_as", flat=True).first() or ""
    RunFile.objects.bulk_create(
        [
            RunFile(
                run=run, name=name, stored_as=stored_as, size=size, md5=md5, content_type=content_type,
                uploaded_at=timezone.now(),
            )
        ],
        update_conflicts=True,
        unique_fields=["run", "name"],
        update_fields=["stored_as", "size", "md5", "content_type", "uploaded_at"],
    )  # fmt: skip
    _run_save(run, {}, touched=True, heartbeat=False)
    return former


@transaction.atomic
def file_delete(*, run_id: uuid.UUID, names: Iterable[str]) -> list[str]:
    """Forget files of a run. Returns where their bytes are, for the caller to remove after the commit. Raises
    RunMissing."""
    run = _run_lock(run_id)
    files = RunFile.objects.filter(run=run, name__in=[storable(name) for name in names])
    stored = [path for path in files.values_list("stored_as", flat=True) if path]
    if files.delete()[0]:
        _run_save(run, {}, touched=True, heartbeat=False)
    return stored


def _run_lock(key: uuid.UUID) -> Run:
    run = next(iter(_locking().filter(pk=key, deleted_at=None)), None)
    if run is None:
        raise RunMissing(str(key))
    return run


def _streamed_lock(key: uuid.UUID, writer: str) -> tuple[Run, list[Stream]]:
    """As `_run_lock`, without the fields that no stream asks for; and the streams of the writer or to begin anew."""
    found, streams = together((_RUN, [key]), (_STREAMS, [key, writer]))
    for *fields, made_at in found:
        run = Run.from_db(DEFAULT_DB_ALIAS, _STREAMED, fields)
        project: Any = Run._meta.get_field("project").related_model
        run.project = project.from_db(DEFAULT_DB_ALIAS, ["id", "created_at"], [run.project_id, made_at])
        return run, [Stream.from_db(DEFAULT_DB_ALIAS, _STREAM, row) for row in streams]
    raise RunMissing(str(key))


def _locking() -> QuerySet[Run]:
    """Runs with their projects, of which only the runs are locked."""
    return Run.objects.select_related("project").select_for_update(of=("self",))


def _parts(request: StreamRequest) -> list[Lines]:
    return [part for part in (request.history, request.events, request.console) if part is not None and part.lines]


def _recent(run: Run, request: StreamRequest, streams: dict[tuple[str, str], Stream]) -> list[bytes]:
    """Digests of the requests before this one; none when it begins the run anew, as all may come a second time then."""
    if any(row.restart for row in streams.values()) and any(part.offset == 0 for part in _parts(request)):
        return []
    return [bytes(run.recent[at : at + DIGEST]) for at in range(0, len(run.recent), DIGEST)]


def _run_save(
    run: Run,
    changes: dict[str, Any],
    *,
    heartbeat: bool,
    touched: bool = False,
    also: Sequence[str] = (),
    rows: Sequence[Change] = (),
    last: bool = False,
) -> None:
    """Write what differs from the row, the fields `also`, and other rows, as the `last` of a transaction. Anything a
    page shows moves changed_at on; a bare sign of life does not."""
    now = timezone.now()
    differing: dict[str, Any] = {name: value for name, value in changes.items() if _differs(getattr(run, name), value)}
    if differing or touched:
        # Never to where it was before, whatever the clocks say: by it what is kept of a run is known to be old.
        differing["changed_at"] = max(now, run.changed_at + timedelta(microseconds=1))
    if heartbeat:
        differing["heartbeat_at"] = now
    for name, value in differing.items():
        setattr(run, name, value)
    if saved := {name: getattr(run, name) for name in (*differing, *also)}:
        rows = [*rows, updating(Run, {"id": run.pk}, saved)]
    send(*rows, last=last)


def _differs(one: Any, other: Any) -> bool:
    """Also where Python finds equal what JSON tells apart, at any depth: 1 and true."""
    return one != other or (
        isinstance(one, dict) and json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)
    )


def _change_apply(run: Run, change: RunChange, *, shared: bool) -> dict[str, Any]:
    """The fields of the run row to set; tag and value rows are written here."""
    names = ("display_name", "group", "job_type", "notes", "sweep", "host", "program", "git_remote", "git_commit")
    texts = {name: getattr(change, name) for name in names}
    texts["display_name"] = texts["display_name"] or None
    changes: dict[str, Any] = {name: storable(text) for name, text in texts.items() if text is not None}
    if change.tags is not None:
        changes["tags"] = tags_write(run, change.tags)
    if change.client_info is not None:
        # Every writer sends its own entry under "e" only.
        entries = (run.client_info.get("e"), change.client_info.get("e"))
        merged = {key: entry for part in entries if isinstance(part, dict) for key, entry in part.items()}
        # In shared mode most writers know nothing of metrics and machines: what they leave empty stays.
        said = {key: part for key, part in change.client_info.items() if part or not shared}
        new = (run.client_info if shared else {}) | said | ({"e": merged} if merged else {})
        changes["client_info"] = new
        values_write(run, Scope.STEP_METRIC, step_metrics(run.client_info), step_metrics(new))
    if change.config is not None:
        # In shared mode a writer sends only what it was configured with itself.
        config = run.config | change.config if shared else change.config
        changes |= values_write(run, Scope.CONFIG, run.config, config)
    if change.summary is not None:
        changes |= values_write(run, Scope.SUMMARY, run.summary, change.summary)
    return changes


def _restart(run: Run, streams: dict[tuple[str, str], Stream], name: StreamName, offset: int) -> dict[str, Any]:
    """A run that was started anew begins at line 0 again: now is the time to drop what it had before."""
    flagged = [row for (stream, _), row in streams.items() if stream == name and row.restart]
    if not flagged:
        return {}
    writers = [row.writer for row in flagged]
    rows = Stream.objects.filter(run=run, stream=name, writer__in=writers)
    if offset > 0:
        # It goes on instead: the mark came from a repeated or a belated request.
        rows.update(restart=False)
        return {}
    for writer in writers:
        del streams[(name, writer)]
    if name == StreamName.CONSOLE:
        ConsoleLine.objects.filter(run=run, writer__in=writers).delete()
        rows.delete()
        return {}
    for writer in writers:
        store.clear(run_id=run.id, stream=name, writer=writer)
    if name != StreamName.HISTORY:
        return {}
    lines = Stream.objects.filter(run=run, stream=name).aggregate(lines=Sum("lines"))["lines"]
    return {"history_lines": lines or 0, "last_step": -1}


def _end(run: Run, *, preempting: bool, exit_code: int) -> dict[str, Any]:
    """A repeated end changes nothing: the first one's time and state stand."""
    was = run.state
    preempted = preempting or was in {State.PREEMPTING, State.PREEMPTED}
    state = end_state(exit_code=exit_code, preempting=preempted, stop_requested=run.stop_requested)
    if exit_code and run.sweep and Trial.objects.filter(run=run, stop=True).exists():
        state = State.KILLED  # by its agent, with whatever exit code that makes
    ended_at: datetime = run.ended_at if was == state and run.ended_at else timezone.now()
    return {"state": state, "exit_code": exit_code, "ended_at": ended_at}
