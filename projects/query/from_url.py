r"""Page query string <-> Runset.

    group=config.lr&group=job_type   group by these, in this order; `group=` by nothing
    group=config.lr:log:4            by bins of a number, by each item of a list: splits.group_field_from
    grouped=0                        keep the fields, show the runs ungrouped
    q=text  q=/regex/                search by name
    f=config.lr:>=:0.1               a condition: field, operator, values, each `:` and `\` inside them after a `\`
    f=any(&f=…&f=…&f=)               of those between, any must hold; likewise `all(` and `none(`; they may be nested
    sort=-summary.val/acc            `-` is descending; the first sorts first
    columns=summary.val/acc          the table's columns; `columns=*` the project's default ones,
                                     `columns=differ` the config and summary columns that differ between the runs
    pin=config.lr                    columns that come first and stay in sight
    stat=median:summary.val/acc      what that column shows of groups and sorts them by (of statistics.STATISTICS)
    show=max:summary.val/acc         what that column shows of each run (of reductions.REDUCTIONS), groups included
    hide=…,…  open=…,…               ids of groups and runs whose eye is off; of groups that are open
    page=2

A parameter that is absent means the default; one that is there but empty means none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from projects.query.fields import RUN_FIELDS, Type, field_from, label
from projects.query.operators import JOINS, condition_check
from projects.query.parts import parts_from, parts_text
from projects.query.reductions import REDUCTIONS
from projects.query.runset import (
    LATEST,
    RUN,
    SUMMARY,
    BadQuery,
    Branch,
    ColumnStatistic,
    Condition,
    Field,
    Filter,
    Reduced,
    Runset,
    Sort,
)
from projects.query.splits import group_field_from, group_field_text
from projects.query.statistics import MEAN_STD, STATISTICS

T = TypeVar("T")

MAX_GROUP_FIELDS = 32
MAX_CONDITIONS = 20  # in the whole tree
MAX_DEPTH = 5  # of branches
MAX_SORTS = 8
MAX_COLUMNS = 100
MAX_HIDDEN = 1000
MAX_OPEN = 50
MAX_PAGE = 1_000_000
MAX_TEXT = 1000

_DEFAULT_COLUMNS = "*"
_DIFFERING: Literal["differ"] = "differ"
_OPENING = {f"{key}(": key for key in JOINS}
_CLOSING = ")"
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


def runset_from_query(query: QueryDict, *, defaults: Runset) -> Runset:
    """Parameters of other names are left alone. Raises BadQuery, its text naming the parameter."""
    fields = group_fields_from(query)
    grouped = _one(query, "grouped", _switch)
    if grouped is None:
        grouped = defaults.grouped if fields is None else bool(fields)
    return Runset(
        search=_or(_one(query, "q", _text), defaults.search),
        conditions=filters_from(query.getlist("f")) if "f" in query else defaults.conditions,
        fields=_or(fields, defaults.fields),
        grouped=grouped,
        sort=_or(_many(query, "sort", _sort, MAX_SORTS), defaults.sort),
        columns=_columns(query) if "columns" in query else defaults.columns,
        pinned=_or(_many(query, "pin", _column_field, MAX_COLUMNS), defaults.pinned),
        statistics=_or(_statistics(query), defaults.statistics),
        reduced=_or(_reduced(query), defaults.reduced),
        hidden=_or(_ids(query, "hide", MAX_HIDDEN), defaults.hidden),
        open=_or(_ids(query, "open", MAX_OPEN), defaults.open),
        page=_or(_one(query, "page", _page), defaults.page),
    )


def query_string(runset: Runset, defaults: Runset) -> str:
    """What differs from the defaults, in a fixed order, without the `?`; runset_from_query gives the runset back."""
    pairs: list[tuple[str, str]] = []
    if runset.search != defaults.search:
        pairs.append(("q", runset.search))
    if runset.conditions != defaults.conditions:
        pairs += _written("f", filter_texts(runset.conditions))
    grouped = defaults.grouped
    if runset.fields != defaults.fields:
        pairs += _written("group", map(group_field_text, runset.fields))
        grouped = bool(runset.fields)
    if runset.grouped != grouped:
        pairs.append(("grouped", str(int(runset.grouped))))
    if runset.sort != defaults.sort:
        pairs += _written("sort", (f"{'-' if sort.descending else ''}{sort.field}" for sort in runset.sort))
    if runset.columns != defaults.columns:
        pairs += _written("columns", _column_texts(runset))
    if runset.pinned != defaults.pinned:
        pairs += _written("pin", map(str, runset.pinned))
    if runset.statistics != defaults.statistics:
        pairs += _written("stat", (f"{chosen.statistic}:{chosen.field}" for chosen in runset.statistics))
    if runset.reduced != defaults.reduced:
        pairs += _written("show", (f"{chosen.how}:{chosen}" for chosen in runset.reduced))
    if runset.hidden != defaults.hidden:
        pairs.append(("hide", ",".join(sorted(runset.hidden))))
    if runset.open != defaults.open:
        pairs.append(("open", ",".join(sorted(runset.open))))
    if runset.page != defaults.page:
        pairs.append(("page", str(runset.page)))
    return urlencode(pairs, safe=",:/()")


def group_fields_from(query: QueryDict, name: str = "group", most: int = MAX_GROUP_FIELDS) -> tuple[Field, ...] | None:
    """What `group`, or a parameter like it, says. Raises BadQuery."""
    return _many(query, name, group_field_from, most)


def column_fields_from(query: QueryDict, name: str, most: int) -> tuple[Field, ...] | None:
    """What a parameter like `columns` says. Raises BadQuery."""
    return _many(query, name, _column_field, most)


def condition_from(text: str) -> Condition:
    """The inverse of condition_text. Raises BadQuery."""
    parts = parts_from(text)
    if len(parts) < 2:
        raise BadQuery("a condition is field:operator:value")
    condition = Condition(_field(parts[0]), parts[1], tuple(parts[2:]))
    condition_check(condition)
    return condition


def condition_text(condition: Condition) -> str:
    return parts_text([str(condition.field), condition.operator, *condition.values])


def group_condition(name: str) -> Condition:
    """That a run's group is exactly this, "" for none. Raises BadQuery."""
    group = Field(RUN, "group")
    return _read(
        "within", name, lambda name: Condition(group, "=", (f'"{name}"',)) if name else Condition(group, "not set")
    )


