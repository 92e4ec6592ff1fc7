"""Links that change the view: each is the page's own address with another query string.

All read `runset`, `within`, `defaults` and `kept_query` (looking.Looking) from the context.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import template

from projects.looking import without
from projects.query import toggles
from projects.query.fields import label
from projects.query.from_url import query_string
from projects.query.runset import Field, Filter, Runset, Sort
from projects.query.splits import split_label
from projects.query.table import GroupRow, MoreRow, RunRow

register = template.Library()


def _link(context: dict[str, Any], runset: Runset, extra: str = "") -> str:
    query = query_string(without(runset, context.get("within", ())), context["defaults"])
    return f"{context['urls']['project']}?{'&'.join(filter(None, (query, context['kept_query'], extra)))}".removesuffix(
        "?"
    )


@register.simple_tag(takes_context=True)
def group_toggle_link(context: dict[str, Any]) -> str:
    return _link(context, toggles.toggled_group(context["runset"]))


@register.simple_tag(takes_context=True)
def group_clear_link(context: dict[str, Any]) -> str:
    return _link(context, toggles.cleared_group(context["runset"]))


@register.filter
def field_names(fields: tuple[Field, ...]) -> str:
    """ "lr (4 log bins), Job type"."""
    return ", ".join(f"{label(it)} ({said})" if (said := split_label(it)) else label(it) for it in fields)


@register.simple_tag(takes_context=True)
def fields_link(context: dict[str, Any], fields: tuple[Field, ...]) -> str:
    return _link(context, toggles.with_fields(context["runset"], fields))


@register.simple_tag(takes_context=True)
def without_field_link(context: dict[str, Any], field: Field) -> str:
    return _link(context, toggles.without_field(context["runset"], field))


@register.simple_tag(takes_context=True)
def without_search_link(context: dict[str, Any]) -> str:
    return _link(context, replace(context["runset"], search="", conditions=(), page=1))


@register.simple_tag(takes_context=True)
def without_words_link(context: dict[str, Any]) -> str:
    return _link(context, replace(context["runset"], search="", page=1))


@register.simple_tag(takes_context=True)
def without_filter_link(context: dict[str, Any]) -> str:
    return _link(context, replace(context["runset"], conditions=(), page=1))


@register.simple_tag(takes_context=True)
def without_condition_link(context: dict[str, Any], condition: Filter) -> str:
    return _link(context, toggles.without_condition(context["runset"], condition))


@register.simple_tag(takes_context=True)
def columns_link(context: dict[str, Any], columns: str) -> str:
    """`columns` is default or differ."""
    return _link(context, replace(context["runset"], columns="differ" if columns == "differ" else None))


@register.simple_tag(takes_context=True)
def sort_link(context: dict[str, Any], field: Field) -> str:
    """What a click on the column's head does."""
    return _link(context, toggles.sorted_by(context["runset"], field))


@register.simple_tag(takes_context=True)
def statistic_link(context: dict[str, Any], field: Field, statistic: str) -> str:
    return _link(context, toggles.with_statistic(context["runset"], field, statistic))


@register.simple_tag(takes_context=True)
def reduction_link(context: dict[str, Any], field: Field, reduction: str) -> str:
    return _link(context, toggles.with_reduction(context["runset"], field, reduction))


@register.simple_tag(takes_context=True)
def sort_only_link(context: dict[str, Any], field: Field, direction: str) -> str:
    """By this column alone; `direction` is ascending or descending."""
    key = Sort(field, descending=direction == "descending")
    return _link(context, replace(context["runset"], sort=(key,), page=1))


@register.simple_tag(takes_context=True)
def key_link(context: dict[str, Any], key: Sort, change: str) -> str:
    """One of the sort's keys `turned`, `earlier`, `later` or `removed`; "" where that would change nothing."""
    runset: Runset = context["runset"]
    changed = {
        "turned": toggles.turned,
        "earlier": toggles.earlier,
        "later": toggles.later,
        "removed": toggles.without_key,
    }[change](runset, key)
    return _link(context, changed) if changed.sort != runset.sort else ""


@register.simple_tag(takes_context=True)
def unsorted_link(context: dict[str, Any]) -> str:
    return _link(context, replace(context["runset"], sort=(), page=1))


@register.simple_tag(takes_context=True)
def open_link(context: dict[str, Any], row: GroupRow) -> str:
    return _link(context, toggles.toggled_open(context["runset"], row.group.id))


@register.simple_tag(takes_context=True)
def eye_link(context: dict[str, Any], row: GroupRow | RunRow) -> str:
    """ "" where the row is hidden by a group around it: its own eye would change nothing."""
    runset: Runset = context["runset"]
    id = row.group.id if isinstance(row, GroupRow) else row.id
    if row.eye == "none" and id not in runset.hidden:
        return ""
    return _link(context, toggles.toggled_hidden(runset, id))


@register.simple_tag(takes_context=True)
def all_shown_link(context: dict[str, Any]) -> str:
    return _link(context, toggles.all_shown(context["runset"]))


@register.simple_tag(takes_context=True)
def page_link(context: dict[str, Any], page: int) -> str:
    return _link(context, toggles.paged(context["runset"], page))


@register.simple_tag(takes_context=True)
def more_link(context: dict[str, Any], row: MoreRow) -> str:
    """Rows at the top go on with the next page; those of a group are asked for by its id."""
    if not row.parent:
        return _link(context, toggles.paged(context["runset"], row.page))
    return _link(context, context["runset"], f"below={row.parent}&from={row.page}")


@register.simple_tag(takes_context=True)
def hidden_inputs(context: dict[str, Any], *without: str) -> list[tuple[str, str]]:
    """The view's parameters for a form that sets the ones named itself; it starts again at page 1."""
    return [
        (name, value) for name, values in context["parameters"] if name not in (*without, "page") for value in values
    ]
