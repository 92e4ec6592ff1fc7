from __future__ import annotations

import itertools
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from projects.models import Project
from runs import ingest, sweeps
from runs.models import Run, State, Sweep, SweepAgent, SweepState, Trial, run_id
from runs.search.space import BadSweep
from runs.sweeps import Begin, Command, Exit, Stop, SweepMissing
from tests.factories import log_run, make_project, make_run, make_sweep, set_values

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def agent_of(sweep: Sweep) -> SweepAgent:
    return sweeps.agent_create(sweep_id=sweep.id, host="node1", user_name="ada")


def ask(agent: SweepAgent, *going_on: str) -> list[Command]:
    return sweeps.agent_heartbeat(id=agent.id, going_on=set(going_on))


def given(agent: SweepAgent, *going_on: str) -> Begin:
    (command,) = ask(agent, *going_on)
    assert isinstance(command, Begin)
    return command


def run_of(sweep: Sweep, begin: Begin, *losses: float, complete: bool = True, **summary: Any) -> Run:
    """The run a script makes of a command."""
    rows = [{"loss": loss} for loss in losses]
    return log_run(
        sweep.project, begin.run_name, rows, summary={"loss": losses[-1], **summary} if losses else summary,
        complete=complete, sweep=sweep.name, config=begin.parameters,
    )  # fmt: skip


def state_of(sweep: Sweep) -> str:
    return sweeps.state_of(sweeps.shown(Sweep.objects.filter(pk=sweep.pk)).get()).value


def silence(agent: SweepAgent) -> None:
    SweepAgent.objects.filter(pk=agent.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))


def test_a_grid_is_tried_exactly_once_and_then_over(project: Project) -> None:
    sweep = make_sweep(project, parameters={"lr": {"values": [0.1, 0.01]}, "bs": {"values": [16, 32]}})
    assert state_of(sweep) == "pending"
    agents = [agent_of(sweep), agent_of(sweep)]
    tried = []
    for turn in range(4):
        begin = given(agents[turn % 2])
        tried.append(begin.parameters)
        assert state_of(sweep) == "running"
        run_of(sweep, begin, 1.0)
    assert tried == [{"lr": lr, "bs": bs} for lr in (0.1, 0.01) for bs in (16, 32)]
    assert state_of(sweep) == "finished", "also before an agent asks again"
    assert [ask(agent) for agent in agents] == [[Exit()], [Exit()]]


def test_a_run_cap_ends_what_would_be_endless(project: Project) -> None:
    sweep = make_sweep(project, method="random", run_cap=3, parameters={"lr": {"min": 0.0, "max": 1.0}})
    agent = agent_of(sweep)
    tried = []
    for _ in range(3):
        begin = given(agent)
        tried.append(begin.parameters["lr"])
        run_of(sweep, begin, 1.0)
    assert len(set(tried)) == 3
    assert all(0 <= lr <= 1 for lr in tried)
    assert ask(agent) == [Exit()]


def test_an_answer_that_was_lost_is_given_again_but_not_for_ever(project: Project) -> None:
    sweep = make_sweep(project)
    agent = agent_of(sweep)
    first = given(agent)
    assert given(agent) == given(agent) == first
    second = given(agent)
    assert second.run_name != first.run_name
    assert second.parameters == {"lr": 0.01}


def test_an_agent_with_a_run_in_hand_gets_no_other(project: Project) -> None:
    sweep = make_sweep(project)
    agent = agent_of(sweep)
    begin = given(agent)
    assert ask(agent, begin.run_name) == []
    run_of(sweep, begin, 1.0, complete=False)
    assert ask(agent, begin.run_name) == []
    assert ask(agent, begin.run_name, "of-somebody-else") == []


def test_what_an_agent_that_fell_silent_did_not_begin_goes_to_another(project: Project) -> None:
    sweep = make_sweep(project, parameters={"lr": {"values": [0.1]}})
    dead, other = agent_of(sweep), agent_of(sweep)
    lost = given(dead)
    assert ask(other) == [], "it may still begin"
    silence(dead)
    found = given(other)
    assert found.parameters == lost.parameters
    assert found.run_name != lost.run_name
    assert [trial.number for trial in sweep.trials.all()] == [0]
    run_of(sweep, found, 1.0)
    # The former is back, with a run that began after all: nothing is to do for it, and nothing breaks.
    run_of(sweep, lost, 1.0)
    assert ask(dead) == [Exit()]


