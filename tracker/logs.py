"""What a line of log looks like, and that no secret is in any."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

# What a record may say besides its message, by `extra=`.
FIELDS = ("method", "path", "route", "status", "ms", "user")
# A path goes on with what signs somebody in, or lets them upload.
_SECRET = re.compile(r"((?:sign-in|storage)(?:/|%2[fF])+)[^\s\"'<>\\?]+")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that this thread answers."""


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if request := request_id.get():
            fields["request_id"] = request
        return _SECRET.sub(r"\1…", self.line(record, fields))

    def line(self, record: logging.LogRecord, fields: dict[str, Any]) -> str:
        raise NotImplementedError


class TextFormatter(_Formatter):
    """For people; fields as logfmt at the end."""

    def line(self, record: logging.LogRecord, fields: dict[str, Any]) -> str:
        said = super(_Formatter, self).format(record)
        return said + "".join(f" {name}={_plain(value)}" for name, value in fields.items())


class JsonFormatter(_Formatter):
    """For machines: an object a line."""

    def line(self, record: logging.LogRecord, fields: dict[str, Any]) -> str:
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields,
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=True, default=str)


def _plain(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[!#-<>-~]+", text) else json.dumps(text)