def filters_from(texts: Sequence[str]) -> tuple[Filter, ...]:
    """A tree from its conditions and brackets in order; empty texts are left out. Raises BadQuery."""
    texts = [text for text in texts if text]
    levels: list[tuple[str, list[Filter]]] = [("all", [])]
    for text in texts:
        if text in _OPENING:
            levels.append((_OPENING[text], []))
            if len(levels) > MAX_DEPTH + 1:
                raise BadQuery(f"f: brackets inside each other at most {MAX_DEPTH} times")
            continue
        if text == _CLOSING:
            join, parts = levels.pop()
            if not levels:
                raise BadQuery("f: a “)” without its opening bracket")
            if not parts:
                raise BadQuery(f"f: nothing stands inside “{join}(”")
            found: Filter = Branch(join, tuple(parts))
        else:
            found = _read("f", text, condition_from)
        levels[-1][1].append(found)
        _few("f", levels[-1][1], MAX_CONDITIONS)
    if len(levels) > 1:
        raise BadQuery(f"f: “{levels[-1][0]}(” is not closed")
    if sum(text not in _OPENING and text != _CLOSING for text in texts) > MAX_CONDITIONS:
        raise BadQuery(f"f: at most {MAX_CONDITIONS}")
    return tuple(levels[0][1])


def filter_texts(filters: Iterable[Filter]) -> Iterable[str]:
    for filter in filters:
        if isinstance(filter, Branch):
            yield f"{filter.join}("
            yield from filter_texts(filter.parts)
            yield _CLOSING
        else:
            yield condition_text(filter)


