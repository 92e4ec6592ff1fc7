"""The first page of a runs table, and what else asks for the groups, against one bare query for the values it needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.db import connection
from django.test import Client
from django.urls import reverse

from projects.models import Project
from projects.query import memory
from projects.query.columns import group_candidates
from projects.query.fields import id_of
from projects.query.grouping import run_groups
from projects.query.runset import CONFIG, RUN, SUMMARY, Condition, Field, Runset, Sort
from projects.query.table import table
from runs.models import ColumnValue
from tracker.bench import data
from tracker.bench.measure import Measure, medians, seconds
from tracker.bench.rows import table_write

ARM, FILTERED, SORT = Field(CONFIG, data.ARM), Field(CONFIG, "c01"), Field(SUMMARY, "m00")
# Values read in all rounds: enough of them, and a round or two says as much as many.
_MOST = 5_000_000
AGAINST = "one query for the same values"


def measure(runs: int, *, repeat: int) -> list[Measure]:
    """Grouped by one config column, filtered by another, sorted by a summary column's mean; 12 or all columns shown.

    In a process that knows nothing of the project, and in one that has answered before; then other questions, these
    only the second time.
    """
    owner = data.project(f"table-{runs}")
    table_write(owner, runs)
    data.settle()
    summary = tuple(Field(SUMMARY, key) for key in data.summary_keys())
    every = (*(Field(CONFIG, key) for key in data.config_keys()), *summary)
    again, new = [], []
    for what, columns in (("12 summary columns shown", summary[:12]), ("all 70 columns shown", every)):
        page = partial(table, owner, _grouped(columns))
        rows = partial(_fetch, [id_of(owner, field) for field in {ARM, FILTERED, SORT, *columns}])
        rounds = max(1, min(repeat, _MOST // (runs * len(columns))))
        median = medians(seconds({"new": partial(_new, page), "page": page, "rows": rows}, repeat=rounds))
        case = f"{runs:,} runs, 50 config and 20 summary columns"
        again.append(Measure("table", case, what, median["page"], median["rows"], "s", AGAINST))
        new.append(Measure("table", f"new process, {case}", what, median["new"], median["rows"], "s", AGAINST))
    return [*again, *new, *_others(owner, runs, summary[:12], repeat=repeat)]


def _others(owner: Project, runs: int, columns: tuple[Field, ...], *, repeat: int) -> list[Measure]:
    client = Client(SERVER_NAME="localhost")
    client.force_login(data.user())
    address = reverse("project", args=[data.USER, owner.name])
    grouped = f"{address}?group={ARM}&f={FILTERED}:>=:4&sort=-{SORT}"
    asked: dict[str, Callable[[], object]] = {
        "ungrouped, by a summary column": partial(table, owner, Runset(sort=(Sort(SORT, True),), columns=columns)),
        "ungrouped, by name": partial(table, owner, Runset(sort=(Sort(Field(RUN, "display_name")),), columns=columns)),
        "groups of a chart": partial(run_groups, owner, Runset(fields=(ARM,), grouped=True), 10),
        "runs of a chart": partial(run_groups, owner, Runset(), 10),
        "what to group by": partial(group_candidates, owner, Runset()),
        "page, grouped": partial(_get, client, grouped),
        "page, ungrouped": partial(_get, client, f"{address}?group="),
        "columns to choose": partial(_get, client, f"{address}?choose=columns"),
        "version": partial(_get, client, reverse("project-version", args=[data.USER, owner.name])),
        "list of projects": partial(_get, client, reverse("project-list")),
    }
    rows = partial(_fetch, [id_of(owner, field) for field in (ARM, FILTERED, SORT, *columns[1:])])
    rounds = max(1, min(repeat, _MOST // (runs * len(columns))))
    median = medians(seconds({**asked, "rows": rows}, repeat=rounds))
    case = f"other questions, {runs:,} runs"
    return [Measure("table", case, what, median[what], median["rows"], "s", AGAINST) for what in asked]


def _grouped(columns: tuple[Field, ...]) -> Runset:
    return Runset(
        conditions=(Condition(FILTERED, ">=", ("4",)),),
        fields=(ARM,),
        grouped=True,
        sort=(Sort(SORT, descending=True),),
        columns=columns,
    )


def _new(page: Callable[[], object]) -> object:
    memory.forget()
    connection.close()
    return page()


def _fetch(columns: list[str]) -> int:
    """The driver's tuples, nothing made of them."""
    values = ColumnValue.objects.filter(column_id__in=columns).values_list("column_id", "run_id", "token", "number")
    sql, parameters = values.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return sum(1 for _ in cursor)


def _get(client: Client, address: str) -> bytes:
    response = client.get(address)
    if response.status_code != 200:
        raise RuntimeError(f"{address} was answered with {response.status_code}: {response.content[:200]!r}")
    return bytes(response.content)
