"""Mutations of runs: start, change, stop, rewind. Null means "leave as it is"."""

from __future__ import annotations

from functools import partial
from typing import Any

from ariadne import ObjectType
from graphql import GraphQLError, GraphQLResolveInfo

from projects.access import project_get_or_create
from projects.bulk import runs_change
from runs import ingest
from runs.ingest import RunChange
from runs.models import Run, StreamName
from tracker.wire.errors import Refused
from tracker.wire.graphql.context import (
    Context,
    context_of,
    run_name_check,
    run_to_write,
    run_to_write_by_id,
)
from tracker.wire.graphql.files import mutation
from tracker.wire.graphql.runs import stream_lines
from tracker.wire.hung_up import has_hung_up

payload = ObjectType("UpsertBucketPayload")

BINDINGS = [mutation, payload]

_OWN = "_wandb"
_MAX_TAG = 256


@mutation.field("upsertBucket")
def upsert_bucket(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    context = context_of(info)
    change = run_change(input)
    # A process that begins or resumes a run names its host and program; later it leaves them null.
    starts = input.get("host") is not None or input.get("jobProgram") is not None
    if input.get("id"):
        run = run_to_write_by_id(context, input["id"])
        if not starts:
            return {"bucket": _changed(context, run, change), "inserted": False}
        project, name = run.project, run.name
    else:
        name = run_name_check(input.get("name") or "")
        project = project_get_or_create(
            context.user, entity=input.get("entityName"), name=input.get("modelName") or "uncategorized"
        )
    done = ingest.run_upsert(
        project_id=project.id,
        name=name,
        user_name=context.user.username,
        change=change,
        writer=context.writer,
        starts=starts,
        # In shared mode every writer starts the same run, and none of them anew.
        overwrites=starts and not input.get("id") and not context.writer,
        gone=partial(has_hung_up, context.request),
    )
    done.run.project = project
    context.next_line[done.run.id] = done.history_lines
    return {"bucket": done.run, "inserted": done.inserted}


def _changed(context: Context, run: Run, change: RunChange) -> Run:
    changed = ingest.run_change(run_id=run.id, change=change)
    changed.project = run.project
    context.next_line[run.id] = stream_lines(run, StreamName.HISTORY)
    return changed


def run_change(said: dict[str, Any]) -> RunChange:
    """The input of upsertBucket in our words. Raises Refused for wrong shapes."""
    config, own = config_parts(said["config"]) if said.get("config") is not None else (None, None)
    summary = said.get("summaryMetrics")
    if summary is not None and not isinstance(summary, dict):
        raise Refused("summaryMetrics is no JSON object")
    tags = said.get("tags")
    if tags is not None and any(len(tag) > _MAX_TAG for tag in tags):
        raise Refused(f"a tag has at most {_MAX_TAG} characters")
    return RunChange(
        display_name=said.get("displayName"),
        group=said.get("groupName"),
        job_type=said.get("jobType"),
        notes=said.get("notes"),
        sweep=said.get("sweep"),
        host=said.get("host"),
        program=said.get("jobProgram"),
        git_remote=said.get("jobRepo"),
        git_commit=said.get("commit"),
        tags=tags,
        config=config,
        client_info=own,
        summary=summary,
    )


def config_parts(said: Any) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """`{KEY: {"value": …}}` as plain values, and the client's own entry apart."""
    if not isinstance(said, dict):
        raise Refused("config is no JSON object")
    config = {
        key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry for key, entry in said.items()
    }
    own = config.pop(_OWN, None)
    return config, own if isinstance(own, dict) else None


@payload.field("serverSettings")
def server_settings(_: Any, info: GraphQLResolveInfo) -> dict[str, Any]:
    return {"serverMessages": []}


@mutation.field("stopRun")
def stop_run(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, bool]:
    run = run_to_write_by_id(context_of(info), input["id"])
    ingest.run_stop(run_id=run.id)
    return {"success": True}


@mutation.field("deleteRun")
def delete_run(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """As the page deletes: for ten minutes the person can take it back there."""
    context = context_of(info)
    run = run_to_write_by_id(context, input["id"], deleted=True)
    runs_change(project=run.project, user=context.user, act="delete", value="", runs=[run.id])
    return {"clientMutationId": input.get("clientMutationId")}


@mutation.field("rewindRun")
def rewind_run(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    context = context_of(info)
    step = input["metricValue"]
    if input["metricName"] != "_step" or step != int(step) or abs(step) > 2**53:
        raise GraphQLError("a run is rewound to a whole _step")
    run = run_to_write(context, entity=input.get("entityName"), project=input.get("projectName"), name=input["runName"])
    rewound = ingest.run_rewind(run_id=run.id, after_step=int(step))
    rewound.project = run.project
    context.next_line[run.id] = stream_lines(run, StreamName.HISTORY)
    return {"rewoundRun": rewound}
