"""A change carried over from one description of a thing to another, richer one: a three-way merge of JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MISSING: Any = object()


def carried(base: Any, changed: Any, onto: Any) -> Any:
    """`onto` with what makes `changed` differ from `base`; what both leave unsaid stays as it is.

    Objects are merged key by key; lists of objects that have a name of their own by that name, in the order of
    `changed`; lists of one object each as that object; any other value as a whole.
    """
    found = _carried(base, changed, onto)
    return None if found is _MISSING else found


def _carried(base: Any, changed: Any, onto: Any) -> Any:
    if base is not _MISSING and changed is not _MISSING and changed == base:
        return onto
    if base is changed is _MISSING:
        return onto
    if isinstance(changed, Mapping) and isinstance(onto, Mapping):
        return _objects(base if isinstance(base, Mapping) else {}, changed, onto)
    if isinstance(changed, Sequence) and isinstance(onto, Sequence) and not isinstance(changed, str):
        before = _named(base) if isinstance(base, Sequence) else {}
        after, rich = _named(changed), _named(onto)
        if before is not None and after is not None and rich is not None:
            return _lists(before, after, rich)
        if isinstance(base, Sequence) and len(base) == len(changed) == len(onto) == 1:
            return [_carried(base[0], changed[0], onto[0])]
    return changed


def _objects(base: Mapping[str, Any], changed: Mapping[str, Any], onto: Mapping[str, Any]) -> dict[str, Any]:
    merged = {
        key: _carried(base.get(key, _MISSING), changed.get(key, _MISSING), onto.get(key, _MISSING))
        for key in (*onto, *(key for key in changed if key not in onto))
    }
    return {key: value for key, value in merged.items() if value is not _MISSING}


def _lists(base: dict[str, Any], changed: dict[str, Any], onto: dict[str, Any]) -> list[Any]:
    merged = {
        name: _carried(base.get(name, _MISSING), item, onto[name]) if name in onto else item
        for name, item in changed.items()
        if name in onto or item != base.get(name)
    }
    order = list(merged)
    before = ""
    for name, item in onto.items():
        if name not in base and name not in changed:
            order.insert(order.index(before) + 1 if before in order else 0, name)
            merged[name] = item
        before = name
    return [merged[name] for name in order]


def _named(items: Sequence[Any]) -> dict[str, Any] | None:
    """By their names; None if one has none, or two the same."""
    named = {name: item for item in items if (name := _name(item)) is not None}
    return named if len(named) == len(items) else None


def _name(item: Any) -> str | None:
    if not isinstance(item, Mapping):
        return None
    key = "name" if "panels" in item else next((key for key in ("__id__", "panel", "accessor") if key in item), "")
    return item[key] if isinstance(item.get(key), str) else None
