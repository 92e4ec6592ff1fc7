"""Sweeps: made, changed and read, and the agents that ask what to do."""

from __future__ import annotations

from typing import Any

from ariadne import ObjectType
from django.db.models import QuerySet
from graphql import GraphQLError, GraphQLResolveInfo

from projects.access import may_write, project_get_or_create, project_writable
from projects.models import Project
from runs import sweeps
from runs.models import Run, Sweep, SweepAgent, SweepState, sweep_id
from runs.search.config import config_from_yaml, config_to_yaml
from runs.states import should_stop
from runs.sweeps import Begin, Command, Stop, SweepMissing
from tracker.wire.errors import Refused
from tracker.wire.graphql.context import Context, context_of, parse_id, resolver
from tracker.wire.graphql.files import mutation
from tracker.wire.graphql.runs import Connection, connection, page, project_type, run_type

sweep_type = ObjectType("Sweep")

BINDINGS = [mutation, project_type, run_type, sweep_type]

_MOST_RUNS = 1000  # of a sweep in one answer; the client asks for pages elsewhere
_MOST_IN_HAND = 1000


@mutation.field("upsertSweep")
def upsert_sweep(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    context = context_of(info)
    config = config_from_yaml(input["config"]) if input.get("config") is not None else None
    shown: dict[str, Any] = {"display_name": input.get("displayName"), "description": input.get("description")}
    if input.get("id"):
        known = _to_write(context, input)
        state = input["state"].lower() if input.get("state") else None
        sweep = sweeps.sweep_change(id=known.pk, config=config, state=state, **shown)
        sweep.project = known.project
    else:
        if config is None:
            raise GraphQLError("a new sweep needs a configuration")
        project = project_get_or_create(
            context.user, entity=input.get("entityName"), name=input.get("projectName") or "uncategorized"
        )
        given = {name: text for name, text in shown.items() if text is not None}
        sweep = sweeps.sweep_create(project_id=project.id, user_name=context.user.username, config=config, **given)
        sweep.project = project
    return {"sweep": sweep, "configValidationWarnings": []}


def _to_write(context: Context, input: dict[str, Any]) -> Sweep:
    """The sweep an `id` means: our own id, or the name the client shows. Raises NotFound and GraphQLError."""
    if (key := parse_id(input["id"])) is None:
        project = project_writable(
            context.user, entity=input.get("entityName"), name=input.get("projectName") or "uncategorized"
        )
        key = sweep_id(project.id, input["id"])
    found = Sweep.objects.select_related("project__entity").filter(pk=key, project__deleted_at=None).first()
    if found is None or not may_write(context.user, found.project.entity):
        raise GraphQLError(f"sweep {input['id']} not found")
    return found


@mutation.field("createAgent")
def create_agent(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    context = context_of(info)
    project = project_writable(
        context.user, entity=input.get("entityName"), name=input.get("projectName") or "uncategorized"
    )
    try:
        agent = sweeps.agent_create(
            sweep_id=sweep_id(project.id, input["sweep"]), host=input["host"], user_name=context.user.username
        )
    except SweepMissing:
        raise GraphQLError(f"sweep {input['sweep']} not found") from None
    return {"agent": agent}


@mutation.field("agentHeartbeat")
def agent_heartbeat(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """404 for an agent that is not there: the client then lets its run finish, and ends."""
    key = parse_id(input["id"])
    there = SweepAgent.objects.select_related("sweep__project__entity").filter(sweep__project__deleted_at=None)
    agent = there.filter(pk=key).first() if key else None
    if agent is None or not may_write(context_of(info).user, agent.sweep.project.entity):
        raise Refused("agent not found", 404)
    said = input.get("runState") or {}
    if not isinstance(said, dict) or len(said) > _MOST_IN_HAND:
        raise Refused(f"runState is a JSON object of at most {_MOST_IN_HAND} runs")
    try:
        commands = sweeps.agent_heartbeat(id=agent.pk, going_on={name for name, alive in said.items() if alive})
    except SweepMissing:
        raise Refused("agent not found", 404) from None
    program = agent.sweep.config.get("program")
    return {"agent": agent, "commands": [_command(command, program) for command in commands]}


def _command(command: Command, program: Any) -> dict[str, Any]:
    match command:
        case Begin():
            arguments = {name: {"value": value} for name, value in command.parameters.items()}
            return {"type": "run", "run_id": command.run_name, "args": arguments, "program": program, "logs": []}
        case Stop():
            return {"type": "stop", "run_id": command.run_name}
        case _:
            return {"type": "exit"}


def _of(project: Project) -> QuerySet[Sweep]:
    return sweeps.shown(Sweep.objects.filter(project=project))


@project_type.field("sweep")
def project_sweep(source: Project, info: GraphQLResolveInfo, sweepName: str) -> Sweep | None:
    found = _of(source).filter(pk=sweep_id(source.id, sweepName)).first()
    return None if found is None else _with_best([found], source)[0]


@project_type.field("totalSweeps")
def project_total_sweeps(source: Project, info: GraphQLResolveInfo) -> int:
    return Sweep.objects.filter(project=source).count()


@project_type.field("sweeps")
def project_sweeps(
    source: Project, info: GraphQLResolveInfo, after: str | None = None, first: int | None = None
) -> Connection:
    start, size = page(after, first)
    found = list(_of(source).order_by("-created_at", "id")[start : start + size + 1])
    return connection(_with_best(found, source), start, size)


def _with_best(found: list[Sweep], project: Project) -> list[Sweep]:
    best = sweeps.best_values(found)
    for sweep in found:
        sweep.project = project  # spares a query
        sweep.best = best.get(sweep.pk)  # type: ignore[attr-defined]
    return found


@sweep_type.field("displayName")
def sweep_display_name(sweep: Sweep, info: GraphQLResolveInfo) -> str | None:
    return sweep.display_name or None


@sweep_type.field("state")
def sweep_state(sweep: Sweep, info: GraphQLResolveInfo) -> str:
    state = sweeps.state_of(sweep) if sweeps.is_shown(sweep) else SweepState(sweep.state)
    return state.upper()


@sweep_type.field("config")
def sweep_config(sweep: Sweep, info: GraphQLResolveInfo) -> str:
    return config_to_yaml(sweep.config)


@sweep_type.field("bestLoss")
def sweep_best_loss(sweep: Sweep, info: GraphQLResolveInfo) -> float | None:
    return getattr(sweep, "best", None)


@sweep_type.field("runCount")
def sweep_run_count(sweep: Sweep, info: GraphQLResolveInfo) -> int:
    return getattr(sweep, "runs", 0)


@sweep_type.field("runCountExpected")
def sweep_run_count_expected(sweep: Sweep, info: GraphQLResolveInfo) -> int | None:
    limit = sweep.run_limit
    return limit if limit is not None and limit < 2**31 else None


@sweep_type.field("earlyStopJobRunning")
def sweep_early_stop_job_running(sweep: Sweep, info: GraphQLResolveInfo) -> bool:
    """Agents are told with their heartbeats: there is no job."""
    return False


@sweep_type.field("controller")
@sweep_type.field("scheduler")
def sweep_nothing(sweep: Sweep, info: GraphQLResolveInfo) -> None:
    return None


@sweep_type.field("runs")
def sweep_runs(sweep: Sweep, info: GraphQLResolveInfo) -> Connection:
    runs = Run.objects.filter(trial__sweep=sweep, deleted_at=None).order_by("trial__number")
    found = list(runs[: _MOST_RUNS + 1])
    for run in found:
        run.project = sweep.project
    return connection(found, 0, _MOST_RUNS)


@run_type.field("shouldStop")
def run_should_stop(run: Run, info: GraphQLResolveInfo) -> bool:
    return should_stop(run)


for _field, _path in {
    "createdAt": "created_at",
    "updatedAt": "changed_at",
    "heartbeatAt": "heartbeat_at",
}.items():
    sweep_type.set_field(_field, resolver(_path))
