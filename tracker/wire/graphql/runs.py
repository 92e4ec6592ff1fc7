"""Projects and runs as the client reads them. Its `model` is a project, its `bucket` a run."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from ariadne import ObjectType
from graphql import GraphQLError, GraphQLResolveInfo

from projects.access import NotFound
from projects.models import Project
from projects.query.runset import Runset
from projects.query.selection import selected
from projects.query.table import runs_after
from runs.models import Run, Stream, StreamName
from runs.states import should_stop, state_of
from tracker.wire.graphql.context import (
    context_of,
    fields_asked,
    parse_id,
    project_to_read,
    resolver,
    run_to_read,
)
from tracker.wire.graphql.filters import filters_from, sort_from
from tracker.wire.graphql.people import query

project_type = ObjectType("Project")
run_type = ObjectType("Run")

BINDINGS = [project_type, run_type]

Connection = dict[str, Any]

# What may be megabytes of a run, and the fields that need it.
_LONG = {"config": {"config"}, "client_info": {"config", "wandbConfig"}, "summary": {"summaryMetrics"}}
_PAGE = 50
_PAGE_MAX = 1000


@query.field("project")
@query.field("model")
def project(_: Any, info: GraphQLResolveInfo, name: str | None = None, entityName: str | None = None) -> Project | None:
    try:
        return project_to_read(context_of(info), entityName, name)
    except NotFound:
        return None


@project_type.field("internalId")
def project_internal_id(source: Project, info: GraphQLResolveInfo) -> str:
    return _number(source.id)


def _number(project: uuid.UUID) -> str:
    """The client sends it back as a GraphQL Int, of 31 bits; nothing here is found by it."""
    return str(project.int >> 97)


@project_type.field("access")
def project_access(source: Project, info: GraphQLResolveInfo) -> str:
    return source.visibility.upper()


@project_type.field("readOnly")
def project_read_only(source: Project, info: GraphQLResolveInfo) -> bool:
    return not context_of(info).may_write(source.entity)


@project_type.field("isBenchmark")
def project_is_benchmark(source: Project, info: GraphQLResolveInfo) -> bool:
    return False


@project_type.field("run")
def project_run(source: Project, info: GraphQLResolveInfo, name: str) -> Run | None:
    return run_to_read(source, name)


@project_type.field("bucket")
def project_bucket(source: Project, info: GraphQLResolveInfo, name: str, missingOk: bool | None = None) -> Run | None:
    """A run about to be resumed: its counts are where the only writer goes on."""
    run = run_to_read(source, name)
    if run is None and not missingOk:
        raise GraphQLError(f"run {source}/{name} not found")
    if run is not None:
        context_of(info).next_line[run.id] = stream_lines(run, StreamName.HISTORY)
    return run


@project_type.field("runCount")
def project_run_count(source: Project, info: GraphQLResolveInfo, filters: Any = None) -> int:
    return selected(source, Runset(conditions=filters_from(source, filters))).count()


@project_type.field("runs")
def project_runs(
    source: Project,
    info: GraphQLResolveInfo,
    filters: Any = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> Connection:
    """A cursor names the run before the page, so that runs that come or go meanwhile shift nothing."""
    runset = Runset(conditions=filters_from(source, filters), sort=(sort_from(source, order or "created_at"),))
    last, _, run = (after or "").partition("-")
    start, size = page(last, first)
    ids, start = runs_after(source, runset, run=parse_id(run), place=start, size=size + 1)
    asked = fields_asked(info)
    spared = [column for column, fields in _LONG.items() if not asked & fields]
    runs = Run.objects.defer(*spared).in_bulk(ids)
    found = [runs[id] for id in ids if id in runs]
    for node in found:
        node.project = source
    return connection(found, start, size, lambda node: f"-{node.id.hex}")


def page(after: str | None, first: int | None, most: int = _PAGE_MAX) -> tuple[int, int]:
    """Where a page starts and how long it is. A cursor is the number of the entry after its own."""
    if after and not (after.isdecimal() and len(after) < 10):
        raise GraphQLError("no cursor of this server")
    return int(after or 0), max(0, min(_PAGE if first is None else first, most))


def connection(found: list[Any], start: int, size: int, after: Callable[[Any], str] = lambda node: "") -> Connection:
    """`found` holds one entry more than the page when there is another page. `after`: what else a cursor says."""
    edges = [{"node": node, "cursor": f"{start + i + 1}{after(node)}"} for i, node in enumerate(found[:size])]
    end = edges[-1]["cursor"] if edges else None
    return {"edges": edges, "pageInfo": {"endCursor": end, "hasNextPage": len(found) > size}}


def stream_lines(run: Run, stream: StreamName) -> int:
    """Lines of the run's only writer: where a resumed process goes on."""
    return Stream.objects.filter(run=run, stream=stream, writer="").values_list("lines", flat=True).first() or 0


@run_type.field("projectId")
def run_project_id(run: Run, info: GraphQLResolveInfo) -> str:
    return _number(run.project_id)


@run_type.field("description")
def run_nothing(run: Run, info: GraphQLResolveInfo) -> None:
    """Not kept apart from the notes."""
    return None


@run_type.field("user")
def run_user(run: Run, info: GraphQLResolveInfo) -> dict[str, str]:
    return {"name": run.user_name, "username": run.user_name}


@run_type.field("readOnly")
def run_read_only(run: Run, info: GraphQLResolveInfo) -> bool:
    return not context_of(info).may_write(run.project.entity)


@run_type.field("state")
def run_state(run: Run, info: GraphQLResolveInfo) -> str:
    return state_of(run, context_of(info).now).value


@run_type.field("stopped")
def run_stopped(run: Run, info: GraphQLResolveInfo) -> bool:
    return should_stop(run)


@run_type.field("config")
def run_config(run: Run, info: GraphQLResolveInfo) -> dict[str, Any]:
    config: dict[str, Any] = {key: {"value": value} for key, value in run.config.items()}
    if run.client_info:
        config["_wandb"] = {"value": run.client_info}
    return config


@run_type.field("wandbConfig")
def run_wandb_config(run: Run, info: GraphQLResolveInfo, keys: list[str] | None = None) -> dict[str, Any] | None:
    """Null or without `t`, the run counts as never started."""
    if not run.client_info:
        return None
    return {key: value for key, value in run.client_info.items() if keys is None or key in keys}


@run_type.field("historyLineCount")
def run_history_line_count(run: Run, info: GraphQLResolveInfo) -> int:
    return context_of(info).next_line.get(run.id, run.history_lines)


@run_type.field("eventsLineCount")
def run_events_line_count(run: Run, info: GraphQLResolveInfo) -> int:
    return stream_lines(run, StreamName.EVENTS)


for _field, _path in {
    "displayName": "display_name",
    "jobType": "job_type",
    "sweepName": "sweep",
    "commit": "git_commit",
    "exitcode": "exit_code",
    "createdAt": "created_at",
    "heartbeatAt": "heartbeat_at",
    "summaryMetrics": "summary",
}.items():
    run_type.set_field(_field, resolver(_path))
project_type.set_field("entityName", resolver("entity.name"))
project_type.set_field("createdAt", resolver("created_at"))
