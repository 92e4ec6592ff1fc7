"""How the client's scalar types come in and go out."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from ariadne import ScalarType

from tracker.wire.decode import tolerant_json
from tracker.wire.errors import Refused

json_value = ScalarType("JSON")
json_string = ScalarType("JSONString")
date_time = ScalarType("DateTime")
int64 = ScalarType("Int64")
duration = ScalarType("Duration")

SCALARS = [json_value, json_string, date_time, int64, duration]


@json_value.serializer
def _json_out(value: Any) -> Any:
    """Real JSON knows no NaN: a bare token would break the whole answer."""
    return strict(value)


@json_string.serializer
def _json_string_out(value: Any) -> str:
    """Inside a string the client reads bare NaN and Infinity. Text is JSON already."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@json_string.value_parser
def _json_string_in(value: Any) -> Any:
    if not isinstance(value, str):
        raise Refused("JSONString is a string that holds JSON")
    return tolerant_json(value)


@date_time.serializer
def _date_time_out(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat()


@int64.value_parser
@duration.value_parser
def _integer_in(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise Refused("no 64-bit integer")
    return value


def strict(value: Any) -> Any:
    """A value as strict JSON: NaN and infinities as the strings the client reads."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    return [strict(item) for item in value] if isinstance(value, list) else value
