"""Numbers up to the largest float count as any other, from column to paper; what overflows says so."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.test import Client

from projects.models import Project
from projects.query.grouping import group_page
from projects.query.runset import Field, Runset
from tests.factories import log_run, make_project, make_user

pytestmark = pytest.mark.django_db

SUMMARY = Field("summary", "m")
GROUPS: dict[str, list[Any]] = {
    "large": [1e200, 10**250, 3e199, 10**400, float("inf")],
    "largest": [1e308, 1.5e308, 1.7e308],
    "opposite": [1.7e308, -1.7e308],
    "small": [1.0, 2.0, 4.0],
}


@pytest.fixture
def project() -> Project:
    made = make_project(make_user("ada"), "digits")
    for name, values in GROUPS.items():
        for at, value in enumerate(values):
            log_run(made, f"{name}-{at}", [], config={"c": value, "seed": at}, summary={"m": value}, group=name)
    return made


def test_statistics_count_every_finite_number(project: Project) -> None:
    runset = Runset(fields=(Field("run", "group"),), grouped=True, columns=(SUMMARY, Field("config", "c")))
    found = {group.path[0].text: group.cells for group in group_page(project, runset, below="", page=1, size=9)[0]}
    for column in runset.columns or ():
        large, largest, opposite = (found[name][column] for name in ("large", "largest", "opposite"))
        assert (large.n, large.low, large.high) == (3, 3e199, 1e250)
        assert large.mean == pytest.approx((1e200 + 1e250 + 3e199) / 3, rel=1e-15)
        assert (largest.n, largest.median, largest.high) == (3, 1.5e308, 1.7e308)
        assert largest.mean == pytest.approx(1.4e308, rel=1e-15)
        assert largest.std == pytest.approx(3.605551275463989e307, rel=1e-12)
        assert (opposite.n, opposite.mean, opposite.median) == (2, 0, 0)
        assert opposite.std == math.inf


def test_they_come_in_order(project: Project) -> None:
    runset = Runset(fields=(Field("config", "c"),), grouped=True)
    found = [group.path[0].text for group in group_page(project, runset, below="", page=1, size=50)[0]]
    every = {value for values in GROUPS.values() for value in values}
    assert list(map(float, found)) == sorted(math.inf if value == 10**400 else float(value) for value in every)


def test_pages_and_answers_show_what_there_is(client: Client, project: Project) -> None:
    client.force_login(project.entity.owner)
    page = client.get("/ada/digits?group=group&columns=summary.m&sort=-summary.m").content.decode()
    assert '1.40 <span class="deviation">± 0.36</span> ×10³⁰⁸' in page
    assert '0 <span class="deviation">± ∞</span>' in page
    results = client.get("/ada/digits/results?rows=group&metric=summary.m").context["results"]
    shown = {row.label: str(row.cells[0].shown) for row in results.rows}
    assert shown["largest"] == "(1.40 ± 0.36)×10³⁰⁸"
    assert shown["opposite"] == "0 ± ∞"
    for cell in ("ci95", "quartiles"):
        assert client.get(f"/ada/digits/results?rows=group&metric=summary.m&cell={cell}&as=latex").status_code == 200
    answer = client.get("/api/ada/digits/groups?group=group&columns=summary.m").json()
    cells = {group["key"]["group"]: group["columns"]["summary.m"] for group in answer["groups"]}
    assert cells["largest"]["max"] == 1.7e308
    assert cells["opposite"]["std"] is None
    for part in ("", "&as=figure", "&pair="):
        assert client.get(f"/ada/digits/compare?group=group&metric=summary.m{part}").status_code == 200
    for pair in ("", "config.seed"):
        asked = f"/api/ada/digits/compare?group=group&metric=summary.m&pair={pair}"
        others = {other["label"]: other for other in client.get(asked).json()["others"]}
        largest, opposite = others["Group: largest"], others["Group: opposite"]
        assert largest["difference"] == 1.4e308
        assert largest["low"] > 0
        assert largest["high"] is None
        assert 0 < largest["p"] < 0.05
        assert opposite["low"] is opposite["high"] is None
        assert opposite["p"] == pytest.approx(1)
