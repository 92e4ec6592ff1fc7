"""What the API answers, as types: views make them, and the schema is read off them.

Numbers are JSON's, exact to the last bit; null where there is none. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

Numbers = list[float | None]
Scalar = str | float | None


class Refusal(TypedDict):
    """Why there is no answer."""

    detail: str


class BadRequest(Refusal, total=False):
    """Why the question means nothing. `errors`: of panel settings, what is wrong with each."""

    errors: dict[str, str]


class ProjectRow(TypedDict):
    entity: str
    name: str
    created_at: datetime


class ProjectsPage(TypedDict):
    """`next`: the address of the page after this one; null after the last."""

    total: int
    next: str | None
    projects: list[ProjectRow]


class ProjectAnswer(TypedDict):
    """A project, and of the runs that the query string asks for how many there are, in which `states`, in how many
    `groups` (null: not grouped). `links`: the addresses that answer more of the same question."""

    entity: str
    name: str
    description: str
    created_at: datetime
    runs: int
    states: dict[str, int]
    groups: int | None
    links: dict[str, str]


class RunRow(TypedDict):
    """`values`: of the table's columns, as far as the run has them; what is no finite number is text."""

    id: str
    name: str
    group: str
    job_type: str
    state: str
    created_at: datetime
    values: dict[str, str | float]


class RunsPage(TypedDict):
    """`next`: the address of the page after this one, which goes on behind its last run though others have come or gone
    meanwhile; null after the last."""

    total: int
    page: int
    next: str | None
    runs: list[RunRow]


class RunAnswer(TypedDict):
    """A run whole. NaN and infinities in `config` and `summary` are the texts "NaN", "Infinity", "-Infinity"."""

    id: str
    name: str
    group: str
    job_type: str
    state: str
    tags: list[str]
    notes: str
    user: str
    host: str
    program: str
    git_remote: str
    git_commit: str
    sweep: str
    exit_code: int | None
    created_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    history_lines: int
    last_step: int
    config: dict[str, Any]
    summary: dict[str, Any]
    links: dict[str, str]


class HistoryPage(TypedDict):
    """`rows`: what was logged, by dotted key, in order of step; NaN and infinities are texts. `next`: the address of
    the page after this one; null after the last."""

    next: str | None
    rows: list[dict[str, Any]]


class ColumnRow(TypedDict):
    """`name`: what `group`, `sort`, `columns` and `f` call it. `kinds`: of the values ever seen in a config or summary
    column. Of the runs asked for, `distinct` values and how many runs have none (`missing`); null where that is not
    counted."""

    name: str
    label: str
    scope: str
    numeric: bool
    groupable: bool
    kinds: list[str]
    distinct: int | None
    missing: int | None


class ColumnsAnswer(TypedDict):
    """`metrics`: what has a history of numbers, and so can be asked for as `metric` of series."""

    runs: int
    columns: list[ColumnRow]
    metrics: list[str]


class CellAnswer(TypedDict, total=False):
    """A numeric column: n runs with a finite number, and their statistics as far as they are defined. Another: n runs
    with a value, how many `distinct` ones, and its `text` if they share it."""

    n: int
    mean: float | None
    median: float | None
    std: float | None
    min: float | None
    max: float | None
    text: str | None
    distinct: int


class GroupRow(TypedDict):
    """`id`: what `below`, `hide`, `open` and `baseline` call it. `key`: field → value, the outermost first."""

    id: str
    key: dict[str, str]
    runs: int
    states: dict[str, int]
    columns: dict[str, CellAnswer]


class GroupsPage(TypedDict):
    """`next`: the address of the page after this one; null after the last."""

    total: int
    page: int
    next: str | None
    groups: list[GroupRow]


class ValueCounted(TypedDict):
    """A value as text, and how many runs have it."""

    value: str
    runs: int


class VaryingColumn(TypedDict):
    """A config column in which the runs differ: its first `values`, how many there are, how many runs have none."""

    key: str
    values: list[ValueCounted]
    distinct: int
    not_set: int


class GroupAnswer(TypedDict):
    """A group, of all its runs: seconds of `wall_time` in all and of the `longest` run; config that all have (`shared`)
    and that varies. `matching`: its runs that the query string asks for, in how many `groups` inside it (null: not
    grouped). `links`: the addresses that answer more of the same question."""

    entity: str
    project: str
    name: str
    runs: int
    states: dict[str, int]
    wall_time: float
    longest: float
    hosts: list[ValueCounted]
    users: list[ValueCounted]
    shared: dict[str, str]
    varying: list[VaryingColumn]
    matching: int
    groups: int | None
    links: dict[str, str]


class SeriesLine(TypedDict):
    """All lists have an entry for each x. `lower`, `upper`: the ends of the shading. `n`: runs with a value there."""

    id: str
    label: str
    metric: str
    chart: str
    runs: int
    x: Numbers
    line: Numbers
    lower: Numbers
    upper: Numbers
    n: list[int]


class NonFinite(TypedDict):
    """At each `x` how many `runs` of the group have NaN or an infinity."""

    id: str
    label: str
    metric: str
    chart: str
    x: Numbers
    runs: list[int]


class SeriesAnswer(TypedDict):
    """`settings`: those that are not the default. `x_axis`: the one in force. `bin_width`: null if x is exact."""

    metric: str
    settings: dict[str, Any]
    x_axis: str
    bin_width: float | None
    groups_drawn: int
    groups_total: int
    groups: list[SeriesLine]
    nonfinite: list[NonFinite]


class ResultsColumn(TypedDict):
    """`best`: which of its cells are in bold, "max", "min" or "none"."""

    label: str
    metric: str
    best: str


class ResultsCell(TypedDict):
    """`middle` is what `cell` says (a mean or median), of `n` runs that have a number; `error` is what stands after the
    ±, `low` and `high` what stands in brackets. `text`: as shown. `left_out`: runs whose value is no finite number."""

    text: str
    n: int
    runs: int
    left_out: int
    middle: float | None
    error: float | None
    low: float | None
    high: float | None
    best: bool


class ResultsRow(TypedDict):
    label: str
    cells: list[ResultsCell | None]


class ResultsAnswer(TypedDict):
    """A row for each value of the field `rows`, a cell for each of `columns`; null where no run has both values."""

    rows_field: str
    across_field: str
    cell: str
    caption: str
    columns: list[ResultsColumn]
    rows: list[ResultsRow]
    of_rows: int
    left_out: int


class GroupSaid(TypedDict):
    """A group by itself: mean and sample deviation over its `n` runs that have a number. `few`: fewer than five."""

    id: str
    label: str
    n: int
    runs: int
    left_out: int
    mean: float | None
    std: float | None
    few: bool


class GroupCompared(GroupSaid):
    """The group's mean less the baseline's, with its 95 % interval, two-sided p and degrees of freedom; over `pairs` if
    paired. `superiority`: P(a run of the group > one of the baseline). `holm`: p, corrected for all comparisons."""

    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    freedom: float | None
    pairs: int | None
    superiority: float | None
    holm: float | None


class CompareAnswer(TypedDict):
    """`pair`: the key by which runs are paired, if they are. `baseline`: null if no group has runs. Of more than the
    first hundred `others`, `of_others` says how many there are."""

    metric: str | None
    pair: str | None
    baseline: GroupSaid | None
    others: list[GroupCompared]
    of_others: int


class SchemaAnswer(TypedDict):
    """This document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]
