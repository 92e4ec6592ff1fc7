"""Sweeps, their agents, and what those are told. Every function that writes is one transaction; all may be repeated.

Nothing is kept in memory: each heartbeat decides by what is stored, under the lock of the sweep's row, so that no two
agents get the same point of a grid.
"""

from __future__ import annotations

import json
import secrets
import string
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, TypeGuard

from django.db import transaction
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from runs import ingest
from runs.columns import column_id, storable
from runs.history import store
from runs.history.shapes import Points
from runs.models import ColumnValue, Run, Scope, State, Sweep, SweepAgent, SweepState, Trial, run_id, sweep_id
from runs.search.bayes import Outcome, suggested
from runs.search.config import Metric, SweepConfig, grid_point, grid_size, nested, sweep_config, values_of
from runs.search.hyperband import best_at, stopped
from runs.search.space import BadSweep, drawn
from runs.states import AFTER_SILENCE, alive_since

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Counted(TypedDict):
        """How many runs there are, and whether one is going on."""

        runs: int
        going_on: bool

    Shown = WithAnnotations[Sweep, Counted]

_NAME_LETTERS = string.ascii_lowercase + string.digits
_LONGEST = 2**62
# A trial is given again while no run of it has appeared, but not for ever: its script may never start one.
_TIMES = 3
# The latest outcomes that a suggestion stands on; with so many it costs 0.2 s.
_OUTCOMES = 500
_MEASURED_AT_ONCE = 100

OPEN = frozenset({SweepState.PENDING, SweepState.RUNNING})
# From which states each can be asked for. What was stopped or canceled by mistake may go on.
CHANGES: dict[str, frozenset[str]] = {
    SweepState.RUNNING: frozenset(SweepState.values),
    SweepState.PAUSED: frozenset({*OPEN, SweepState.PAUSED}),
    SweepState.FINISHED: frozenset({*OPEN, SweepState.PAUSED, SweepState.FINISHED}),
    SweepState.CANCELED: frozenset(SweepState.values),
}


class SweepMissing(LookupError):
    """No such sweep, or no such agent."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Run the sweep's program with these parameters, as the run of this name."""

    run_name: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    run_name: str


@dataclass(frozen=True, slots=True)
class Exit:
    """There is nothing more to do."""


Command = Begin | Stop | Exit


@transaction.atomic
def sweep_create(
    *, project_id: uuid.UUID, config: Mapping[str, Any], user_name: str = "", display_name: str = "",
    description: str = "",
) -> Sweep:  # fmt: skip
    """Raises BadSweep."""
    checked = sweep_config(config)
    name = _new_name()
    return Sweep.objects.create(
        id=sweep_id(project_id, name), project_id=project_id, name=name, user_name=user_name, config=config,
        display_name=storable(display_name or _text(config, "name")),
        description=storable(description or _text(config, "description")),
        method=checked.method, run_limit=_run_limit(checked),
    )  # fmt: skip


@transaction.atomic
def sweep_change(
    *, id: uuid.UUID, config: Mapping[str, Any] | None = None, state: str | None = None,
    display_name: str | None = None, description: str | None = None,
) -> Sweep:  # fmt: skip
    """None leaves as it is. Raises SweepMissing, and BadSweep for what can't be asked of this sweep now."""
    sweep = _sweep_lock(id)
    if config is not None:
        checked = sweep_config(config)
        if sweep.given and "grid" in (sweep.method, checked.method) and _search(config) != _search(sweep.config):
            raise BadSweep("the points of a grid that has begun can't change; start another sweep")
        sweep.config, sweep.method, sweep.run_limit = dict(config), checked.method, _run_limit(checked)
        display_name = display_name or _text(config, "name") or None
        description = description or _text(config, "description") or None
    if state is not None:
        if state not in CHANGES:
            raise BadSweep(f"a sweep can't be made {state}; only {', '.join(CHANGES)}")
        if sweep.state not in CHANGES[state]:
            raise BadSweep(f"a sweep that is {sweep.state} can't be made {state}")
        sweep.state = state
    sweep.display_name = sweep.display_name if display_name is None else storable(display_name)
    sweep.description = sweep.description if description is None else storable(description)
    sweep.changed_at = timezone.now()
    sweep.save()
    return sweep


