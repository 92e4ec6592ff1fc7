"""Bytes of a request to plain values, with bounds on size and depth."""

from __future__ import annotations

import json
import zlib
from typing import Any

import orjson
from django.http import HttpRequest

from tracker.wire.errors import Refused

MAX_BODY = 64 * 1024 * 1024  # after decompression; the client cuts at about 10 MiB
MAX_DEPTH = 100


def body_json(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a body, gzip or plain."""
    return json_envelope(body_bytes(request))


def json_envelope(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is. It is strict JSON; only lines inside may hold NaN."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        # orjson refuses what JSON allows and clients may send: half a surrogate pair, very deep or very large values.
        value = tolerant_json(body.decode("utf-8", "replace"))
    if not isinstance(value, dict):
        raise Refused("the body is no JSON object")
    return value


def tolerant_json(text: str) -> Any:
    """A JSON value which may hold bare NaN, Infinity and -Infinity, as the client writes them."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise Refused("JSON nested too deeply") from None
    except ValueError as error:
        raise Refused(f"malformed JSON: {error}") from None
    _depth_check(value)
    return value


def json_object(text: str, what: str) -> dict[str, Any]:
    value = tolerant_json(text)
    if not isinstance(value, dict):
        raise Refused(f"{what} is no JSON object")
    return value


def _depth_check(value: Any) -> None:
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [
            child
            for item in layer
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
        if not layer:
            return
    raise Refused(f"JSON nested deeper than {MAX_DEPTH} levels")


def content_length(request: HttpRequest) -> int:
    """Bytes of the body as announced; without an announcement there are none."""
    try:
        return int(request.headers.get("Content-Length") or 0)
    except ValueError:
        raise Refused("Content-Length is no number") from None


def body_bytes(request: HttpRequest) -> bytes:
    """A body, unpacked."""
    length = content_length(request)
    if length > MAX_BODY:
        raise Refused("the body is too large", 413)
    # Read from the stream: Django's own limit for forms is lower than what a client may send.
    body = request.read(length)
    match request.headers.get("Content-Encoding", "identity").lower():
        case "identity" | "":
            return body
        case "gzip":
            return _gunzip(body)
        case other:
            raise Refused(f"Content-Encoding {other} is not supported", 415)


def _gunzip(body: bytes) -> bytes:
    unpack = zlib.decompressobj(wbits=31)
    try:
        data = unpack.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise Refused("the body is no gzip") from None
    if len(data) > MAX_BODY:
        raise Refused("the body is too large", 413)
    if not unpack.eof:
        raise Refused("the body is cut short")
    return data
