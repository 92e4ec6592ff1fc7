"""What the runs table shows, whole: its runs, or its groups with their statistics, piece by piece."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from projects.models import Project
from projects.query.columns import table_columns
from projects.query.fields import numeric_fields
from projects.query.grouping import Cell, Group, leaf_groups
from projects.query.runset import BadQuery, Field, Reduced, Runset
from projects.query.statistics import MEAN_STD, STATISTICS
from projects.query.table import RunRow, every_run_row

Scalar: TypeAlias = str | float | None

_RUN = ("id", "name", "group", "job_type", "state", "created_at")


@dataclass(frozen=True, slots=True)
class SheetColumn:
    name: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """`pieces` are lists of rows, as long as `columns`; a numeric column may hold the text of what is no number."""

    columns: tuple[SheetColumn, ...]
    pieces: Iterator[list[tuple[Scalar, ...]]]


def runs_sheet(project: Project, runset: Runset) -> Sheet:
    """A row a run, in the table's order, with its values of the table's columns."""
    fields = table_columns(project, runset)
    numeric = numeric_fields(project, fields)
    columns = (
        *(SheetColumn(name) for name in _RUN),
        *(SheetColumn(_name(runset, field, numeric), field in numeric) for field in fields),
    )
    return Sheet(columns, ([_run(row, fields) for row in rows] for rows in every_run_row(project, runset, fields)))


def groups_sheet(project: Project, runset: Runset) -> Sheet:
    """A row a leaf group, in the table's order: its keys, its number of runs, and of each column what the table shows
    of it, with n; of a column that is not numeric, the text that all its runs share. Raises BadQuery."""
    if not runset.grouping:
        raise BadQuery("these runs are not grouped: add group=…")
    fields = table_columns(project, runset)
    numeric = numeric_fields(project, fields)
    columns = [*(SheetColumn(str(field)) for field in runset.grouping), SheetColumn("runs", numeric=True)]
    for field in fields:
        if field in numeric:
            shown = [STATISTICS[key].label.lower() for key in _parts(runset, field)]
            name = _name(runset, field, numeric)
            columns += [SheetColumn(f"{name} {part}", numeric=True) for part in (*shown, "n")]
        else:
            columns.append(SheetColumn(str(field)))
    rows = [_group(group, runset, fields, numeric) for group in leaf_groups(project, runset)]
    return Sheet(tuple(columns), iter([rows]))


def _name(runset: Runset, field: Field, numeric: Container[Field]) -> str:
    """ "summary.loss", "summary.loss (min)"."""
    shown = runset.shown(field)
    return f"{field} ({shown.how})" if isinstance(shown, Reduced) and field in numeric else str(field)


def _parts(runset: Runset, field: Field) -> Sequence[str]:
    chosen = runset.statistic(field)
    return {MEAN_STD: ("mean", "stddev"), "count": ()}.get(chosen, (chosen,))


def _run(row: RunRow, fields: Sequence[Field]) -> tuple[Scalar, ...]:
    values = (row.values.get(field) for field in fields)
    return (
        row.name, row.display_name, row.group, row.job_type, row.state, row.created_at.isoformat(),
        *(None if value is None else value.text if value.number is None else value.number for value in values),
    )  # fmt: skip


def _group(group: Group, runset: Runset, fields: Sequence[Field], numeric: dict[Field, int]) -> tuple[Scalar, ...]:
    row: list[Scalar] = [None if key.token is None else key.text for key in group.path]
    row.append(float(group.runs))
    for field in fields:
        cell = group.cells.get(field, Cell(0))
        if field in numeric:
            row += [*(cell.number(part) for part in _parts(runset, field)), float(cell.n)]
        else:
            row.append(cell.text)
    return tuple(row)