def test_a_paused_sweep_gives_nothing_and_goes_on_where_it_stopped(project: Project) -> None:
    sweep = make_sweep(project)
    agent = agent_of(sweep)
    run_of(sweep, given(agent), 1.0)
    sweeps.sweep_change(id=sweep.id, state="paused")
    assert state_of(sweep) == "paused"
    assert ask(agent) == []
    sweeps.sweep_change(id=sweep.id, state="running")
    assert given(agent).parameters == {"lr": 0.01}


def test_a_stopped_sweep_lets_its_runs_end(project: Project) -> None:
    sweep = make_sweep(project)
    busy, idle = agent_of(sweep), agent_of(sweep)
    begin = given(busy)
    run_of(sweep, begin, 1.0, complete=False)
    sweeps.sweep_change(id=sweep.id, state="finished")
    assert ask(idle) == [Exit()]
    assert ask(busy, begin.run_name) == []
    assert ask(busy) == [Exit()]
    assert Run.objects.get().state == State.RUNNING, "nobody killed it"


def test_a_canceled_sweep_ends_its_runs(project: Project) -> None:
    sweep = make_sweep(project)
    agent = agent_of(sweep)
    begin = given(agent)
    run = run_of(sweep, begin, 1.0, complete=False)
    sweeps.sweep_change(id=sweep.id, state="canceled")
    assert ask(agent, begin.run_name, "of-somebody-else") == [Stop(begin.run_name)]
    assert ask(agent, begin.run_name) == [Stop(begin.run_name)], "until it is gone"
    assert ask(agent) == [Exit()]
    run.refresh_from_db()
    assert run.state == State.KILLED
    assert run.ended_at is not None


def test_a_run_that_its_agent_ended_counts_as_killed_whatever_its_exit_code(project: Project) -> None:
    sweep = make_sweep(project)
    agent = agent_of(sweep)
    begin = given(agent)
    run = run_of(sweep, begin, 1.0, complete=False)
    sweeps.sweep_change(id=sweep.id, state="canceled")
    ask(agent, begin.run_name)
    ended = ingest.StreamRequest(complete=True, exit_code=1)
    assert ingest.stream_accept(run_id=run.id, writer="", request=ended).state == State.KILLED


@pytest.mark.parametrize(
    ("before", "after"),
    [("finished", "paused"), ("canceled", "paused"), ("canceled", "finished"), ("running", "crashed"), ("paused", "")],
)
def test_states_that_do_not_follow_are_refused(project: Project, before: str, after: str) -> None:
    sweep = make_sweep(project)
    sweeps.sweep_change(id=sweep.id, state=before)
    with pytest.raises(BadSweep, match="can't be made"):
        sweeps.sweep_change(id=sweep.id, state=after)
    assert state_of(sweep) == before


def test_a_grid_that_has_begun_keeps_its_points(project: Project) -> None:
    sweep = make_sweep(project)
    other = sweep.config | {"parameters": {"lr": {"values": [1, 2, 3]}}}
    sweeps.sweep_change(id=sweep.id, config=other)
    agent = agent_of(sweep)
    assert given(agent).parameters == {"lr": 1}
    with pytest.raises(BadSweep, match="start another sweep"):
        sweeps.sweep_change(id=sweep.id, config=other | {"parameters": {"lr": {"values": [1, 2]}}})
    with pytest.raises(BadSweep, match="start another sweep"):
        sweeps.sweep_change(id=sweep.id, config=other | {"method": "random"})
    changed = sweeps.sweep_change(id=sweep.id, config=other | {"run_cap": 2, "name": "shorter"})
    assert (changed.run_limit, changed.display_name) == (2, "shorter")