@transaction.atomic
def agent_create(*, sweep_id: uuid.UUID, host: str, user_name: str) -> SweepAgent:
    """Raises SweepMissing."""
    sweep = _sweep_lock(sweep_id)
    if sweep.state == SweepState.PENDING:
        sweep.state, sweep.changed_at = SweepState.RUNNING, timezone.now()
        sweep.save(update_fields=["state", "changed_at"])
    return SweepAgent.objects.create(sweep=sweep, host=storable(host), user_name=user_name)


def agent_heartbeat(*, id: uuid.UUID, going_on: Collection[str]) -> list[Command]:
    """What an agent is to do now; `going_on`: names of the runs it has in hand. Raises SweepMissing.

    No answer is relied on: a trial of which no run has begun is given again, under the same name to the same agent.
    """
    agent = SweepAgent.objects.select_related("sweep").filter(pk=id).first()
    if agent is None:
        raise SweepMissing(f"agent {id}")
    config = sweep_config(agent.sweep.config)
    # What takes long goes before the lock.
    proposal = None
    if going_on:
        _rungs_measure(agent.sweep, config)
    elif config.method != "grid" and agent.sweep.state in OPEN and not exhausted(agent.sweep):
        proposal = _proposal(agent.sweep, config)
    with transaction.atomic():
        sweep = _sweep_lock(agent.sweep_id)
        now = timezone.now()
        SweepAgent.objects.filter(pk=agent.pk).update(heartbeat_at=now)
        Sweep.objects.filter(pk=sweep.pk).update(heartbeat_at=now)
        _kills_note(agent, going_on)
        if going_on:
            return [Stop(name) for name in _stops(sweep, config, going_on)]
        if sweep.state not in OPEN:
            return [] if sweep.state == SweepState.PAUSED else [Exit()]
        return _next(sweep, config, agent, proposal, now)


def _next(
    sweep: Sweep, config: SweepConfig, agent: SweepAgent, proposal: tuple[str, list[Any]] | None, now: datetime
) -> list[Command]:
    """What an agent without a run is to do, in an open sweep."""
    waiting = False
    for trial in _unbegun(sweep.trials.all()).select_related("agent").order_by("number"):
        if trial.agent_id == agent.pk:
            Trial.objects.filter(pk=trial.pk).update(times=trial.times + 1, given_at=now)
            return [Begin(trial.run_name, trial.parameters)]
        if trial.agent.heartbeat_at < alive_since(now):
            # Under a new name, for the former agent may be back some day.
            trial.delete()
            return [_give(sweep, agent, trial.number, trial.parameters, _new_name(), trial.times + 1)]
        waiting = True
    if exhausted(sweep):
        return [] if waiting else [Exit()]
    if config.method == "grid":
        name, values = _new_name(), grid_point(config.parameters, sweep.given)
    elif proposal is not None:
        name, values = proposal
    else:
        return []  # it was opened a moment ago: the next heartbeat brings one
    begin = _give(sweep, agent, sweep.given, nested(config.parameters, values), name, 1)
    Sweep.objects.filter(pk=sweep.pk).update(given=F("given") + 1, state=SweepState.RUNNING)
    return [begin]


def _give(sweep: Sweep, agent: SweepAgent, number: int, parameters: dict[str, Any], name: str, times: int) -> Begin:
    Trial.objects.create(
        run_id=run_id(sweep.project_id, name), sweep=sweep, agent=agent, run_name=name, number=number,
        parameters=parameters, times=times,
    )  # fmt: skip
    return Begin(name, parameters)


def _unbegun(trials: QuerySet[Trial]) -> QuerySet[Trial]:
    """Those that may still be given again: no run of theirs has appeared."""
    return trials.filter(~Exists(Run.objects.filter(pk=OuterRef("run_id"))), times__lt=_TIMES)


def exhausted(sweep: Sweep) -> bool:
    """Whether all has been given out that there is to try."""
    return sweep.run_limit is not None and sweep.given >= sweep.run_limit


