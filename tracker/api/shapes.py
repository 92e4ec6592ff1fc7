"""What the API answers, as types: views make them, and the schema is read off them. Charts, results and comparisons
have theirs in chart_shapes.py.

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


class SchemaAnswer(TypedDict):
    """This document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]
