"""A client whose every request comes harmed first, and then as it should: what may not happen, doesn't."""

from __future__ import annotations

import os
import re
import uuid
import zlib
from collections import Counter
from io import BytesIO
from typing import Any

from django.apps import apps
from django.core.files.storage import FileSystemStorage
from django.db import DatabaseError, connection, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings

from runs.models import Column
from tests.wire.harm import Sent, harms

# Of each request, besides the plainest one, which hypothesis always begins with and which is passed over.
INPUTS = int(os.environ.get("HOSTILE_INPUTS", "1"))
_OF_A_KIND = 2

Rows = dict[str, Counter[tuple[Any, ...]]]
_TABLES = {
    model._meta.db_table: model
    for app in ("runs", "projects")
    for model in apps.get_app_config(app).get_models()
    if model._meta.model_name not in {"apikey", "user"}  # when they were last used
}


def rows_stored() -> Rows:
    """All that the database holds."""
    found: Rows = {}
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f'SELECT * FROM "{table}"')
            found[table] = Counter(tuple(map(_plain, row)) for row in cursor.fetchall())
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value.hex
    return bytes(value) if isinstance(value, memoryview) else value


class HostileClient(Client):
    """`theirs`: what is stored of others, and `ids` of their runs and projects. `tried`: harmed requests so far."""

    def __init__(self, name: str, theirs: Rows, ids: set[str]) -> None:
        super().__init__()
        self.name = name
        self.theirs = theirs
        self.ids = ids
        self.kinds: Counter[str] = Counter()
        self.tried = self.refused = self.number = 0

    def generic(self, method: str, path: str, data: Any = "", content_type: str = "", *more: Any, **extra: Any) -> Any:
        body = data if isinstance(data, bytes) else data.encode()
        path = path.removeprefix("http://testserver")
        request = Sent(method, path, body, content_type, dict(extra.get("headers") or {}))
        if self._is_due(request):
            self._attack(request)
        return self._send(request)

    def _is_due(self, request: Sent) -> bool:
        """All are when many inputs are asked for; else the first two of a kind."""
        operation = re.search(rb"(?:query|mutation) (\w+)", request.body) if request.path == "/graphql" else None
        kind = operation[1].decode() if operation else f"{request.method} {request.path.rpartition('/')[2][:12]}"
        self.kinds[kind] += 1
        return INPUTS > 1 or self.kinds[kind] <= _OF_A_KIND

    def _send(self, request: Sent) -> Any:
        extra: dict[str, Any] = {}
        if request.length is not None:
            extra = {"wsgi.input": BytesIO(request.body), "CONTENT_LENGTH": str(request.length)}
        return super().generic(
            request.method, request.path, request.body, request.content_type, headers=request.headers, **extra
        )

    def _attack(self, request: Sent) -> None:
        before = rows_stored()
        with _undone():
            right = _outcome(self._send(request))
        first = True
        self.number += 1

        @seed(zlib.crc32(f"{self.name} {self.number}".encode()))
        @settings(
            max_examples=INPUTS + 1,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(harms(request))
        def each(harmed: Sent) -> None:
            nonlocal first
            if not first:
                with _undone():
                    self._one(request, harmed, right, before)
            first = False

        each()

    def _one(self, request: Sent, harmed: Sent, right: tuple[int, bool], before: Rows) -> None:
        self.tried += 1
        answer = self._send(harmed)
        status, wrong = _outcome(answer)
        assert status < 500, f"{harmed}: {status}"
        try:
            after = rows_stored()
        except DatabaseError:
            # PostgreSQL broke off what the tests have as one transaction and servers don't.
            connection.needs_rollback = False
            return
        if status >= 400 or wrong:
            self.refused += 1
            assert after == before, f"{harmed}: refused with {status} {answer.content[:300]!r}, and yet changed"
        for table, known in self.theirs.items():
            if _TABLES[table] is not Column:  # shared by the runs of a project
                assert not known - after[table], f"{harmed}: changed what others have in {table}"
            for row in after[table] - before[table]:
                assert self.ids.isdisjoint(value for value in row if isinstance(value, str)), (
                    f"{harmed}: added to what others have"
                )
        told = _outcome(self._send(request))
        assert told == right or (told[0] == right[0] and not wrong), (
            f"{harmed}, and then {request}: {told}, not {right}"
        )


def _outcome(answer: Any) -> tuple[int, bool]:
    """Status, and whether an error came with it."""
    said = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, not answer.streaming and (b'"errors"' in said or b'"error":' in said)


class _undone:
    """What happens within is rolled back."""

    def __enter__(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)


def keep_bytes(monkeypatch: Any) -> None:
    """What a request deletes of stored bytes stays, as its rows come back."""
    monkeypatch.setattr(FileSystemStorage, "delete", lambda self, name: None)