def _proposal(sweep: Sweep, config: SweepConfig) -> tuple[str, list[Any]]:
    """A run's name and its values. The name is the seed: agents that ask at once get different ones."""
    name = _new_name()
    if config.method == "random":
        return name, drawn(config.parameters, name)
    assert config.metric is not None
    past = _outcomes(sweep, config, config.metric)
    return name, suggested(config.parameters, past, maximize=config.metric.maximize, seed=name)


def _outcomes(sweep: Sweep, config: SweepConfig, metric: Metric) -> list[Outcome]:
    """Of the latest trials, in the order given out. Two queries."""
    now = timezone.now()
    trials = list(sweep.trials.order_by("-number")[:_OUTCOMES])
    runs = Run.objects.filter(pk__in=[trial.pk for trial in trials], deleted_at=None)
    alive = dict(runs.annotate(alive=_alive(now)).values_list("pk", "alive"))
    found: dict[uuid.UUID, dict[uuid.UUID, float]] = {}
    columns = _objective_columns(sweep.project_id, metric)
    rows = ColumnValue.objects.filter(run__in=list(alive), column__in=columns).filter(number__isnull=False)
    for run, column, number in rows.values_list("run_id", "column_id", "number"):
        assert number is not None
        found.setdefault(run, {})[column] = number
    return [
        Outcome(
            values_of(config.parameters, trial.parameters),
            next((found[trial.pk][column] for column in columns if column in found.get(trial.pk, {})), None),
            alive.get(trial.pk, True),
        )
        for trial in reversed(trials)
    ]


def _alive(now: datetime) -> ExpressionWrapper:
    alive = Q(state__in=AFTER_SILENCE, heartbeat_at__gte=alive_since(now))
    return ExpressionWrapper(alive, output_field=BooleanField())


def _objective_columns(project: uuid.UUID, metric: Metric) -> list[uuid.UUID]:
    """The summary columns that may say how good a run is, of which the first that it has counts. With `define_metric`
    a metric's entry is a mapping of statistics."""
    keys = (metric.name, f"{metric.name}.{'max' if metric.maximize else 'min'}", f"{metric.name}.best")
    return [column_id(project, Scope.SUMMARY, key) for key in keys]


def _rungs_measure(sweep: Sweep, config: SweepConfig) -> None:
    """Note what runs were like at the rungs they have reached since; a history is read once for each rung."""
    band, metric = config.early_terminate, config.metric
    if band is None or metric is None:
        return
    trials = sweep.trials.filter(run__history_lines__gt=F("measured_lines")).annotate(lines=F("run__history_lines"))
    due = {
        trial.pk: trial
        for trial in trials
        if len(trial.rungs) < len(band.rungs) and trial.lines >= band.rungs[len(trial.rungs)]
    }
    keys = list(due)[:_MEASURED_AT_ONCE]
    if not keys:
        return
    points = store.read(
        column_id=column_id(sweep.project_id, Scope.HISTORY, metric.name), run_ids=keys, exact_below=2**62
    )
    assert isinstance(points, Points)
    for place, key in enumerate(keys):
        values = points.y[points.offsets[place] : points.offsets[place + 1]]
        due[key].rungs = best_at(values, band.rungs, maximize=metric.maximize)
        due[key].measured_lines = due[key].lines
    Trial.objects.bulk_update([due[key] for key in keys], ["rungs", "measured_lines"])


def _stops(sweep: Sweep, config: SweepConfig, going_on: Collection[str]) -> list[str]:
    """Of the runs an agent has in hand, those it is to end. They are told again until they are gone."""
    own = {run_id(sweep.project_id, name): name for name in going_on}
    mine = sweep.trials.filter(pk__in=list(own))
    doomed: Iterable[uuid.UUID] = ()
    if sweep.state == SweepState.CANCELED:
        doomed = list(own)
    elif config.early_terminate is not None and config.metric is not None:
        reached = {key.hex: rungs for key, rungs in sweep.trials.values_list("pk", "rungs") if rungs}
        worse = stopped(config.early_terminate, reached, maximize=config.metric.maximize)
        doomed = [key for key in own if key.hex in worse]
    mine.filter(pk__in=doomed).update(stop=True)
    return sorted(mine.filter(stop=True).values_list("run_name", flat=True))


