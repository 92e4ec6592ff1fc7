"""The life of a run: which state a stored one means now, and how a run ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, F, TextField, Value, When

from runs.models import Run, State

# A run that is silent for too long has come to this end, whatever the row says.
AFTER_SILENCE = {State.RUNNING: State.CRASHED, State.PREEMPTING: State.PREEMPTED}

ENDED = frozenset({State.FINISHED, State.FAILED, State.CRASHED, State.KILLED, State.PREEMPTED})

# As pages list them: what goes on or went wrong comes first.
SHOWN_ORDER = (
    State.RUNNING,
    State.PREEMPTING,
    State.CRASHED,
    State.FAILED,
    State.KILLED,
    State.PREEMPTED,
    State.FINISHED,
)

# What Ctrl-C and the stop button make of a process.
_INTERRUPTED = 255


def alive_since(now: datetime) -> datetime:
    """A run with a sign of life before this moment counts as silent."""
    return now - timedelta(seconds=settings.CRASHED_AFTER_SECONDS)


def state_of(run: Run, now: datetime) -> State:
    state = State(run.state)
    return AFTER_SILENCE.get(state, state) if run.heartbeat_at < alive_since(now) else state


def state_expression(now: datetime) -> Case:
    """The same as SQL text, to filter, sort, annotate and group by."""
    limit = alive_since(now)
    return Case(
        *(When(state=before, heartbeat_at__lt=limit, then=Value(after)) for before, after in AFTER_SILENCE.items()),
        default=F("state"),
        output_field=TextField(),
    )


def should_stop(run: Run) -> bool:
    """Whether the run's process is still to be told to stop."""
    return run.stop_requested and run.state not in ENDED


def end_state(*, exit_code: int, preempting: bool, stop_requested: bool) -> State:
    """The state of a run whose client said it is complete."""
    if exit_code == 0:
        return State.FINISHED
    if stop_requested and exit_code == _INTERRUPTED:
        return State.KILLED
    return State.PREEMPTED if preempting else State.FAILED
