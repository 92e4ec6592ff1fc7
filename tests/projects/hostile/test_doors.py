"""Whatever comes to a door for people, it answers what it means by a status below 500, strangers learn nothing, and
nothing of others changes. `make fuzz` asks many more times than `make test`."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.db.models import QuerySet
from django.urls.converters import IntConverter
from hypothesis import HealthCheck, Phase, given, seed, settings

from projects import access
from projects.models import ApiKey, Entity, Project, User, Workspace
from runs.models import Artifact, Column, Run, Sweep
from tests.factories import log_artifact, log_run, make_sweep
from tests.projects.cast import Cast, make_cast
from tests.projects.hostile import asked
from tests.test_every_door import ROUTES, everything

pytestmark = pytest.mark.django_db

MANY = int(os.environ.get("FUZZ", "0"))
_MACHINES = ("graphql", "files/", "storage/", "artifacts/", "artifactsV2/", "sdk/", "oidc/")  # tests/wire asks them
DOORS = sorted(route for route in ROUTES if not route.startswith(_MACHINES))
OF_A_PROJECT = [route for route in DOORS if "<str:project>" in route]
TRIED: Counter[str] = Counter()
Pairs = list[tuple[str, str]]


def often(count: int) -> Any:
    """So many examples, or FUZZ in the environment; the same each time unless FUZZ_SEED is another."""

    def decorated(test: Any) -> Any:
        checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
        wanted = settings(
            max_examples=MANY or count, deadline=None, database=None, suppress_health_check=checks,
            phases=[Phase.generate],  # an example is many requests: the one that fails is named
        )  # fmt: skip
        return wanted(seed(int(os.environ.get("FUZZ_SEED", "1")))(test))

    return decorated


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    for number, lr in enumerate((0.1, 0.1, 0.01, None)):
        config = {"seed": number, "name": "ä", "odd:key": 1, "layers": [8, 16], "none": None} | (
            {"lr": lr} if lr else {}
        )
        history = [{"loss": 1 / (step + 1), "count": step, "val/acc": float("nan") if step else 1} for step in range(5)]
        log_run(
            cast.project, f"r{number}", history, config=config, group="g" if number else "", tags=["a", "b"],
            summary={"loss": 0.1 * number, "acc": float("inf") if number == 2 else 1, "text": "<b>"},
        )  # fmt: skip
    log_artifact(Run.objects.get(name="r0"), {"a.txt": b"x"}, description="d", client_id="client")
    make_sweep(cast.project)
    log_run(access.project_get_or_create(cast.owner, entity="lab", name="other"), "r0", [{"loss": 1.0}])
    log_run(access.project_get_or_create(cast.stranger, entity=None, name="theirs"), "r0", [{"loss": 1.0}])
    return cast


@pytest.fixture
def owner(cast: Cast) -> Asker:
    return Asker(cast, "owner")


@pytest.fixture
def stranger(cast: Cast) -> Asker:
    return Asker(cast, "stranger")


@pytest.fixture(scope="module", autouse=True)
def _said() -> Iterator[None]:
    yield
    if MANY:
        print(f"\nfuzz: {sum(TRIED.values()):,} inputs were tried; answers: {dict(sorted(TRIED.items()))}")


def address(route: str, **spoilt: str) -> str:
    """The route with what there is, or with what stands in for some parts of it."""
    there = {
        "entity": "lab", "project": "digits", "run": "r0", "token": "made-up", "type": "dataset", "name": "data",
        "group": "g", "version": "v0", "sweep": Sweep.objects.get().name,
    } | spoilt  # fmt: skip
    path = route
    for part, converter in ROUTES[route].items():
        text = "1" if isinstance(converter, IntConverter) else quote(there.get(part, "1"), safe="") or "x"
        path = re.sub(rf"<(\w+:)?{part}>", text.replace("\\", r"\\"), path)
    return "/" + path


class Asker:
    """One who asks, signed in the same however the former question ended."""

    def __init__(self, cast: Cast, who: str) -> None:
        self._client = cast.as_(who)
        self._cookies = self._client.cookies.output()

    def __call__(self, method: str, path: str, body: tuple[str, Any] = ("", "")) -> int:
        """The status, the whole answer having been read."""
        self._client.cookies.clear()
        self._client.cookies.load(self._cookies.replace("Set-Cookie: ", ""))
        kind, content = body
        if kind == "form":
            kind, content = "application/x-www-form-urlencoded", urlencode(content)
        answer = self._client.generic(method, path, content, kind or "application/octet-stream")
        if answer.streaming:
            b"".join(answer.streaming_content)
        status = answer.status_code
        TRIED[str(status)] += 1
        assert status < 500, (method, path, status)
        return int(status)


def rows(*questions: QuerySet) -> list[Any]:
    return [sorted(question.values_list(), key=repr) for question in questions]


def of_others(cast: Cast) -> list[Any]:
    """What nobody in the project `digits` may change, were it by a slip."""
    own = cast.project.id
    return rows(
        Run.objects.exclude(project=own), Column.objects.exclude(project=own), Workspace.objects.exclude(project=own),
        Project.objects.exclude(id=own), Artifact.objects.exclude(collection__project=own),
        User.objects.exclude(id=cast.owner.id), Entity.objects.exclude(name="lab"),
        ApiKey.objects.exclude(user=cast.owner),
    )  # fmt: skip


@contextmanager
def taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def writes(owner: Asker) -> list[tuple[str, str]]:
    """Methods and routes of all doors that answer anything but GET."""
    found = []
    for route in DOORS:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with taken_back():
                if owner(method, address(route)) != 405:
                    found.append((method, route))
    return found


@often(4)
@given(query=asked.queries, spoilt=asked.spoilt)
def test_whatever_an_address_asks_is_answered_and_changes_nothing(
    cast: Cast, owner: Asker, stranger: Asker, query: Pairs, spoilt: dict[str, str]
) -> None:
    with taken_back():
        before = everything()
        for route in DOORS:
            path = f"{address(route, **spoilt)}?{urlencode(query)}"
            owner("GET", path)
            if route in OF_A_PROJECT:
                assert stranger("GET", path) in {404, 405}, path
        assert everything() == before


@often(4)
@given(query=asked.queries, spoilt=asked.spoilt, body=asked.bodies)
def test_whatever_is_sent_is_answered_and_changes_nothing_of_others(
    cast: Cast, owner: Asker, stranger: Asker, writes: Pairs, query: Pairs, spoilt: dict[str, str],
    body: tuple[str, Any],
) -> None:  # fmt: skip
    asked_of = [(method, route, f"{address(route, **spoilt)}?{urlencode(query)}") for method, route in writes]
    with taken_back():
        before = everything()
        for method, route, path in asked_of:
            if route in OF_A_PROJECT:
                assert stranger(method, path, body) in {404, 405}, path
        assert everything() == before
    for method, _, path in asked_of:
        with taken_back():
            others = of_others(cast)
            owner(method, path, body)
            assert of_others(cast) == others, path
