"""The first page of a grouped runs table, against one bare query for the values it needs."""

from __future__ import annotations

from functools import partial

from django.db import connection

from projects.query.fields import id_of
from projects.query.runset import CONFIG, SUMMARY, Condition, Field, Runset, Sort
from projects.query.table import table
from runs.models import ColumnValue
from tracker.bench import data
from tracker.bench.measure import Measure, medians, seconds


def measure(runs: int, *, repeat: int) -> list[Measure]:
    """Grouped by one config column, filtered by another, sorted by a summary column's mean; 12 or all columns shown."""
    owner = data.project(f"table-{runs}")
    data.table_write(owner, runs)
    data.settle()
    arm, filtered, sort = Field(CONFIG, data.ARM), Field(CONFIG, "c01"), Field(SUMMARY, "m00")
    summary = tuple(Field(SUMMARY, key) for key in data.summary_keys())
    config = tuple(Field(CONFIG, key) for key in data.config_keys())
    found = []
    for what, columns in (("12 summary columns shown", summary[:12]), ("all 70 columns shown", config + summary)):
        runset = Runset(
            conditions=(Condition(filtered, ">=", ("4",)),),
            fields=(arm,),
            grouped=True,
            sort=(Sort(sort, descending=True),),
            columns=columns,
        )
        needed = [id_of(owner, field) for field in {arm, filtered, sort, *columns}]
        median = medians(
            seconds({"table": partial(table, owner, runset), "rows": partial(_fetch, needed)}, repeat=repeat)
        )
        case, against = f"{runs:,} runs, 50 config and 20 summary columns", "one query for the same values"
        found.append(Measure("table", case, what, median["table"], median["rows"], "s", against))
    return found


def _fetch(columns: list[str]) -> int:
    """The driver's tuples, nothing made of them."""
    values = ColumnValue.objects.filter(column_id__in=columns).values_list("column_id", "run_id", "token", "number")
    sql, parameters = values.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return len(cursor.fetchall())