def test_the_search_by_bayes_goes_by_the_summary_of_its_own_runs(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = itertools.count()
    monkeypatch.setattr("runs.sweeps._new_name", lambda: f"seed-{next(numbers)}")
    sweep = make_sweep(
        project, method="bayes", metric={"name": "acc", "goal": "maximize"},
        parameters={"opt": {"parameters": {"lr": {"min": 0.0, "max": 1.0}}}},
    )  # fmt: skip
    agent = agent_of(sweep)
    tried = []
    for number in range(40):
        begin = given(agent)
        lr = begin.parameters["opt"]["lr"]
        tried.append(lr)
        # With `define_metric` the summary is a mapping; some runs have none.
        acc = 1 - (lr - 0.7) ** 2
        run_of(sweep, begin, 1.0, **({"acc": {"max": acc}} if number % 2 else {"acc": acc} if number % 5 else {}))
    assert sum(abs(lr - 0.7) for lr in tried[-10:]) / 10 < 0.15
    (found, best) = sweeps.best_run(sweep) or pytest.fail("there is one")
    assert best == pytest.approx(max(1 - (lr - 0.7) ** 2 for n, lr in enumerate(tried) if n % 2 or n % 5))
    assert sweeps.best_values([sweep]) == {sweep.pk: best}


def test_the_best_run_is_that_of_the_goal_without_deleted_runs_and_values_that_are_none(project: Project) -> None:
    sweep = make_sweep(project, parameters={"lr": {"values": [1, 2, 3, 4]}})
    assert sweeps.best_run(sweep) is None
    agent = agent_of(sweep)
    runs = []
    for loss in (float("nan"), 0.5, 0.1, 0.3):
        begin = given(agent)
        runs.append(run_of(sweep, begin, loss))
    make_run(project, "stranger")
    set_values(Run.objects.get(name="stranger"), summary={"loss": 0.0})
    Run.objects.filter(pk=runs[2].pk).update(deleted_at=timezone.now())
    found, best = sweeps.best_run(sweep) or pytest.fail("there is one")
    assert (found.pk, best) == (runs[3].pk, 0.3)
    assert sweeps.shown(Sweep.objects.all()).get().runs == 3


def band(**said: Any) -> dict[str, Any]:
    return {"early_terminate": {"type": "hyperband", "min_iter": 2, **said}}


def test_runs_that_are_not_among_the_best_third_are_ended_early(project: Project) -> None:
    sweep = make_sweep(project, parameters={"lr": {"values": [1, 2, 3, 4]}}, **band())
    agents = [agent_of(sweep) for _ in range(4)]
    begins = [given(agent) for agent in agents]
    for begin, loss in zip(begins, (0.1, 0.4, 0.3, 0.2), strict=True):
        run_of(sweep, begin, 9.0, loss, 9.0, complete=False)
    told = [ask(agent, begin.run_name) for agent, begin in zip(agents, begins, strict=True)]
    # The first to ask was measured together with all others.
    assert told == [[]] + [[Stop(begin.run_name)] for begin in begins[1:]]
    assert Trial.objects.get(run_name=begins[0].run_name).rungs == [0.1]
    assert [type(command) for command in ask(agents[1])] == [Exit], "no more points"
    states = [Run.objects.get(name=begin.run_name).state for begin in begins]
    assert states == ["running", "killed", "running", "running"]


def test_a_history_is_measured_once_for_each_rung(project: Project, django_assert_num_queries: Any) -> None:
    sweep = make_sweep(project, **band())
    agent = agent_of(sweep)
    begin = given(agent)
    run = run_of(sweep, begin, 3.0, complete=False)
    ask(agent, begin.run_name)
    trial = Trial.objects.get()
    assert (trial.rungs, trial.measured_lines) == ([], 0)
    lines = ingest.Lines(offset=1, lines=['{"loss": 1.0}', '{"loss": 2.0}'])
    ingest.stream_accept(run_id=run.id, writer="", request=ingest.StreamRequest(history=lines))
    ask(agent, begin.run_name)
    trial.refresh_from_db()
    assert (trial.rungs, trial.measured_lines) == ([1.0], 3)


def test_a_deleted_sweep_and_an_unknown_agent_are_missing(project: Project) -> None:
    sweep = make_sweep(project)
    agent = agent_of(sweep)
    sweep.delete()
    with pytest.raises(SweepMissing):
        ask(agent)
    with pytest.raises(SweepMissing):
        agent_of(sweep)
    with pytest.raises(SweepMissing):
        sweeps.sweep_change(id=sweep.id, state="paused")


def test_a_crashed_run_ends_a_sweep_like_any_other(project: Project) -> None:
    sweep = make_sweep(project, parameters={"lr": {"value": 1}})
    agent = agent_of(sweep)
    run = run_of(sweep, given(agent), 1.0, complete=False)
    assert state_of(sweep) == "running"
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert state_of(sweep) == SweepState.FINISHED


@pytest.mark.django_db(transaction=True)
def test_agents_that_ask_at_once_never_get_the_same_point(project: Project) -> None:
    sweep = make_sweep(project, parameters={"a": {"min": 1, "max": 6}, "b": {"values": list("xyz")}})
    found: list[Any] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            agent = agent_of(sweep)
            while isinstance(command := (ask(agent) or [None])[0], Begin):
                found.append((command.parameters["a"], command.parameters["b"]))
                make_run(project, command.run_name)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert Counter(found) == Counter((a, b) for a in range(1, 7) for b in "xyz")
    assert sorted(sweep.trials.values_list("number", flat=True)) == list(range(18))
    assert {run_id(project.id, trial.run_name) for trial in sweep.trials.all()} == set(
        Run.objects.values_list("pk", flat=True)
    )
