"""The schema of the API: what its views say of themselves, as OpenAPI. Loaded only by who asks for the schema."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from drf_spectacular.authentication import SessionScheme  # noqa: F401 (importing it makes it known)
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, get_doc, resolve_type_hint
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from tracker.api import shapes
from tracker.api.door import ApiView

_REFUSED = {
    400: "The question means nothing; `detail` says why.",
    401: "The API key is not valid.",
    404: "There is no such thing, or not for you.",
    429: "Too many requests: ask again after the seconds that `Retry-After` says.",
}
_FILES = {
    "application/json": {"type": "array", "items": {"type": "object"}},
    "application/vnd.apache.parquet": {"type": "string", "format": "binary"},
}
_IN_PATH = {
    "entity": "A person or a team.",
    "project": "The project's name.",
    "run": "The run's id, as in the address of its page.",
    "group": "The group's name; a slash needs no escape.",
}


class Key(OpenApiAuthenticationExtension):
    target_class = "tracker.api.auth.ApiKeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of your account page."}


class Schema(AutoSchema):
    """What a view's `answer`, `files`, `reads` and `status_codes` say."""

    view: ApiView

    def get_operation_id(self) -> str:
        name = type(self.view).__name__
        return name[0].lower() + name[1:]

    def get_description(self) -> str:
        return str(get_doc(type(self.view)))

    def get_summary(self) -> str:
        return self.get_description().partition(":")[0].partition(".")[0].partition(",")[0]

    def get_tags(self) -> list[str]:
        return []

    def get_override_parameters(self) -> list[OpenApiParameter | Any | type[Any]]:
        named = [part.strip("{}") for part in self.path.split("/") if part.startswith("{")]
        in_path = [
            OpenApiParameter(name, str, OpenApiParameter.PATH, required=True, description=_IN_PATH[name])
            for name in named
        ]
        return [*in_path, *self.view.reads]

    def get_response_serializers(self) -> dict[Any, OpenApiResponse]:
        answers: dict[Any, OpenApiResponse] = {}
        if self.view.answer is not None:
            answers[200, "application/json"] = OpenApiResponse(self._of(self.view.answer), "The answer.")
        for content_type in self.view.files.values():
            media = content_type.partition(";")[0]
            same = self.view.answer if media == "application/yaml" else None
            said = _FILES.get(media, {"type": "string"}) if same is None else self._of(same)
            answers[200, media] = OpenApiResponse(said, "The answer.")
        for code in self.view.status_codes:
            refusal = shapes.BadRequest if code == 400 else shapes.Refusal
            answers[code, "application/json"] = OpenApiResponse(self._of(refusal), _REFUSED[code])
        return answers

    def _get_response_headers_for_code(self, status_code: str, direction: str = "response") -> dict[str, Any]:
        if status_code != "429":
            return {}
        return {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}

    def _of(self, shape: type) -> dict[str, str]:
        """A reference to the type, which is described once."""
        component = ResolvedComponent(shape.__name__, ResolvedComponent.SCHEMA, resolve_type_hint(shape), shape)
        self.registry.register_on_missing(component)
        return dict(component.ref)


def of_the_api(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Hook: the views that say what they answer."""
    return [it for it in endpoints if issubclass(getattr(it[3], "cls", object), ApiView)]


def parameters_once(result: dict[str, Any], **hook: Any) -> dict[str, Any]:
    """Hook: a parameter that several routes have is described once, and they refer to it."""
    operations = [operation for path in result["paths"].values() for operation in path.values()]
    said = [parameter for operation in operations for parameter in operation.get("parameters", ())]
    shared: dict[str, Any] = {}
    for parameter in said:
        name = parameter["name"]
        if said.count(parameter) > 1 and shared.setdefault(name, parameter) != parameter:
            shared[f"{name}_{len(shared)}"] = parameter
    for operation in operations:
        operation["parameters"] = [
            next((_ref(name) for name, it in shared.items() if it == parameter), parameter)
            for parameter in operation.get("parameters", ())
        ]
    result["components"]["parameters"] = shared
    return result


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole schema, as OpenAPI 3.0."""
    return dict(SchemaGenerator().get_schema(request=None, public=True))


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}
