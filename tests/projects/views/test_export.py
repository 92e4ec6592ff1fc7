"""Files of the runs table hold what it shows: its runs or groups, its columns, its order, its filter."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from pyarrow.parquet import ParquetFile

from projects.access import api_key_create
from projects.models import Project, User, Visibility
from projects.query import table
from tests.factories import log_run, make_project, make_run, make_user, set_values

pytestmark = pytest.mark.django_db

LOSSES = {0.1: [1.5, 2.5, 4.0], 0.3: [0.25]}


@pytest.fixture
def owner() -> User:
    return make_user("ada")


@pytest.fixture
def project(owner: User) -> Project:
    made = make_project(owner, "digits")
    for lr, losses in LOSSES.items():
        for i, loss in enumerate(losses):
            run = make_run(made, f"lr{lr}-{i}", job_type="train")
            set_values(run, config={"lr": lr, "opt": "adam"}, summary={"loss": loss})
    set_values(make_run(made, "odd"), config={"lr": None, "opt": 'a "b", c'}, summary={"loss": float("nan")})
    return made


@pytest.fixture
def got(client: Client, owner: User) -> Callable[[str], bytes]:
    client.force_login(owner)

    def get(query: str) -> bytes:
        answer = client.get(f"/ada/digits/export?{query}")
        assert answer.status_code == 200
        return answer.getvalue()

    return get


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.mark.usefixtures("project")
def test_runs_come_in_the_tables_order_with_its_columns(
    got: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "EXPORTED", 2)
    query = "as=csv&group=&sort=-summary.loss&columns=summary.loss&columns=config.opt&columns=config.lr"
    found = rows(got(query))
    assert [row["id"] for row in found] == ["lr0.1-2", "lr0.1-1", "lr0.1-0", "lr0.3-0", "odd"]
    assert [float(row["summary.loss"]) for row in found[:4]] == [4.0, 2.5, 1.5, 0.25]
    assert found[4] | {"created_at": ""} == {
        "id": "odd", "name": "odd", "group": "", "job_type": "", "state": "running", "created_at": "",
        "summary.loss": "NaN", "config.opt": 'a "b", c', "config.lr": "null",
    }  # fmt: skip
    filtered = json.loads(got(f"{query}&f=config.opt:=:adam".replace("as=csv", "as=json")))
    assert [row["summary.loss"] for row in filtered] == [4.0, 2.5, 1.5, 0.25]
    assert json.loads(got("as=json&f=config.opt:=:none")) == []
    assert [row["id"] for row in rows(got("as=csv&group=config.lr"))] == [
        "odd", "lr0.1-0", "lr0.1-1", "lr0.1-2", "lr0.3-0"
    ] or [row["id"] for row in rows(got("as=csv&group=config.lr"))][-1] == "odd"  # fmt: skip


@pytest.mark.usefixtures("project")
def test_groups_come_with_the_statistics_shown_and_n(got: Callable[[str], bytes]) -> None:
    query = "rows=groups&group=config.lr&columns=summary.loss&columns=config.opt&sort=-summary.loss"
    found = rows(got(f"as=csv&{query}"))
    assert list(found[0]) == [
        "config.lr", "runs", "summary.loss mean", "summary.loss std dev", "summary.loss n", "config.opt"
    ]  # fmt: skip
    assert [row["config.lr"] for row in found] == ["0.1", "0.3", "null"]
    assert [row["runs"] for row in found] == ["3", "1", "1"]
    own = LOSSES[0.1]
    assert float(found[0]["summary.loss mean"]) == pytest.approx(np.mean(own), rel=1e-12)
    assert float(found[0]["summary.loss std dev"]) == pytest.approx(np.std(own, ddof=1), rel=1e-12)
    assert [row["summary.loss n"] for row in found] == ["3", "1", "0"]
    assert found[1]["summary.loss std dev"] == found[2]["summary.loss mean"] == ""
    medians = json.loads(got(f"as=json&{query}&stat=median:summary.loss"))
    assert [row["summary.loss median"] for row in medians] == [2.5, 0.25, None]


def test_what_is_shown_of_runs_is_exported_under_its_name(got: Callable[[str], bytes], project: Project) -> None:
    for name, curve in (("a", [3.0, 1.0, 2.0]), ("b", [4.0, 9.0, 5.0])):
        log_run(project, name, [{"loss": value} for value in curve], summary={"loss": curve[-1]}, config={"lr": 7})
    query = "f=config.lr:=:7&columns=summary.loss&sort=-summary.loss&show=min:summary.loss"
    found = json.loads(got(f"as=json&group=&{query}"))
    assert [(row["id"], row["summary.loss (min)"]) for row in found] == [("b", 4.0), ("a", 1.0)]
    [group] = json.loads(got(f"as=json&rows=groups&group=config.lr&stat=max:summary.loss&{query}"))
    assert (group["summary.loss (min) max"], group["summary.loss (min) n"]) == (4.0, 2)


@pytest.mark.usefixtures("project")
def test_parquet_holds_the_same_with_types(got: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "EXPORTED", 2)
    query = "group=&columns=summary.loss&columns=config.opt"
    read = ParquetFile(io.BytesIO(got(f"as=parquet&{query}")))
    assert read.num_row_groups == 3
    assert str(read.schema_arrow.field("summary.loss").type) == "double"
    expected = json.loads(got(f"as=json&{query}"))
    for row in expected:
        row["summary.loss"] = None if row["summary.loss"] == "NaN" else row["summary.loss"]
    assert read.read().to_pylist() == expected


def test_a_bad_question_is_refused_before_the_first_byte(client: Client, owner: User, project: Project) -> None:
    client.force_login(owner)
    for query in ("as=xls", "as=csv&rows=cells", "as=csv&rows=groups&group=", "as=csv&f=config.lr:like:x"):
        assert client.get(f"/ada/digits/export?{query}").status_code == 400, query


def test_the_menu_offers_each_file_and_the_same_for_pandas(client: Client, owner: User, project: Project) -> None:
    client.force_login(owner)
    menu = client.get("/ada/digits/export?group=config.lr").content.decode()
    assert 'href="/ada/digits/export?rows=groups&amp;as=csv&amp;group=config.lr"' in menu.replace(
        "&as", "&amp;as"
    ).replace("&group", "&amp;group")
    address = menu.split("url = &quot;" if "url = &quot;" in menu else 'url = "')[1].split('"')[0].split("&quot;")[0]
    address = address.replace("&amp;", "&").removeprefix("http://testserver")
    key = api_key_create(user=owner)
    answer = Client().get(address, headers={"Authorization": f"Bearer {key}"})
    assert [row["config.lr"] for row in rows(answer.getvalue())][:1] in (["0.1"], ["null"])


def test_strangers_get_no_file(client: Client, project: Project) -> None:
    for address in ("/ada/digits/export?as=csv", "/api/ada/digits/export"):
        client.force_login(make_user())
        assert client.get(address).status_code == 404
    Project.objects.update(visibility=Visibility.PUBLIC)
    client.logout()
    assert client.get("/ada/digits/export?as=csv").status_code == 200


def test_an_export_asks_two_questions_a_thousand_runs(
    got: Callable[[str], bytes], project: Project, django_assert_max_num_queries: Any
) -> None:
    for i in range(30):
        set_values(make_run(project, f"more-{i}"), config={"lr": i})
    with django_assert_max_num_queries(16):
        assert len(rows(got("as=csv&columns=config.lr"))) == 35
