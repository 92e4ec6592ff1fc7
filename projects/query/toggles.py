"""Every change that a link of the page makes to a runset. What changes the rows starts again at page 1."""

from __future__ import annotations

from dataclasses import replace

from projects.query.runset import LATEST, ColumnStatistic, Field, Filter, Reduced, Runset, Sort
from projects.query.statistics import MEAN_STD


def toggled_group(runset: Runset) -> Runset:
    """The Group button: between the last grouping and none."""
    return replace(runset, grouped=not runset.grouped, page=1)


def cleared_group(runset: Runset) -> Runset:
    return replace(runset, fields=(), grouped=False, open=frozenset(), page=1)


def with_fields(runset: Runset, fields: tuple[Field, ...]) -> Runset:
    """Grouped by exactly these, in this order."""
    return replace(runset, fields=fields, grouped=bool(fields), page=1)


def without_field(runset: Runset, field: Field) -> Runset:
    return with_fields(runset, tuple(kept for kept in runset.fields if kept != field))


def without_condition(runset: Runset, condition: Filter) -> Runset:
    return replace(runset, conditions=tuple(kept for kept in runset.conditions if kept != condition), page=1)


def sorted_by(runset: Runset, field: Field) -> Runset:
    """A click on a column's head: descending, then ascending, then not sorted."""
    following = {
        (): (Sort(field, descending=True),),
        (Sort(field, descending=True),): (Sort(field, descending=False),),
        (Sort(field, descending=False),): (),
    }
    return replace(runset, sort=following.get(runset.sort, (Sort(field, descending=True),)), page=1)


def with_statistic(runset: Runset, field: Field, statistic: str) -> Runset:
    """What the column shows of groups; its sorting follows."""
    others = {chosen.field: chosen for chosen in runset.statistics if chosen.field != field}
    if statistic != MEAN_STD:
        others[field] = ColumnStatistic(field, statistic)
    return _shown(replace(runset, statistics=tuple(others[it] for it in sorted(others))), field)


def with_reduction(runset: Runset, field: Field, reduction: str) -> Runset:
    """What the summary column shows of runs; its statistics and sorting follow."""
    others = [chosen for chosen in runset.reduced if chosen.plain != field]
    if reduction != LATEST:
        others.append(Reduced(field.scope, field.key, reduction))
    return _shown(replace(runset, reduced=tuple(sorted(others))), field)


def _shown(runset: Runset, field: Field) -> Runset:
    """At page 1 if rows are sorted by the field."""
    moves = any(sort.field == field for sort in runset.sort)
    return replace(runset, page=1) if moves else runset


def turned(runset: Runset, key: Sort) -> Runset:
    """The same keys, this one in the other direction."""
    other = replace(key, descending=not key.descending)
    return replace(runset, sort=tuple(other if kept == key else kept for kept in runset.sort), page=1)


def earlier(runset: Runset, key: Sort) -> Runset:
    return _moved(runset, key, -1)


def later(runset: Runset, key: Sort) -> Runset:
    return _moved(runset, key, 1)


def without_key(runset: Runset, key: Sort) -> Runset:
    return replace(runset, sort=tuple(kept for kept in runset.sort if kept != key), page=1)


def _moved(runset: Runset, key: Sort, by: int) -> Runset:
    keys = list(runset.sort)
    at = keys.index(key)
    keys.insert(max(0, at + by), keys.pop(at))
    return replace(runset, sort=tuple(keys), page=1)


def toggled_open(runset: Runset, id: str) -> Runset:
    return replace(runset, open=runset.open ^ {id})


def toggled_hidden(runset: Runset, id: str) -> Runset:
    return replace(runset, hidden=runset.hidden ^ {id})


def all_shown(runset: Runset) -> Runset:
    return replace(runset, hidden=frozenset())


def paged(runset: Runset, page: int) -> Runset:
    return replace(runset, page=page)
