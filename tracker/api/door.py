"""What all views of the API have in common: how they answer and refuse, and how often somebody may ask."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import orjson
from django.conf import settings
from django.core.cache import caches
from django.http import QueryDict
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from drf_spectacular.utils import OpenApiParameter
from numpy.typing import NDArray
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from projects.charts.line_plot import SpecError
from projects.looking import Looking
from projects.models import Project
from projects.query.from_url import MAX_PAGE
from projects.query.runset import BadQuery
from projects.views.doors import looking_or_404, project_or_404
from tracker.api import parameters
from tracker.api.shapes import Numbers


class JsonRenderer(BaseRenderer):
    """NaN and infinities, which JSON does not have, are null."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


class OneForm(BaseContentNegotiation):
    """`as` alone decides: who takes CSV only gets it without saying so twice, and a refusal is always JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0] if parsers else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class Rate(UserRateThrottle):
    """Counts a person's requests, whichever of their keys they come with, and those of an address without one.

    Each server process counts for itself, in its memory.
    """

    cache = caches["api-rate"]

    def get_rate(self) -> str | None:
        return settings.API_RATE or None


@method_decorator(gzip_page, name="dispatch")
class ApiView(APIView):
    """`answer`: the type of its JSON; `files`: the content types it can have instead, by the value of `as`. `reads`:
    its parameters; `status_codes`: those of its refusals."""

    renderer_classes = (JsonRenderer,)
    parser_classes = (JSONParser,)
    content_negotiation_class = OneForm
    throttle_classes = (Rate,)
    metadata_class = None

    answer: type | None = None
    files: dict[str, str] = {}
    reads: tuple[OpenApiParameter, ...] = ()
    status_codes: tuple[int, ...] = (401, 429)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, BadQuery):
            exc = ValidationError({"detail": str(exc)})
        elif isinstance(exc, SpecError):
            exc = ValidationError({"detail": str(exc), "errors": exc.errors})
        return super().handle_exception(exc)


class ProjectView(ApiView):
    """Of a project that the asking person may see."""

    status_codes = (400, 401, 404, 429)

    def owner(self, request: Request, entity: str, project: str) -> Project:
        return project_or_404(request, entity, project)


class RunsetView(ProjectView):
    """Of what a project page's query string asks for."""

    def asked(self, request: Request, entity: str, project: str, group: str | None = None) -> Looking:
        return looking_or_404(request, self.owner(request, entity, project), group)


def numbers(values: NDArray[np.float64]) -> Numbers:
    """As JsonRenderer writes them."""
    return cast(Numbers, np.ascontiguousarray(values))


def page_asked(query: QueryDict) -> int:
    """Raises BadQuery."""
    page = whole_asked(query, "page")
    if page is None:
        return 1
    if not 1 <= page <= MAX_PAGE:
        raise BadQuery(f"page: a number from 1 to {MAX_PAGE}")
    return page


def size_asked(query: QueryDict, otherwise: int = 100, most: int = parameters.MOST) -> int:
    """How many a page. Raises BadQuery."""
    size = whole_asked(query, "size")
    if size is None:
        return otherwise
    if not 1 <= size <= most:
        raise BadQuery(f"size: a number from 1 to {most}")
    return size


def whole_asked(query: QueryDict, name: str) -> int | None:
    """Raises BadQuery."""
    text = query.get(name)
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise BadQuery(f"{name}: a whole number, not “{text[:100]}”")
    return int(text)


def next_address(request: Request, more: bool, **changes: object) -> str | None:
    """That of this request with these parameters, so that whoever follows it keeps asking the same; None if there is no
    more."""
    if not more:
        return None
    query = request.query_params.copy()
    for name, value in changes.items():
        query[name] = str(value)
    return str(request.build_absolute_uri(f"{request.path}?{query.urlencode(safe=',:/()')}"))


def links(request: Request, looking: Looking) -> dict[str, str]:
    """The addresses that answer more of the same question."""
    names, query = [looking.project.entity.name, looking.project.name], f"?{looking.query}" if looking.query else ""
    return {
        word: request.build_absolute_uri(reverse(f"api-{word}", args=names) + query)
        for word in ("runs", "columns", "groups", "series", "results", "compare", "export")
    }
