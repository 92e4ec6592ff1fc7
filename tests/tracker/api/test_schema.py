"""The schema says all there is to say, and the API does as it says: cases made from it, with no server between.

More of them, and others each time: `API_EXAMPLES=500 pytest tests/tracker/api/test_schema.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import yaml
from django.core.cache import caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS

from projects import access
from tests.factories import log_run
from tests.projects.cast import Cast
from tracker.api import parameters
from tracker.api.openapi import document
from tracker.wsgi import application

pytestmark = pytest.mark.django_db

MANY = int(os.environ.get("API_EXAMPLES", "0"))
HELD = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
API = schemathesis.openapi.from_dict(document())
OPERATIONS = {it.ok().definition.raw["operationId"]: it.ok() for it in API.get_all_operations()}
# What strings alone would hardly ever hit upon.
SAID = {
    "group": ["config.lr", "state", "config.lr:equal:2", "tags:whole", "config.none"],
    "f": ["config.lr:=:0.3", "summary.loss:<:1", "display_name:regex:lr", "config.lr:set", "state:=:finished", "any("],
    "sort": ["-summary.loss", "config.lr", "runs", "created_at"],
    "columns": ["*", "differ", "summary.loss", "state"],
    "pin": ["config.lr", "tags"],
    "stat": ["median:summary.loss", "count:config.lr"],
    "show": ["min:summary.loss", "latest:summary.loss"],
    "q": ["lr0.1", "/lr.*-1/", "/(/", ""],
    "metric": ["loss", "summary.loss", "config.lr", "none"],
    "rows": ["config.lr", "state", "groups", "runs"],
    "across": ["state", "config.lr", ""],
    "best": ["min:summary.loss", "max:x"],
    "pair": ["", "config.lr"],
    "settings": ['{"groupAgg": "median"}', '{"smoothingWeight": 2}', "{", '{"xAxis": "loss"}'],
    "key": ["loss", "_step", "none"],
    "x": ["_runtime", "loss", ""],
    "smoothing": ["exponential:0.5", "gaussian:2", "ema", ""],
    "results": ["rows=config.lr", "rows=config.lr&cell=none", ""],
    "compare": ["metric=summary.loss&pair=", "metric=none", ""],
    **dict.fromkeys(("view", "sweep", "panel", "below", "baseline"), [""]),
    **dict.fromkeys(("hide", "open"), ["", "gone"]),
    "within": ["", "none"],
    "after": ["0.1", "3-" + "0" * 32, "x"],
}
THERE = {"entity": "lab", "project": "digits", "run": "lr0.1-0", "group": "one"}
# What is answered, of each operation that needs to be asked for something, or has several forms.
_GROUPED = {"group": ["config.lr"]}
GOOD: dict[str, list[dict[str, Any]]] = {
    "groups": [_GROUPED],
    "series": [{"metric": "loss", **_GROUPED, "as": form} for form in ("json", "csv", "parquet")],
    "export": [{**_GROUPED, "rows": "groups", "as": form} for form in ("json", "csv", "parquet")],
    "results": [
        *({"rows": "config.lr", "as": form} for form in ("json", "csv", "latex", "markdown")),
        {"results": "rows=config.lr"},
    ],
    "compare": [{**_GROUPED, "compare": "metric=summary.loss"}],
    "history": [{}, {"as": "csv"}, {"as": "parquet"}, {"size": 2}],
}


def test_every_route_is_described_without_a_warning() -> None:
    GENERATOR_STATS.reset()
    document.cache_clear()
    schema = document()
    assert not GENERATOR_STATS
    validate_schema(schema)
    known = {re.sub("<[a-z]+:", "{", route).replace(">", "}") for route in _routes(get_resolver().url_patterns)}
    assert {f"/{route}" for route in known} - {"/api/"} == schema["paths"].keys()
    for path, of in schema["paths"].items():
        operation = of["get"]
        assert operation["description"], path
        assert {"401", "429"} <= operation["responses"].keys()
        for parameter in operation["parameters"]:
            assert "$ref" in parameter or parameter["description"], (path, parameter)
    for name, shape in schema["components"]["schemas"].items():
        assert shape["description"], name


def _routes(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns)
        elif str(pattern.pattern).startswith("api/"):
            yield str(pattern.pattern)


@pytest.fixture(scope="module")
def key(cast: Cast, django_db_blocker: Any) -> str:
    with django_db_blocker.unblock():
        log_run(cast.project, "of-a-group", [{"loss": 1.0}], group="one", config={"lr": 0.1})
        return access.api_key_create(user=cast.owner)


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The end of a request does not close the connection that the test's transaction is on."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_are_as_the_schema_says(name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.api.door.Rate.get_rate", lambda self: None)
    operation = OPERATIONS[name]
    checks = CHECKS.get_by_names(HELD)

    @settings(
        max_examples=MANY or 12,
        derandomize=not MANY,
        database=None,
        phases=[Phase.generate] if not MANY else list(Phase),
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(), st.data())
    def asked(case: schemathesis.Case, data: st.DataObject) -> None:
        often = st.integers(0, 9)
        if data.draw(often):
            case.path_parameters = {part: THERE[part] for part in case.path_parameters or {}}
        for part in sorted((case.query or {}).keys() & SAID.keys()):
            if data.draw(often):
                found = data.draw(st.lists(st.sampled_from(SAID[part]), min_size=1, max_size=2))
                case.query[part] = found if isinstance(case.query[part], list) else found[0]
        answered(case)

    def answered(case: schemathesis.Case) -> int:
        case.headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
        response = case.call(app=application)
        case.validate_response(response, checks=checks)
        return response.status_code

    in_path = {part: THERE[part] for part in re.findall(r"{(\w+)}", operation.path)}
    for query in GOOD.get(name, [{}]):
        assert answered(operation.Case(path_parameters=in_path, query=query)) == 200, query
    asked()


def test_the_schema_is_there_in_both_forms_for_anybody(client: Client) -> None:
    said = client.get("/api/schema/").json()
    assert said == document()
    assert yaml.safe_load(client.get("/api/schema/?as=yaml").content) == said
    assert client.get("/api/schema/?as=xml").status_code == 400


def test_the_page_describes_each_route_and_parameter_and_has_no_script_of_its_own(client: Client) -> None:
    page = client.get("/api/").content.decode()
    schema = document()
    for path, of in schema["paths"].items():
        assert f"<code>{path}</code>" in page
        for parameter in of["get"]["parameters"]:
            name = parameter.get("name") or parameter["$ref"].rpartition("/")[2]
            assert f"<code>{name}</code>" in page or f"{{{name}}}" in path
    for name in schema["components"]["schemas"]:
        assert f'id="{name}"' in page
    assert re.findall("<script[^>]*>", page) == re.findall("<script[^>]*>", client.get("/sign-in").content.decode())
    assert "<script>" not in page
    assert " style=" not in page
    for it in parameters.RUNSET:
        assert page.count(f"<dt><code>{it.name}</code> <span") == 1


def test_who_asks_too_often_is_told_when_to_come_back(
    cast: Cast, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.api.door.Rate.get_rate", lambda self: "3/minute")
    caches["api-rate"].clear()
    mine = [{"Authorization": f"Bearer {access.api_key_create(user=cast.teammate)}"} for _ in range(2)]
    said = [client.get("/api/lab/digits", headers=mine[at % 2]).status_code for at in range(4)]
    assert said == [200, 200, 200, 429], "keys of one person count together"
    answer = client.get("/api/lab/digits", headers=mine[0])
    assert 0 < int(answer["Retry-After"]) <= 60
    assert "throttled" in answer.json()["detail"]
    assert cast.as_("owner").get("/api/lab/digits").status_code == 200, "others are not held up"
    spoofed = [client.get("/api/projects", headers={"X-Forwarded-For": f"10.0.0.{at}"}).status_code for at in range(4)]
    assert spoofed == [200, 200, 200, 429], "an address that only the asker says is not believed"
    caches["api-rate"].clear()


def test_without_a_rate_anybody_may_ask_as_often_as_they_like(client: Client, settings: Any) -> None:
    settings.API_RATE = ""
    assert {client.get("/api/projects").status_code for _ in range(20)} == {200}
    assert not caches["api-rate"]._cache
