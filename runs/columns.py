"""Nested config and summary <-> typed dotted columns. Pure functions, no database."""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runs.models import Kind, Scope

# Below it in size, a float and the token of a number are one and the same.
EXACT = 2.0**53

_TOKEN_MAX = 200
_TEXT_MAX = 1000
_HASHED = re.compile(r"#[0-9a-f]{32}\Z")
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def column_id(project_id: uuid.UUID, scope: Scope | str, key: str) -> uuid.UUID:
    """The id of a project's column: UUIDv5 of (project, "scope:key"), known without a query."""
    return uuid.uuid5(project_id, f"{scope}:{key}")


def leaves(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every value of nested dictionaries with its dotted key, in the order written.

    Lists, empty dictionaries and the client's typed values (a dictionary with `_type`) are values themselves. A key
    with a dot and a nested key may come out alike; the later one is then the one to keep. Any depth: nothing recurses.
    U+0000 and lone surrogates, which no database keeps in text, are replaced by U+FFFD in keys.
    """
    pending = [("", iter(mapping.items()))]
    while pending:
        prefix, items = pending[-1]
        for key, value in items:
            if isinstance(value, dict) and value and "_type" not in value:
                pending.append((f"{prefix}{key}.", iter(value.items())))
                break
            yield storable(prefix + key), value
        else:
            pending.pop()


def storable(key: str) -> str:
    """The key without what no database keeps in text."""
    if key.isascii() and "\0" not in key:
        return key
    return key.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(frozen=True, slots=True)
class Value:
    """One typed value of a config or summary, ready for its row."""

    kind: Kind
    number: float | None  # finite numbers, and booleans as 0 and 1
    token: str  # canonical typed form: equal values have equal tokens, different ones different tokens
    text: str  # as shown


def flatten(mapping: Mapping[str, Any]) -> dict[str, Value]:
    """A nested config or summary as typed dotted columns; of two keys that look alike the later one counts."""
    return {key: typed(value) for key, value in leaves(mapping)}


def typed(value: Any) -> Value:
    """A JSON value with its type. Numbers equal in value are equal here: 1 and 1.0, 0.003 and 3e-3; integers exactly.

    Raises RecursionError for lists and objects nested beyond what the interpreter can follow.
    """
    match value:
        case None:
            return Value(Kind.NULL, None, "z:", "null")
        case bool():
            return Value(Kind.BOOL, float(value), f"b:{_number(value)}", _number(value))
        case int() | float():
            return Value(Kind.NUMBER, _float(value), _token(f"n:{_number(value)}"), _shown(value))
        case str():
            return Value(Kind.TEXT, None, _token(f"s:{value}"), storable(value[:_TEXT_MAX]))
        case list():
            return Value(Kind.LIST, None, _token(f"l:{_canonical(value)}"), _shown(value))
        case _:
            return Value(Kind.OBJECT, None, _token(f"o:{_canonical(value)}"), _shown(value))


def text_of(token: str) -> str | None:
    """The text of every value with this token; None where the token does not say it: lists, objects, what had to be
    cut, and numbers from 2^53 on, equal ones of which may be written in several ways.
    """
    kind, _, rest = token.partition(":")
    if kind == "z":
        return "null"
    if kind not in "sbn" or _HASHED.search(token):
        return None
    if kind == "n":
        return _NOT_FINITE.get(rest) or (rest if abs(float(rest)) < EXACT else None)
    return rest


def _canonical(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(_canonical(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(key)}:{_canonical(value[key])}' for key in sorted(value))}}}"
    return json.dumps(value) if isinstance(value, str) else _number(value)


def _number(value: float | bool | None) -> str:
    """Numbers equal in value share one text: whole floats are written as the integer they are."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # nan, inf, -inf
    return str(int(value)) if value == int(value) else repr(value)


def _float(value: float) -> float | None:
    """None for what no float column holds or sorts: NaN, infinities, integers beyond the largest float."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _token(token: str) -> str:
    """At most 200 characters that any database keeps; what had to be changed is told apart by its hash."""
    kept = storable(token)
    if len(kept) <= _TOKEN_MAX and kept == token:
        return kept
    digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{kept[: _TOKEN_MAX - len(digest) - 1]}#{digest}"


def _shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        value = int(value)
    return storable(json.dumps(value, ensure_ascii=False)[:_TEXT_MAX])
