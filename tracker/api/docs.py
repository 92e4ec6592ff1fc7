"""The API described: a page for people, the schema for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from projects.query.runset import BadQuery
from tracker.api import parameters, shapes
from tracker.api.door import ApiView

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "date-time": "time",
}
_PLURALS = {"text": "texts", "whole number": "whole numbers", "object": "objects", "number or null": "numbers or nulls"}


class SchemaOfAll(ApiView):
    """The schema of this API, as OpenAPI."""

    answer = shapes.SchemaAnswer
    files = {"yaml": "application/yaml"}
    reads = (parameters.format_of(("json", *files), "json"),)
    status_codes = (400, 401, 429)

    def get(self, request: Request) -> Response | HttpResponse:
        # Here, not above: few processes ever need it, and it takes a third of a second.
        from tracker.api.openapi import document

        match request.query_params.get("as", "json"):
            case "json":
                return Response(document())
            case "yaml":
                import yaml

                return HttpResponse(yaml.safe_dump(document(), sort_keys=False), content_type="application/yaml")
            case _:
                raise BadQuery("as: json, yaml")


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str
    required: bool
    description: SafeString
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """`own`: the parameters described beside it; `shared`: the names of those of a project page."""

    name: str
    path: str
    description: SafeString
    own: tuple[Parameter, ...]
    shared: tuple[str, ...]
    answer: str
    files: tuple[str, ...]


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    from tracker.api.openapi import document

    schema = document()
    parts = schema["components"]
    of_a_page = [_parameter(parts["parameters"][it.name]) for it in parameters.RUNSET]
    context = {
        "routes": [
            _route(path, operation, parts["parameters"])
            for path, of in schema["paths"].items()
            for operation in of.values()
        ],
        "of_a_page": of_a_page,
        "answers": [
            (name, _marked(found.get("description", "")), [(key, _type(of)) for key, of in found["properties"].items()])
            for name, found in parts["schemas"].items()
        ],
        "rate": settings.API_RATE,
    }
    return render(request, "api/docs.html", context)


def _marked(text: str) -> SafeString:
    """What stands between two backticks as code."""
    parts = text.split("`")
    return format_html_join("", "{}", ((_code(it) if odd % 2 else it,) for odd, it in enumerate(parts)))


def _code(text: str) -> SafeString:
    return format_html("<code>{}</code>", text)


def _route(path: str, operation: dict[str, Any], known: dict[str, Any]) -> Route:
    said = [known[it["$ref"].rpartition("/")[2]] if "$ref" in it else it for it in operation["parameters"]]
    shared = {it.name for it in parameters.RUNSET}
    content = operation["responses"]["200"]["content"]
    answer = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return Route(
        name=operation["operationId"],
        path=path,
        description=_marked(operation["description"]),
        own=tuple(_parameter(it) for it in said if it["in"] == "query" and it["name"] not in shared),
        shared=tuple(it["name"] for it in said if it["name"] in shared),
        answer=answer.rpartition("/")[2],
        files=tuple(media for media in content if not (answer and media == "application/json")),
    )


def _parameter(it: dict[str, Any]) -> Parameter:
    schema = it["schema"]
    return Parameter(
        it["name"], _type(schema), it.get("required", False), _marked(it["description"]), tuple(schema.get("enum", ()))
    )


def _type(schema: dict[str, Any]) -> str:
    """In a word or two: "text", "list of objects", "number or null"."""
    if "oneOf" in schema:
        found = " or ".join(map(_type, schema["oneOf"]))
    elif schema.get("type") == "array":
        found = f"list of {_PLURALS.get(_type(schema['items']), _type(schema['items']))}"
    else:
        found = _WORDS.get(schema.get("format", ""), _WORDS.get(schema.get("type", ""), "anything"))
    return f"{found} or null" if schema.get("nullable") else found
