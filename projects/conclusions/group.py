"""What is to be said of one group of runs: states, how long they took, where, and in what their configs differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from projects.models import Project
from projects.query.columns import every_column
from projects.query.fields import label
from projects.query.frame import DURATION, STATE, Frame
from projects.query.from_url import group_condition
from projects.query.labels import Labels
from projects.query.runset import CONFIG, RUN, Field, Runset

MOST_VALUES = 12  # of a column or a field
MOST_COLUMNS = 200
_AT_ONCE = 100

HOST, USER = Field(RUN, "host"), Field(RUN, "user")

Counted = tuple[tuple[str, int], ...]  # values as text, each with its number of runs


@dataclass(frozen=True, slots=True)
class Varying:
    """A config column in which the runs differ: its first values in natural order, how many there are, and how many
    runs have none."""

    key: str
    values: Counted
    distinct: int
    not_set: int

    @property
    def more(self) -> int:
        return self.distinct - len(self.values)


@dataclass(frozen=True, slots=True)
class GroupOverview:
    """`wall_time` is the sum over the runs, `longest` of one. Of long lists the first."""

    name: str
    runs: int
    states: dict[str, int]
    wall_time: timedelta
    longest: timedelta
    hosts: Counted
    users: Counted
    shared: tuple[tuple[str, str], ...]  # config keys and the value that all runs have
    varying: tuple[Varying, ...]


def group_overview(project: Project, name: str) -> GroupOverview | None:
    """Of all runs of the group ("": of those without one); None if there are none. A few queries, and two for each 100
    config columns. Raises BadQuery for a name that no group can have."""
    runset = Runset(conditions=(group_condition(name),))
    frame = Frame(project, runset, keys=(STATE, HOST, USER))
    if not len(frame):
        return None
    seconds = frame.numbers(DURATION)
    seconds = seconds[np.isfinite(seconds)]
    shared: list[tuple[str, str]] = []
    varying: list[Varying] = []
    columns = [field for field in every_column(project) if field.scope == CONFIG and not field.key.startswith("_")]
    for start in range(0, len(columns), _AT_ONCE):
        some = columns[start : start + _AT_ONCE]
        part = Frame(project, runset, keys=some)
        for field in some:
            labels = part.labels(field)
            values, distinct = _counted(labels)
            missing = int(np.count_nonzero(labels.codes == len(labels)))
            if distinct == 1 and not missing:
                shared.append((label(field), values[0][0]))
            elif distinct:
                varying.append(Varying(label(field), values, distinct, missing))
    return GroupOverview(
        name=name,
        runs=len(frame),
        states=dict(_counted(frame.states)[0]),
        wall_time=timedelta(seconds=float(seconds.sum())),
        longest=timedelta(seconds=float(seconds.max(initial=0))),
        hosts=_counted(frame.labels(HOST))[0],
        users=_counted(frame.labels(USER))[0],
        shared=tuple(shared[:MOST_COLUMNS]),
        varying=tuple(varying[:MOST_COLUMNS]),
    )


def _counted(labels: Labels) -> tuple[Counted, int]:
    """The first MOST_VALUES values, and how many there are."""
    counts = np.bincount(labels.codes, minlength=len(labels) + 1)[: len(labels)]
    (present,) = np.nonzero(counts)
    return tuple((labels.pair(int(rank))[1], int(counts[rank])) for rank in present[:MOST_VALUES]), len(present)