def _kills_note(agent: SweepAgent, going_on: Collection[str]) -> None:
    """A process that its agent ended says no word of it; the agent does, by not having it any more."""
    gone = Trial.objects.filter(sweep=agent.sweep_id, agent=agent, stop=True, run__state=State.RUNNING)
    for key in gone.exclude(run_name__in=list(going_on)).values_list("pk", flat=True):
        ingest.run_kill(run_id=key)


def shown(sweeps: QuerySet[Sweep]) -> QuerySet[Shown]:
    """Sweeps with what state_of goes by."""
    now = timezone.now()
    trials = Trial.objects.filter(sweep=OuterRef("pk"))
    begun = trials.filter(run__deleted_at=None)
    counted = begun.order_by().values("sweep").annotate(runs=Count("run__id")).values("runs")
    alive = begun.filter(run__state__in=AFTER_SILENCE, run__heartbeat_at__gte=alive_since(now))
    awaited = _unbegun(trials).filter(agent__heartbeat_at__gte=alive_since(now))
    return sweeps.annotate(runs=Coalesce(Subquery(counted), 0), going_on=Exists(alive) | Exists(awaited))


def is_shown(sweep: Sweep) -> TypeGuard[Shown]:
    """Whether it came through `shown`."""
    return hasattr(sweep, "going_on")


def state_of(sweep: Shown) -> SweepState:
    """The state as of now of a sweep: finished also when there is nothing more to come."""
    state = SweepState(sweep.state)
    return SweepState.FINISHED if state in OPEN and exhausted(sweep) and not sweep.going_on else state


def best_values(sweeps: Collection[Sweep]) -> dict[uuid.UUID, float]:
    """The best value of each sweep's metric, where there is one. One query."""
    metrics = {sweep.pk: (sweep, metric) for sweep in sweeps if (metric := sweep_config(sweep.config).metric)}
    columns = {key: _objective_columns(sweep.project_id, metric) for key, (sweep, metric) in metrics.items()}
    rows = (
        ColumnValue.objects.filter(
            column__in=[id for ids in columns.values() for id in ids],
            run__trial__sweep__in=list(metrics),
            run__deleted_at=None,
        )
        .exclude(number=None)
        .order_by()
        .values_list("run__trial__sweep", "column")
        .annotate(least=Min("number"), most=Max("number"))
    )
    ends = {(sweep, column): (least, most) for sweep, column, least, most in rows}
    found: dict[uuid.UUID, float] = {}
    for key, (_, metric) in metrics.items():
        numbers = [ends[key, column][metric.maximize] for column in columns[key] if (key, column) in ends]
        if numbers:
            found[key] = max(numbers) if metric.maximize else min(numbers)
    return found


def best_run(sweep: Sweep) -> tuple[Run, float] | None:
    """The run with the best value of the metric, the first of equals, and that value. A query or two."""
    metric, best = sweep_config(sweep.config).metric, best_values([sweep]).get(sweep.pk)
    if metric is None or best is None:
        return None
    columns = _objective_columns(sweep.project_id, metric)
    runs = Run.objects.filter(
        trial__sweep=sweep, deleted_at=None, column_values__column__in=columns, column_values__number=best
    )
    run = runs.order_by("trial__number").first()
    return None if run is None else (run, best)


def _sweep_lock(key: uuid.UUID) -> Sweep:
    sweep = Sweep.objects.select_for_update().filter(pk=key).first()
    if sweep is None:
        raise SweepMissing(str(key))
    return sweep


def _run_limit(config: SweepConfig) -> int | None:
    limits = [config.run_cap] if config.run_cap is not None else []
    if config.method == "grid":
        limits.append(min(grid_size(config.parameters), _LONGEST))
    return min(limits, default=None)


def _search(config: Mapping[str, Any]) -> str:
    """What a grid's points depend on; their order is that of the keys."""
    return json.dumps([config.get("method"), config.get("parameters")])


def _text(config: Mapping[str, Any], key: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) else ""


def _new_name() -> str:
    return "".join(secrets.choice(_NAME_LETTERS) for _ in range(8))
