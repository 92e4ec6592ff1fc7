"""Cells of the runs table."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from projects.query.fields import label
from projects.query.grouping import Cell, Group
from projects.query.runset import RUN, Field
from projects.query.statistics import MEAN_STD
from projects.query.table import GroupRow, Header, RunRow, Value
from projects.rounding import measured, number
from runs.models import State
from runs.states import SHOWN_ORDER

register = template.Library()


@register.simple_tag
def cell(row: GroupRow | RunRow, header: Header) -> SafeString:
    """The <td> of a column: of a group its statistic with n, or what its runs share; of a run its value."""
    if isinstance(row, GroupRow):
        return _group_cell(row.group.cells.get(header.field, Cell(0)), row.group.runs, header)
    return _run_cell(row.values.get(header.field), numeric=header.numeric)


@register.filter
def group_label(group: Group) -> SafeString:
    """ "lr: 0.1": the innermost field and its value."""
    key = group.path[-1]
    return format_html("{}: {}", label(key.field), key.text)


@register.simple_tag(takes_context=True)
def group_address(context: dict[str, Any], group: Group) -> str:
    """The page of the group, if it is one of the field Group; else ""."""
    key = group.path[-1]
    if key.field != Field(RUN, "group"):
        return ""
    project = context["project"]
    return reverse("group", args=[project.entity.name, project.name, "" if key.token is None else key.text])


@register.filter
def states_text(states: dict[str, int]) -> str:
    """ "3 running · 1 crashed · 6 finished"."""
    return " · ".join(f"{states[state]} {state.label.lower()}" for state in SHOWN_ORDER if state in states)


@register.filter
def states_shown(states: dict[str, int]) -> SafeString:
    """The same with each state in its colour; nothing when all runs have finished."""
    if set(states) <= {State.FINISHED}:
        return SafeString("")
    parts = [(state.value, states[state], state.label.lower()) for state in SHOWN_ORDER if state in states]
    return format_html_join(" · ", '<span class="{}">{} {}</span>', parts)


def _group_cell(cell: Cell, runs: int, header: Header) -> SafeString:
    if header.statistic is not None and (cell.mean is not None or header.statistic.key == "count"):
        return _measured_cell(cell, runs, header.statistic.key)
    side = SafeString(' class="number"') if header.numeric else ""
    if cell.text is not None:
        return format_html('<td{} title="{}">{}</td>', side, cell.text, cell.text)
    if cell.distinct > 1:
        return format_html('<td{}><span class="several">{} values</span></td>', side, cell.distinct)
    return format_html("<td{}></td>", side)


def _measured_cell(cell: Cell, runs: int, statistic: str) -> SafeString:
    title = f"n = {cell.n} of {runs} run{'s' if runs != 1 else ''}"
    count = (
        SafeString("")
        if cell.n == runs or statistic == "count"
        else format_html(' <span class="n">n {}</span>', cell.n)
    )
    if cell.std is not None:
        title += f" · min {number(cell.low)} · max {number(cell.high)}"
    if statistic != MEAN_STD or cell.mean is None or cell.std is None:
        return format_html('<td class="number" title="{}">{}{}</td>', title, number(cell.number(statistic)), count)
    mean, deviation, times = measured(cell.mean, cell.std)
    return format_html(
        '<td class="number" title="{}">{} <span class="deviation">± {}</span>{}{}</td>',
        title,
        mean,
        deviation,
        f" {times}" if times else "",
        count,
    )


def _run_cell(value: Value | None, *, numeric: bool) -> SafeString:
    side = SafeString(' class="number"') if numeric else ""
    if value is None:
        return format_html("<td{}></td>", side)
    shown = value.text if value.number is None or not numeric else number(value.number)
    return format_html('<td{} title="{}">{}</td>', side, value.text, shown)
