r"""Several texts written as one: `:` between them, each `:` and `\` inside them after a `\`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from projects.query.runset import BadQuery

_PARTS = re.compile(r"((?:[^:\\]|\\[:\\])*)(:|\Z)", re.DOTALL)


def parts_from(text: str) -> list[str]:
    """The inverse of parts_text. Raises BadQuery."""
    parts, end = [], 0
    while (found := _PARTS.match(text, end)) is not None:
        parts.append(re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL))
        end = found.end()
        if not found[2]:
            return parts
    raise BadQuery("a “\\” stands before “:” or “\\”")


def parts_text(parts: Iterable[str]) -> str:
    return ":".join(part.replace("\\", "\\\\").replace(":", "\\:") for part in parts)
