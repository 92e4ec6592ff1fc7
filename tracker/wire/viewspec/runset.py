"""What a view says of its runs <-> the parameters of a page's address (projects.query.from_url, projects.overall).

As parameters: name -> texts; of the runs hidden {id: True}, so that each is told from the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from graphql import GraphQLError

from projects.overall import Overall
from projects.query.fields import RUN_FIELDS
from projects.query.from_url import filter_texts, runset_from_query
from projects.query.runset import CONFIG, RUN, Field, Runset
from projects.query.splits import group_field_text
from projects.query.texts import matcher
from tracker.wire.viewspec.filters import conditions_from, filters_said
from tracker.wire.viewspec.words import (
    Names,
    column_from,
    column_text,
    enveloped,
    field_at,
    field_name,
    objects,
    said,
    texts,
)

Parameters = dict[str, Any]

_LATEST = {"key": {"section": RUN, "name": "createdAt"}, "ascending": False}  # the order of runs by default, there too
_NAME = "run:displayName"  # always shown


def parameters_from(runset: Mapping[str, Any], names: Names) -> Parameters:
    """Only what differs from an ungrouped page without filters. Raises GraphQLError, BadQuery."""
    found: Parameters = {
        "q": _search(said(runset, "search", dict, {})),
        "f": list(filter_texts(conditions_from(said(runset, "filters", dict, {}), names))),
        "group": [group_field_text(field_at(key, names)) for key in objects(runset, "grouping")],
        "sort": _sorts(said(runset, "sort", dict, {}), names),
        "pin": _pinned(said(runset, "runFeed", dict, {}), names),
        "hide": _hidden(said(runset, "selections", dict, {}), names),
    }
    found = {name: value for name, value in found.items() if value}
    return found | ({"grouped": ["1"]} if "group" in found else {})


def runset_said(parameters: Parameters, names: Names) -> dict[str, Any]:
    """Raises BadQuery."""
    runset = runset_from_query(query_of(parameters), defaults=Runset())
    search, pinned = runset.search, [column_text(field) for field in runset.pinned]
    regex = len(search) > 1 and search[0] == search[-1] == "/"
    visible = dict.fromkeys([_NAME, *(text for text in pinned if text != _NAME)], True) if pinned else {}
    keys = [{"key": _key(sort.field), "ascending": not sort.descending} for sort in runset.sort]
    hidden = [names.run_names[id] for id in sorted(runset.hidden) if id in names.run_names]
    return {
        "search": {"query": search[1:-1], "isRegex": True} if regex else {"query": search},
        "filters": filters_said(runset.conditions),
        "grouping": [_grouping_key(field.plain) for field in runset.grouping],
        "sort": {"keys": keys or [_LATEST]},
        "runFeed": {"version": 2, "columnVisible": visible, "columnPinned": visible, "columnOrder": list(visible)},
        "selections": {"root": 1, "bounds": [], "tree": hidden},
    }


def query_of(parameters: Parameters) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in parameters.items():
        query.setlist(name, [",".join(value)] if isinstance(value, dict) else list(value))
    return query


def parameters_of(query: str | None) -> Parameters:
    """Of a query string that a view keeps."""
    found: Parameters = {name: list(map(str, values)) for name, values in QueryDict(query or "").lists()}
    if "hide" in found:
        found["hide"] = dict.fromkeys(filter(None, ",".join(found["hide"]).split(",")), True)
    return found


def overall_of(parameters: Parameters) -> Overall:
    return Overall(x=(parameters.get("x") or [""])[-1], smoothing=(parameters.get("smoothing") or [""])[-1])


def _search(search: Mapping[str, Any]) -> list[str]:
    text = said(search, "query", str, "")
    if said(search, "isRegex", bool, False) and text:
        matcher(text)
        return [f"/{text}/"]
    if len(text) > 1 and text[0] == text[-1] == "/":
        return [f"/{re.escape(text)}/"]
    return [text] if text else []


def _sorts(sort: Mapping[str, Any], names: Names) -> list[str]:
    found: dict[str, str] = {}
    for key in objects(sort, "keys"):
        field = said(key, "key", dict, {})
        of = field["name"] if field.get("name") in RUN_FIELDS else str(field_at(field, names))
        found.setdefault(of, of if said(key, "ascending", bool, False) else f"-{of}")
    return [] if list(found.values()) == ["-created_at"] else list(found.values())


def _pinned(feed: Mapping[str, Any], names: Names) -> list[str]:
    pinned = said(feed, "columnPinned", dict, {})
    order = {text: place for place, text in enumerate(texts(feed, "columnOrder"))}
    shown = sorted(
        (text for text in pinned if pinned[text] and text != _NAME), key=lambda it: order.get(it, len(order))
    )
    return list(dict.fromkeys(str(column_from(text, names)) for text in shown))


def _hidden(selections: Mapping[str, Any], names: Names) -> dict[str, bool]:
    if said(selections, "root", int, 1) != 1:
        raise GraphQLError("this server keeps which runs of a view are hidden, not which alone are shown")
    runs: list[str] = []
    for item in said(selections, "tree", list, []):
        runs += texts(item, "children") if isinstance(item, dict) else [item]
    if not all(isinstance(run, str) for run in runs):
        raise GraphQLError("the view's selections are no names of runs")
    return {names.run_id(run): True for run in runs}


def _key(field: Field) -> dict[str, str]:
    return {"section": field.scope, "name": field_name(field)}


def _grouping_key(field: Field) -> dict[str, str]:
    return {"section": field.scope, "name": enveloped(field.key)} if field.scope == CONFIG else _key(field)
