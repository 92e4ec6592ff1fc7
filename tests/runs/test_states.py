from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Count
from django.utils import timezone

from runs.models import Run, State
from runs.states import end_state, should_stop, state_expression, state_of
from tests.factories import make_project, make_run

LIMIT = 300
CASES = [
    (State.RUNNING, 0, State.RUNNING),
    (State.RUNNING, LIMIT - 1, State.RUNNING),
    (State.RUNNING, LIMIT, State.RUNNING),
    (State.RUNNING, LIMIT + 1, State.CRASHED),
    (State.PREEMPTING, LIMIT - 1, State.PREEMPTING),
    (State.PREEMPTING, LIMIT + 1, State.PREEMPTED),
    (State.FINISHED, 10 * LIMIT, State.FINISHED),
    (State.FAILED, 10 * LIMIT, State.FAILED),
    (State.KILLED, 10 * LIMIT, State.KILLED),
    (State.PREEMPTED, 10 * LIMIT, State.PREEMPTED),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("stored", "silent_seconds", "state"), CASES)
def test_a_silent_run_has_crashed_in_python_and_in_sql(
    settings, stored: State, silent_seconds: int, state: State
) -> None:
    settings.CRASHED_AFTER_SECONDS = LIMIT
    now = timezone.now()
    run = make_run(make_project(), state=stored, heartbeat_at=now - timedelta(seconds=silent_seconds))
    assert state_of(run, now) == state
    assert Run.objects.annotate(now_state=state_expression(now)).get().now_state == state


@pytest.mark.django_db
def test_the_sql_state_filters_and_groups(settings) -> None:
    settings.CRASHED_AFTER_SECONDS = LIMIT
    now, project = timezone.now(), make_project()
    for stored, silent_seconds, _ in CASES:
        make_run(project, state=stored, heartbeat_at=now - timedelta(seconds=silent_seconds))
    runs = Run.objects.annotate(now_state=state_expression(now))
    assert runs.filter(now_state=State.CRASHED).count() == 1
    assert dict(runs.values_list("now_state").annotate(count=Count("id"))) == {
        "running": 3, "crashed": 1, "preempting": 1, "preempted": 2, "finished": 1, "failed": 1, "killed": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("exit_code", "preempting", "stop_requested", "state"),
    [
        (0, False, False, State.FINISHED),
        (0, True, True, State.FINISHED),
        (1, False, False, State.FAILED),
        (255, False, False, State.FAILED),
        (255, False, True, State.KILLED),
        (1, False, True, State.FAILED),
        (1, True, False, State.PREEMPTED),
        (-9, False, False, State.FAILED),
    ],
)
def test_the_end_depends_on_exit_code_preemption_and_the_stop_button(
    exit_code: int, preempting: bool, stop_requested: bool, state: State
) -> None:
    assert end_state(exit_code=exit_code, preempting=preempting, stop_requested=stop_requested) == state


def test_only_a_run_that_goes_on_is_to_be_stopped() -> None:
    assert should_stop(Run(state=State.RUNNING, stop_requested=True))
    assert not should_stop(Run(state=State.RUNNING))
    assert not should_stop(Run(state=State.KILLED, stop_requested=True))
