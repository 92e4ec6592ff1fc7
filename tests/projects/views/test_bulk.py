"""Who may change runs in the table, what the answers say, and the menus that ask for it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from projects.models import Membership, Project, Role, User, Visibility
from projects.query.grouping import groups
from projects.query.runset import RUN, Field, Runset
from tests.factories import make_project, make_run, make_user, set_values

pytestmark = pytest.mark.django_db

BY = Runset(fields=(Field(RUN, "group"),), grouped=True)


@pytest.fixture
def owner() -> User:
    return make_user("ada")


@pytest.fixture
def project(owner: User) -> Project:
    made = make_project(owner, "digits")
    for i, group in enumerate("aab"):
        make_run(made, f"run-{i}", group=group)
    return made


def post(client: Client, body: Any, query: str = "group=group") -> tuple[int, dict[str, Any]]:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = client.post(f"/ada/digits/bulk?{query}", text, content_type="application/json")
    return answer.status_code, json.loads(answer.content) if answer["Content-Type"] == "application/json" else {}


def test_only_members_change_runs_and_strangers_find_nothing(client: Client, owner: User, project: Project) -> None:
    members = {Role.MEMBER: make_user("bob"), Role.VIEWER: make_user("vic")}
    for role, user in members.items():
        Membership.objects.create(entity=project.entity, user=user, role=role)
    change = {"do": "job_type", "on": ["*"], "value": "x"}
    group = groups(project, BY)[0].id
    cast = (
        (owner, 200),
        (members[Role.MEMBER], 200),
        (members[Role.VIEWER], 403),
        (make_user("eve"), 404),
        (None, 404),
    )
    for number, (person, status) in enumerate(cast):
        client.logout()
        if person is not None:
            client.force_login(person)
        found, said = post(client, change | {"value": f"x{number}"})
        assert found == status
        menu = client.get(f"/ada/digits/group-menu?of={group}")
        assert menu.status_code == (200 if status == 200 else 404)
        page = client.get("/ada/digits").content.decode()
        assert ('id="tick-all"' in page) == (status == 200)
    assert set(project.runs.values_list("job_type", flat=True)) == {"x1"}
    Project.objects.update(visibility=Visibility.PUBLIC)
    assert post(client, change)[0] == 403


def test_a_change_answers_with_what_was_done_and_how_to_undo_it(client: Client, owner: User, project: Project) -> None:
    client.force_login(owner)
    a, b = groups(project, BY)
    status, said = post(client, {"do": "delete", "on": [a.id], "off": [project.runs.get(name="run-1").pk.hex]})
    assert (status, said["said"]) == (200, "Deleted 1 run.")
    page = client.get("/ada/digits").content.decode()
    assert f'data-undo="{said["undo"]}" title="Deleted 1 run"' in page
    assert client.get("/ada/digits/runs/run-0").status_code == 404
    assert post(client, {"do": "undo", "id": said["undo"]})[1] == {"said": "Undone for 1 run.", "undo": None}
    assert client.get("/ada/digits/runs/run-0").status_code == 200
    assert post(client, {"do": "undo", "id": said["undo"]})[0] == 400
    assert post(client, {"do": "group", "on": [b.id], "value": "b"})[1] == {"said": "Nothing to change.", "undo": None}
    said = post(client, {"do": "rename", "id": b.id, "value": "a"})[1]
    assert said["said"] == "Merged “b” into “a” (1 run)."
    assert post(client, {"do": "rename", "id": b.id, "value": "c"})[0] == 400
    assert "data-undo" not in client.get("/ada/digits/runs/run-0").content.decode()


def test_hiding_gives_the_address_of_the_page_with_these_eyes_off(
    client: Client, owner: User, project: Project
) -> None:
    client.force_login(owner)
    a, b = groups(project, BY)
    runs = {run.name: run.pk.hex for run in project.runs.all()}
    assert post(client, {"do": "hide", "on": [b.id]})[1]["url"] == f"/ada/digits?group=group&hide={b.id}"
    url = post(client, {"do": "hide", "on": [a.id], "off": [runs["run-1"]]}, f"group=group&hide={b.id}")[1]["url"]
    assert set(re.split("[=,]", url.split("hide")[1])) == {"", b.id, runs["run-0"]}


@pytest.mark.parametrize(
    "body",
    [
        "no", "[]", {}, {"do": "explode"}, {"do": "delete", "on": "x"}, {"do": "delete", "on": [1]},
        {"do": "delete", "on": ["../../etc"]}, {"do": "group", "value": 3}, {"do": "group", "value": "\0"},
        {"do": "group", "value": "x" * 501, "on": ["*"]}, {"do": "tag_add", "value": "", "on": ["*"]},
        {"do": "undo", "id": "zz"}, {"do": "rename", "id": "nothing", "value": "x"},
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_and_changes_nothing(
    client: Client, owner: User, project: Project, body: Any
) -> None:
    client.force_login(owner)
    before = list(project.runs.order_by("name").values())
    status, said = post(client, body)
    assert status == 400
    assert said["error"]
    assert list(project.runs.order_by("name").values()) == before
    assert client.get("/ada/digits/bulk").status_code == 405


def test_menus_are_pages_without_javascript(client: Client, owner: User, project: Project) -> None:
    client.force_login(owner)
    page = client.get("/ada/digits/column-menu?group=group&of=duration").content.decode()
    assert "<h1>Duration</h1>" in page
    assert 'href="/ada/digits?group=group&amp;stat=median:duration"' in page
    assert 'href="/ada/digits?sort=-duration&amp;group=group"' in page or "sort=-duration" in page
    assert "Groups show" not in client.get("/ada/digits/column-menu?group=&of=duration").content.decode()
    assert "Runs show" not in page
    assert client.get("/ada/digits/column-menu?of=nothing").status_code == 400
    set_values(project.runs.first(), summary={"acc": 1, "word": "a"})
    page = client.get("/ada/digits/column-menu?group=&show=max:summary.acc&of=summary.acc").content.decode()
    assert "Runs show" in page
    assert 'show=max:summary.acc" aria-current="true">Max</a>' in page
    assert "show=first:summary.acc" in page
    assert "Runs show" not in client.get("/ada/digits/column-menu?of=summary.word").content.decode()
    assert client.get("/ada/digits/column-menu?show=max:config.lr&of=summary.acc").status_code == 400
    [a, _] = groups(project, BY)
    assert 'value="a"' in client.get(f"/ada/digits/group-menu?group=group&of={a.id}").content.decode()
    assert client.get("/ada/digits/group-menu?group=group&of=gone").status_code == 404
