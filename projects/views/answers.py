"""What views that speak JSON have in common: answers, refusals, and the changes that scripts ask for."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from projects.charts.line_plot import SpecError
from projects.query.runset import BadQuery


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure that was asked for: its version, another whenever the figure is, and what gives its JSON."""

    version: str
    draw: Callable[[], bytes]


def answer_figure(request: HttpRequest, asked: Asked) -> HttpResponse:
    """The figure; nothing for who has this version of it."""
    etag = f'W/"{asked.version}"'  # weak, as the bytes on the way may be compressed
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = HttpResponse(asked.draw(), content_type="application/json")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


def answer_json(answer: dict[str, object], status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(answer), content_type="application/json", status=status)


def refused(error: ValueError) -> HttpResponse:
    errors = {"errors": error.errors} if isinstance(error, SpecError) else {}
    return answer_json({"error": str(error), **errors}, status=400)


def change_from(body: bytes, dos: Container[str]) -> dict[str, Any]:
    """The JSON object of a POST whose `do` is one of `dos`; its other values are whatever was sent. Raises BadQuery."""
    try:
        change = orjson.loads(body)
    except orjson.JSONDecodeError:
        change = None
    if not isinstance(change, dict) or not isinstance(change.get("do"), str) or change["do"] not in dos:
        raise BadQuery("The change is not understood.")
    return change
