"""Requests harmed on their way: hypothesis says how; what is harmed is any real request of the client."""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
Path = tuple[Any, ...]

NAMES = (
    "", " ", ".", "..", "../..", "a/b", "a\\b", "%", "%00", "%2e%2e%2f", "a\0b", "a\nb", "\ud800", "é", "؀", "null",
    "__proto__", "_wandb", "_step", "_type", "value", "'; DROP TABLE runs_run; --", "<script>alert(1)</script>",
    "{{7*7}}", "${x}", "a.b.c", ".", "....", "x" * 300, "x" * 5000, "🎉" * 200, "-1", "0", "NaN",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**31, 2**53 + 1, 2**63, -(2**63), 10**30, 10**400, 1e308, float("nan"),
    float("inf"), "", "0", "x", "null", "{}", "[]", "{", '"', "[[]]", [], {}, [None], [[]], {"": None}, [1, "a", None],
    {"value": None}, {"_type": 1}, {"_type": "table-file", "path": "../../x"}, {"$gt": {"$gt": []}}, [{}] * 3,
    "9" * 400, "2020-13-45T99:99:99", "00000000-0000-0000-0000-000000000000", "a\0\ud800", *NAMES[:16],
)  # fmt: skip
_DEEP = "\x01deep"
_INDEX = "*"


@dataclass(frozen=True)
class Sent:
    """One HTTP request. `length`: what Content-Length says when it lies."""

    method: str
    path: str
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None

    def __str__(self) -> str:
        said = {name: value for name, value in self.headers.items() if name != "Authorization"}
        return f"{self.method} {self.path[:300]} {said} {self.body[:3000]!r} (of {len(self.body)})"


class Inside:
    """A value that travels as text: JSON in a JSON string."""

    def __init__(self, value: Any) -> None:
        self.value = value


def harms(request: Sent) -> st.SearchStrategy[Sent]:
    """The request with one to three harms done to it."""

    @st.composite
    def harmed(draw: Any) -> Sent:
        now = request
        for _ in range(draw(st.integers(1, 3))):
            now = draw(st.sampled_from(_kinds(now)))(draw, now)
        return now

    return harmed()


def _kinds(request: Sent) -> list[Callable[[Draw, Sent], Sent]]:
    kinds = [_bytes, _headers, _address]
    if _json(request) is not None:
        kinds = [_tree] * 8 + kinds
        if request.path == "/graphql":
            kinds = [_query_text] * 2 + kinds
    return kinds


def _json(request: Sent) -> Any:
    try:
        return json.loads(request.body) if request.body[:1] in {b"{", b"["} else None
    except (ValueError, RecursionError):
        return None


def _tree(draw: Draw, request: Sent) -> Sent:
    tree = {"root": _opened(_json(request))}
    places: dict[Path, list[Path]] = {}
    for path in _paths(tree):
        places.setdefault(tuple(_INDEX if isinstance(step, int) else step for step in path), []).append(path)
    # Of each kind of place as often, however many lines there are.
    path = draw(st.sampled_from(draw(st.sampled_from(list(places.values())))))
    holder = functools.reduce(lambda value, step: _within(value)[step], path[:-1], tree)
    draw(st.sampled_from(_CHANGES))(draw, _within(holder), path[-1])
    text = json.dumps(_closed(tree.get("root", next(iter(tree.values()), None))))
    levels = draw(st.sampled_from((5, 90, 150, 3000, 100_000))) if _DEEP in text or "u0001deep" in text else 0
    return replace(request, body=re.sub(r'\\*"(\\*u0001|\x01)deep\\*"', "[" * levels + "]" * levels, text).encode())


def _within(value: Any) -> Any:
    return value.value if isinstance(value, Inside) else value


def _opened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _opened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_opened(item) for item in value]
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return Inside(_opened(json.loads(value)))
        except (ValueError, RecursionError):
            return value
    return value


def _closed(value: Any) -> Any:
    if isinstance(value, Inside):
        return json.dumps(_closed(value.value))
    if isinstance(value, dict):
        return {key: _closed(item) for key, item in value.items()}
    return [_closed(item) for item in value] if isinstance(value, list) else value


def _paths(tree: Any) -> list[Path]:
    found: list[Path] = []
    pending: list[tuple[Path, Any]] = [((), tree)]
    while pending:
        prefix, value = pending.pop()
        value = _within(value)
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, item in items:
            found.append((*prefix, step))
            pending.append(((*prefix, step), item))
    return sorted(found, key=repr)


def _drop(draw: Draw, holder: Any, step: Any) -> None:
    del holder[step]


def _retype(draw: Draw, holder: Any, step: Any) -> None:
    holder[step] = draw(st.sampled_from(VALUES))


def _double(draw: Draw, holder: Any, step: Any) -> None:
    value = holder[step]
    if isinstance(value, bool | None):
        holder[step] = [value, value]
    elif isinstance(value, Inside):
        holder[step] = json.dumps(_closed(value.value)) * 2
    elif isinstance(value, dict):
        holder[step] = value | {f"{key}2": item for key, item in value.items()}
    else:
        holder[step] = value * 2


