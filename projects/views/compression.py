"""Answers that are worth compressing: Zstandard for who takes it, for a tenth of gzip's time; else gzip."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps

import zstandard
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.gzip import gzip_page

View = Callable[..., HttpResponse]

LEVEL = 3
SHORTEST = 200  # bytes; as Django's gzip has it


def compressed(view: View) -> View:
    """The view's answers, compressed as the request's Accept-Encoding allows; an ETag of the view must be weak."""
    zipped = gzip_page(view)

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not _takes_zstd(request.headers.get("Accept-Encoding", "")):
            return zipped(request, *args, **kwargs)
        response = view(request, *args, **kwargs)
        patch_vary_headers(response, ("Accept-Encoding",))
        if len(response.content) >= SHORTEST:
            response.content = zstandard.ZstdCompressor(level=LEVEL).compress(response.content)
            response["Content-Encoding"] = "zstd"
            response["Content-Length"] = str(len(response.content))
        return response

    return answer


def _takes_zstd(accepted: str) -> bool:
    return re.search(r"\bzstd\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", accepted) is not None
