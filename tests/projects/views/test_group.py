"""The page of a group: its runs and no others, whatever it is called, and what they share."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from django.urls import resolve, reverse
from hypothesis import given
from hypothesis import strategies as st

from projects.conclusions.group import MOST_VALUES, group_overview
from projects.models import Project
from projects.names import AnyName
from tests.factories import log_run, make_project, make_run, make_user, set_values

HOSTILE = (
    "a/b",
    "/",
    "//x/",
    "50%",
    "a%2Fb",
    "..",
    "../..",
    "~..",
    "q?x=1#y",
    "line\nbreak",
    '<b>"x"</b>',
    "a\\b",
    " ",
)


@pytest.fixture
def project() -> Project:
    return make_project(make_user("ada"), "digits")


@pytest.fixture
def signed_in(client: Client, project: Project) -> Client:
    client.force_login(project.entity.owner)
    return client


@given(name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_name_goes_into_an_address_and_comes_out_the_same(name: str) -> None:
    written = AnyName().to_url(name)
    assert AnyName().to_python(written) == name
    assert not {".", ".."} & set(written.split("/"))
    address = reverse("group", args=["ada", "digits", name])
    assert address.startswith("/ada/digits/groups/")
    assert quote(written, safe="/~:@!$&'()*+,;=") in address


@pytest.mark.django_db
@pytest.mark.parametrize("name", HOSTILE)
def test_a_group_of_any_name_has_a_page_that_the_table_leads_to(signed_in: Client, project: Project, name: str) -> None:
    log_run(project, "its", [], config={"lr": 1}, group=name, job_type="train")
    log_run(project, "other", [], config={"lr": 2}, group="other")
    table = signed_in.get("/ada/digits?group=group").content.decode()
    address = reverse("group", args=["ada", "digits", name])
    assert f'href="{html.escape(address)}"' in table
    response = signed_in.get(address)
    assert response.status_code == 200
    assert response.context["overview"].name == name
    assert response.context["table"].totals.runs == 1
    assert "<b>" + '"x"' not in response.content.decode()


@pytest.mark.django_db
def test_runs_without_a_group_have_a_page_too(signed_in: Client, project: Project) -> None:
    log_run(project, "alone", [], config={"lr": 1})
    log_run(project, "other", [], group="other")
    page = signed_in.get("/ada/digits/groups/")
    assert page.context["table"].totals.runs == 1
    assert "Runs without a group" in page.content.decode()
    assert 'href="/ada/digits/groups/"' in signed_in.get("/ada/digits?group=group").content.decode()


@pytest.fixture
def runs(project: Project) -> None:
    for seed in range(4):
        config = {
            "lr": 0.1,
            "seed": seed,
            "opt": {"name": "adam" if seed else "sgd"},
            **({"drop": 0.5} if seed else {}),
        }
        run = make_run(project, f"r{seed}", group="exp", job_type="eval" if seed == 3 else "train", state="finished")
        set_values(run, config=config, host=f"gpu-{seed % 2}", summary={"acc": seed})
        run.refresh_from_db()
        run.heartbeat_at = run.ended_at = run.created_at + timedelta(minutes=seed)
        run.save(update_fields=["heartbeat_at", "ended_at"])
    set_values(make_run(project, "foreign", group="other"), config={"lr": 9, "far": 1})


@pytest.mark.django_db
@pytest.mark.usefixtures("runs")
def test_the_overview_tells_what_is_shared_and_what_varies(project: Project) -> None:
    found = group_overview(project, "exp")
    assert found is not None
    assert (found.runs, found.states) == (4, {"finished": 4})
    assert found.shared == (("lr", "0.1"),)
    varying = {column.key: (column.values, column.distinct, column.not_set) for column in found.varying}
    assert varying == {
        "drop": ((("0.5", 3),), 1, 1),
        "opt.name": ((("adam", 3), ("sgd", 1)), 2, 0),
        "seed": (tuple((str(seed), 1) for seed in range(4)), 4, 0),
    }
    assert found.hosts == (("gpu-0", 2), ("gpu-1", 2))
    assert (found.wall_time, found.longest) == (timedelta(minutes=6), timedelta(minutes=3))
    assert group_overview(project, "nothing") is None


@pytest.mark.django_db
def test_of_many_values_the_first_are_named_and_the_rest_counted(project: Project) -> None:
    for seed in range(MOST_VALUES + 5):
        set_values(make_run(project, group="exp"), config={"seed": seed})
    found = group_overview(project, "exp")
    assert found is not None
    (seed,) = found.varying
    assert ([text for text, _ in seed.values], seed.more) == ([str(at) for at in range(MOST_VALUES)], 5)


@pytest.mark.django_db
@pytest.mark.usefixtures("runs")
def test_the_page_is_the_workspace_of_the_group_alone(signed_in: Client) -> None:
    page = signed_in.get("/ada/digits/groups/exp")
    table = page.context["table"]
    assert [row.group.path[-1].text for row in table.rows] == ["eval", "train"]
    text = html.unescape(page.content.decode())
    # Panels and forms ask of the group alone; links stay on its page.
    assert re.search(r'data-query="[^"]*within=exp', text)
    assert re.search(r'id="group-toggle"[^>]*href="/ada/digits/groups/exp\?grouped=0"', text)
    for query in ("q=r1", "grouped=0", "f=config.lr:>:0", "f=", "group=config.opt.name&sort=-config.seed"):
        asked = signed_in.get(f"/ada/digits/groups/exp?{query}", headers={"HX-Request": "true", "HX-Target": "runs"})
        assert 0 < asked.context["table"].totals.runs <= 4, query
        assert asked["HX-Push-Url"].startswith("/ada/digits/groups/exp")
        assert "within" not in asked["HX-Push-Url"]
    pieces = {
        "export?as=csv&within=exp": "r3",
        "results?rows=job_type&within=exp&as=csv": "train",
    }
    for address, expected in pieces.items():
        body = signed_in.get(f"/ada/digits/{address}").getvalue().decode()
        assert expected in body
        assert "foreign" not in body
    filtered = signed_in.get("/ada/digits/filter?" + urlencode({"within": "exp", "join": "all", "end": ""}))
    assert filtered["Location"].startswith("/ada/digits/groups/exp?")


@pytest.mark.django_db
@pytest.mark.usefixtures("runs")
def test_who_may_not_see_it_or_what_is_not_there_is_a_404(signed_in: Client) -> None:
    for name in ("nothing", "a\0b", "x" * 2000):
        assert signed_in.get("/ada/digits/groups/" + quote(name)).status_code == 404
    assert signed_in.get("/ada/digits/groups/").status_code == 404
    assert signed_in.get("/ada/digits/groups/exp?sort=no").status_code == 400
    assert signed_in.get("/ada/digits/line-plot?metric=x&within=" + "x" * 2000).status_code == 400
    stranger = Client()
    stranger.force_login(make_user("eve"))
    assert stranger.get("/ada/digits/groups/exp").status_code == 404


def test_the_route_takes_what_stands_after_groups_and_no_more() -> None:
    assert resolve("/ada/digits/groups/a/runs/b").kwargs["group"] == "a/runs/b"
    assert resolve("/ada/digits/runs/groups").url_name == "run"