def _enlarge(draw: Draw, holder: Any, step: Any) -> None:
    value = _within(holder[step])
    if isinstance(value, dict):
        holder[step] = value | {f"k{i}": i for i in range(2000)}
    elif isinstance(value, list) and value:
        holder[step] = value * (1 + 2000 // len(value))
    elif isinstance(value, str):
        holder[step] = (value or "x") * (1 + draw(st.sampled_from((600, 50_000))) // (len(value) or 1))
    else:
        holder[step] = draw(st.sampled_from((2**31, 2**53, 2**63, 2**64, 10**25, 10**400, -(2**63), -(10**25), 1e300)))


def _rename(draw: Draw, holder: Any, step: Any) -> None:
    if isinstance(holder, dict):
        holder[draw(st.sampled_from(NAMES))] = holder.pop(step)
    else:
        holder[step] = draw(st.sampled_from(NAMES))


def _nest(draw: Draw, holder: Any, step: Any) -> None:
    if draw(st.booleans()):
        holder[step] = _DEEP
        return
    value, wrap = holder[step], draw(st.booleans())
    for _ in range(draw(st.sampled_from((1, 2, 60, 130)))):
        value = {"a": value} if wrap else [value]
    holder[step] = value


_CHANGES = (_drop, _retype, _retype, _retype, _double, _enlarge, _rename, _nest)


def _query_text(draw: Draw, request: Sent) -> Sent:
    body = _json(request)
    text = body.get("query") if isinstance(body, dict) else None
    words = list(re.finditer(r"\w+|[^\s\w]", text)) if isinstance(text, str) else []
    if not isinstance(text, str) or not words:
        return request
    word = draw(st.sampled_from(words))
    new = draw(
        st.sampled_from(
            ("", "}", "{", "!", "$x", "x", "id", "__typename", "null", "[1]", '"\\u0000"', "1e999", "...F", "@skip",
             f"{word[0]} {word[0]}", "{ a }", "\ud800", "#", "edges", "node", "9" * 30)
        )
    )  # fmt: skip
    body["query"] = text[: word.start()] + new + text[word.end() :]
    return replace(request, body=json.dumps(body).encode())


def _bytes(draw: Draw, request: Sent) -> Sent:
    body = request.body
    at = draw(st.integers(0, max(0, len(body))))
    some = draw(st.sampled_from((b"\0", b"\xff", b"\xed\xa0\x80", b'"', b"}", b"[", b"\x1f\x8b", b"NaN", b"\\u0000")))
    kind = draw(st.sampled_from(("cut", "head", "insert", "replace", "twice", "none", "key", "lie", "utf16")))
    match kind:
        case "cut":
            body = body[:at]
        case "head":
            body = body[at:]
        case "insert":
            body = body[:at] + some + body[at:]
        case "replace":
            body = body[:at] + some + body[at + len(some) :]
        case "twice":
            body = body * 2
        case "key":
            body = b'{"query": 1, "files": [], "variables": 3, ' + body.lstrip(b"{")
        case "lie":
            return replace(request, length=draw(st.sampled_from((0, 1, len(body) + 7, 10**12, -1))))
        case "utf16":
            body = body.decode("utf-8", "replace").encode("utf-16")
        case _:
            body = b""
    return replace(request, body=body)


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (65 << 20), 1)


def _headers(draw: Draw, request: Sent) -> Sent:
    packed = gzip.compress(request.body)
    kind = draw(st.sampled_from(("type", "type", "coding", "gzip", "gzip", "writer", "key", "other")))
    match kind:
        case "type":
            types = ("", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "x" * 500,
                     "a/b; c=\xff", "application/x-www-form-urlencoded", "application/json; charset=utf-7")  # fmt: skip
            return replace(request, content_type=draw(st.sampled_from(types)))
        case "coding":
            said = {"Content-Encoding": draw(st.sampled_from(("gzip", "br", "deflate", "gzip, gzip", "x" * 300, "é")))}
        case "gzip":
            at = draw(st.integers(0, len(packed)))
            whole = draw(st.sampled_from(("whole", "cut", "damaged", "tail", "twice", "bomb")))
            pieces = {
                "whole": packed, "cut": packed[:at], "tail": packed + b"x", "twice": gzip.compress(packed),
                "damaged": packed[:at] + b"\xff" + packed[at + 1 :],
            }  # fmt: skip
            body = _bomb() if whole == "bomb" else pieces[whole]
            return replace(request, body=body, headers=request.headers | {"Content-Encoding": "gzip"})
        case "writer":
            name = draw(st.sampled_from(("X-Wandb-Async-Client-Id", "X-Wandb-Client-Id")))
            said = {name: draw(st.sampled_from(("w", "", "x" * 100, "x" * 101, "a\tb", "\xff", "../..", "'")))}
        case "key":
            keys = ("", "Basic", "Basic !!!", "Basic YXBpOg==", "Basic YXBpOng=", "Bearer x", "Basic /w==", "x" * 9000)
            said = {"Authorization": draw(st.sampled_from(keys))}
        case _:
            name = draw(st.sampled_from(("Host", "Range", "X-Forwarded-Host", "Accept", "Cookie", "Transfer-Encoding")))
            said = {name: draw(st.sampled_from(("", "x", "bytes=5-1", "bytes=0-", "a b", "*" * 300, "chunked")))}
    return replace(request, headers=request.headers | said)


def _address(draw: Draw, request: Sent) -> Sent:
    if draw(st.integers(0, 3)) == 0:
        return replace(request, method=draw(st.sampled_from(("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"))))
    start, *steps = request.path.split("/")
    at = draw(st.integers(0, len(steps) - 1))
    name = draw(st.sampled_from(NAMES))
    odd = quote(name.encode("utf-8", "surrogatepass"), safe="")
    match draw(st.sampled_from(("replace", "add", "drop", "end"))):
        case "replace":
            steps[at] = odd
        case "add":
            steps.insert(at, odd)
        case "drop":
            del steps[at]
        case _:
            steps[-1] += odd
    return replace(request, path="/".join((start, *steps)) or "/")
