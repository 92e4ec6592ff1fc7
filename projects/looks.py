"""How groups look on a chart beyond their colour: names by a template, dashes by a column or by metric, and
small charts by a column."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.utils import timezone

from projects.charts.line_plot import VARIABLE, LinePlot, legend_field
from projects.models import Project
from projects.query.fields import RUN_FIELDS, id_of, label
from projects.query.grouping import NOT_SET, RunGroup
from projects.query.natural import natural_text
from projects.query.runset import RUN, Field
from projects.query.splits import group_field_from
from projects.query.targets import path
from runs.models import ColumnValue, Run

# Runs whose values are looked up one by one; of more, whole columns are read.
_FEW = 1000

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")

Texts = Mapping[uuid.UUID, str]  # a run's value as shown; without one it is missing


def dressed(project: Project, plot: LinePlot, groups: Sequence[RunGroup]) -> list[RunGroup]:
    """The groups with the plot's names and dashes. Two queries at most, none unless the plot asks for either."""
    named = [legend_field(found[1]) for found in VARIABLE.finditer(plot.legend_template)]
    dash = group_field_from(plot.dash_by) if plot.dash_by else None
    wanted = {field for field in (*named, dash) if field is not None}
    texts = _texts(project, wanted, [run for group in groups for run in group.run_ids]) if wanted else {}
    result = list(groups)
    if dash is not None:
        values = [_shared(group, texts[dash]) for group in groups]
        ranks = sorted({value for value in values if value is not None}, key=lambda value: (natural_text(value), value))
        styles = {value: DASHES[rank % len(DASHES)] for rank, value in enumerate(ranks)}
        result = [
            group if value is None else replace(group, dash=styles[value])
            for group, value in zip(result, values, strict=True)
        ]
    if plot.legend_template:
        result = [replace(group, label=_named(plot.legend_template, group, texts), short="") for group in result]
    return result


def of_metric(groups: Sequence[RunGroup], metric: str, place: int) -> list[RunGroup]:
    """The groups as lines of one of several metrics: it is named, and has a dash of its own."""
    dash = DASHES[place % len(DASHES)]
    return [replace(group, dash=dash, line=f"-{place}", said=metric) for group in groups]


def divided(project: Project, field: Field, groups: Sequence[RunGroup]) -> tuple[list[RunGroup], list[str]]:
    """The groups' parts, by the value that runs have of the field, and the values' names, in natural order, what is not
    set last: a part's `chart` is the place of its value. A query.
    """
    texts = _texts(project, [field], [run for group in groups for run in group.run_ids])[field]
    present = {texts.get(run) for group in groups for run in group.run_ids}
    values = sorted((text for text in present if text is not None), key=lambda text: (natural_text(text), text))
    charts: list[str | None] = [*values, *([None] if None in present else [])]
    parts = []
    for group in groups:
        runs: dict[str | None, list[uuid.UUID]] = {}
        for run in group.run_ids:
            runs.setdefault(texts.get(run), []).append(run)
        parts += [
            replace(group, run_ids=tuple(runs[value]), chart=chart)
            for chart, value in enumerate(charts)
            if value in runs
        ]
    return parts, [f"{label(field)}: {NOT_SET if value is None else value}" for value in charts]


def _named(template: str, group: RunGroup, texts: Mapping[Field, Texts]) -> str:
    """A column's value is the one that all runs of the group share, else how many there are."""

    def value(found: re.Match[str]) -> str:
        field = legend_field(found[1])
        if field is None:
            return group.label
        if (shared := _shared(group, texts[field])) is not None:
            return shared
        distinct = {texts[field][run] for run in group.run_ids if run in texts[field]}
        return f"{len(distinct):,} values" if distinct else NOT_SET

    return VARIABLE.sub(value, template)


def _shared(group: RunGroup, texts: Texts) -> str | None:
    """None unless all runs of the group that have a value have the same."""
    found = {texts[run] for run in group.run_ids if run in texts}
    return found.pop() if len(found) == 1 else None


def _texts(project: Project, fields: Iterable[Field], run_ids: Sequence[uuid.UUID]) -> Mapping[Field, Texts]:
    found: dict[Field, dict[uuid.UUID, str]] = {field: {} for field in fields}
    columns = {uuid.UUID(id_of(project, field)): field for field in found if field.scope != RUN}
    own = [field for field in found if field.scope == RUN]
    values, runs = ColumnValue.objects.filter(column_id__in=columns), Run.objects.filter(project=project)
    if len(run_ids) <= _FEW:
        values, runs = values.filter(run_id__in=run_ids), runs.filter(id__in=run_ids)
    if columns:
        for run, column, text in values.values_list("run_id", "column_id", "text"):
            found[columns[column]][run] = text
    if own:
        now = timezone.now()
        rows = runs.annotate(**{path(field): RUN_FIELDS[field.key].expression(now) for field in own})
        for run, *texts in rows.values_list("id", *map(path, own)):
            for field, text in zip(own, texts, strict=True):
                if text:
                    found[field][run] = ", ".join(text) if isinstance(text, list) else str(text)
    return found
