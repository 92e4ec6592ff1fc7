"""Conditions on texts that SQLite and PostgreSQL answer alike.

What their own functions see differently (patterns, the case of letters beyond ASCII) is decided here, once for each
distinct text. Patterns are RE2's: matched in time linear in the text, whatever the pattern.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import re2
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, Q, QuerySet, TextField
from django.db.models.sql.compiler import SQLCompiler

from projects.query.runset import BadQuery

MAX_PATTERN = 200
# Bytes a compiled pattern may take: beyond it, RE2 refuses the pattern.
_MAX_MEMORY = 1 << 20


class Texts(Expression):
    """A list of texts as the right side of `__in`: one parameter, however many they are."""

    def __init__(self, texts: Iterable[str]) -> None:
        super().__init__(output_field=TextField())
        self.texts = json.dumps(list(texts), ensure_ascii=False)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str]]:
        return "(SELECT value FROM json_each(%s))", (self.texts,)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str]]:
        return "(SELECT jsonb_array_elements_text(%s::jsonb))", (self.texts,)


def contains_q(name: str, text: str, rows: QuerySet[Any]) -> Q:
    """Whether the text called `name` of `rows` contains another one, in any case."""
    if text.isascii():
        return Q(**{f"{name}__icontains": text})
    wanted = text.casefold()
    return _found(name, rows, lambda found: wanted in found.casefold())


def regex_q(name: str, pattern: str, rows: QuerySet[Any]) -> Q:
    """Whether the text called `name` of `rows` matches anywhere; case counts. Raises BadQuery."""
    return _found(name, rows, matcher(pattern))


def _found(name: str, rows: QuerySet[Any], holds: Callable[[str], object]) -> Q:
    # Not by the name itself: an alias can't be selected. Made distinct here, which SQLite does more slowly.
    texts = set(rows.order_by().annotate(found_text=F(name)).values_list("found_text", flat=True))
    return Q(**{f"{name}__in": Texts(sorted(text for text in texts if text is not None and holds(text)))})


def matcher(pattern: str) -> Callable[[str], object]:
    """Whether a text matches anywhere; case counts. Raises BadQuery."""
    if len(pattern) > MAX_PATTERN:
        raise BadQuery(f"the pattern is longer than {MAX_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "it can't be read"
        raise BadQuery(f"/{pattern}/ is no regular expression: {reason}") from None
    except UnicodeEncodeError:
        raise BadQuery("the pattern holds what is in no text") from None
    # A set of one is asked twice as fast as the pattern alone: no match object is made.
    alone = re2.Set.SearchSet(options)
    alone.Add(pattern)
    alone.Compile()
    match: Callable[[str], object] = alone.Match
    return match
