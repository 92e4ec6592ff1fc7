"""Nested config and summary <-> typed dotted columns. Pure functions, no database."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from runs.models import Scope


def column_id(project_id: uuid.UUID, scope: Scope | str, key: str) -> uuid.UUID:
    """The id of a project's column: UUIDv5 of (project, "scope:key"), known without a query."""
    return uuid.uuid5(project_id, f"{scope}:{key}")


def leaves(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every value of nested dictionaries with its dotted key, in the order written.

    Lists, empty dictionaries and the client's typed values (a dictionary with `_type`) are values themselves. A key with
    a dot and a nested key may come out alike; the later one is then the one to keep. Any depth: nothing recurses. U+0000
    and lone surrogates, which no database keeps in text, are replaced by U+FFFD in keys.
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
    return key.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