def _columns(query: QueryDict) -> tuple[Field, ...] | Literal["differ"] | None:
    match query.getlist("columns"):
        case ["*"]:
            return None
        case ["differ"]:
            return _DIFFERING
        case _:
            return _many(query, "columns", _column_field, MAX_COLUMNS)


def _column_texts(runset: Runset) -> Iterable[str]:
    match runset.columns:
        case None:
            return [_DEFAULT_COLUMNS]
        case "differ":
            return [_DIFFERING]
        case fields:
            return map(str, fields)


def _written(name: str, values: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, value) for value in values] or [(name, "")]


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _read(name: str, text: str, read: Callable[[str], T]) -> T:
    if len(text) > MAX_TEXT:
        raise BadQuery(f"{name}: longer than {MAX_TEXT} characters")
    # No database keeps it in text, and PostgreSQL refuses to look for it.
    if "\0" in text:
        raise BadQuery(f"{name}: U+0000 is in no text")
    try:
        return read(text)
    except BadQuery as error:
        raise BadQuery(f"{name}: {error}") from None


def _one(query: QueryDict, name: str, read: Callable[[str], T]) -> T | None:
    texts = query.getlist(name)
    return _read(name, texts[-1], read) if texts else None


def _many(query: QueryDict, name: str, read: Callable[[str], T], most: int) -> tuple[T, ...] | None:
    texts = query.getlist(name)
    if not texts:
        return None
    found = [_read(name, text, read) for text in texts if text]
    return tuple(_few(name, found, most))


def _ids(query: QueryDict, name: str, most: int) -> frozenset[str] | None:
    texts = query.getlist(name)
    if not texts:
        return None
    ids = {id for text in texts for id in text.split(",") if id}
    if not all(_ID.fullmatch(id) for id in ids):
        raise BadQuery(f"{name}: ids of groups or runs, with commas between them")
    return frozenset(_few(name, sorted(ids), most))


def _few(name: str, found: Sequence[T], most: int) -> Sequence[T]:
    if len(found) > most:
        raise BadQuery(f"{name}: at most {most}")
    if len(set(found)) < len(found):
        raise BadQuery(f"{name}: the same one twice")
    return found


def _text(text: str) -> str:
    return text


def _switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise BadQuery("0 or 1")
    return text == "1"


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PAGE):
        raise BadQuery(f"a number from 1 to {MAX_PAGE}")
    return int(text)


def _sort(text: str) -> Sort:
    return Sort(field_from(text.removeprefix("-")), descending=text.startswith("-"))


def _statistics(query: QueryDict) -> tuple[ColumnStatistic, ...] | None:
    found = _many(query, "stat", _statistic, MAX_COLUMNS)
    if found is None:
        return None
    _few("stat", [chosen.field for chosen in found], MAX_COLUMNS)
    return tuple(sorted((chosen for chosen in found if chosen.statistic != MEAN_STD), key=lambda it: it.field))


def _statistic(text: str) -> ColumnStatistic:
    key, _, field = text.partition(":")
    if key not in STATISTICS:
        raise BadQuery(f"statistic:column, of {', '.join(STATISTICS)}")
    return ColumnStatistic(_field(field), key)


def _reduced(query: QueryDict) -> tuple[Reduced, ...] | None:
    found = _many(query, "show", _reduction, MAX_COLUMNS)
    if found is None:
        return None
    _few("show", [chosen.plain for chosen in found], MAX_COLUMNS)
    return tuple(sorted(chosen for chosen in found if chosen.how != LATEST))


def _reduction(text: str) -> Reduced:
    key, _, name = text.partition(":")
    if key not in REDUCTIONS:
        raise BadQuery(f"value:column, of {', '.join(REDUCTIONS)}")
    field = _field(name)
    if field.scope != SUMMARY:
        raise BadQuery(f"{label(field)} has no history; summary columns have")
    return Reduced(field.scope, field.key, key)


def _field(text: str) -> Field:
    """Anything a single run has."""
    field = field_from(text)
    if field.scope == RUN and RUN_FIELDS[field.key].type is Type.COUNT:
        raise BadQuery(f"{label(field)} can only be sorted by")
    return field


_column_field = _field
