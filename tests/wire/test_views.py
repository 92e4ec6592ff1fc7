"""Saved views as the `wandb-workspaces` package sends and asks for them: whose they are, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from projects.models import Project, Visibility, Workspace
from projects.saved_views import colour_set, view_update
from tests.wire.replay import Replay

# The package's own texts.
UPSERT = """mutation UpsertView2($id: ID, $entityName: String, $projectName: String, $type: String, $name: String,
 $displayName: String, $description: String, $spec: String) {
  upsertView(input: {id: $id, entityName: $entityName, projectName: $projectName, name: $name,
   displayName: $displayName, description: $description, type: $type, spec: $spec,
   createdUsing: WANDB_SDK}) { view { id name } inserted } }"""
READ = """query View($entityName: String, $name: String, $viewType: String = "runs", $userName: String,
 $viewName: String) {
  project(name: $name, entityName: $entityName) {
    allViews(viewType: $viewType, viewName: $viewName, userName: $userName) {
      edges { node { id displayName spec } } } } }"""
DELETE = "mutation D($id: ID!) { deleteView(input: {id: $id, deleteDrafts: true}) { success pendingDrafts } }"


def save(client: Replay, name: str = "nw-abcdefghijk-v", **said: Any) -> Any:
    variables: dict[str, Any] = {"entityName": "tester", "projectName": "p", "name": name, "displayName": "Seeds"}
    return client.query(UPSERT, **variables | {"type": "project-view", "description": "", "spec": "{}"} | said)


def read(client: Replay, name: str) -> list[dict[str, Any]]:
    asked = {"entityName": "tester", "name": "p", "viewType": "project-view", "viewName": name}
    project = client.query(READ, **asked)["data"]["project"]
    return [] if project is None else [edge["node"] for edge in project["allViews"]["edges"]]


def refusal(answer: Any) -> str:
    text: str = answer["errors"][0]["message"]
    return text


def saved(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer["data"]["upsertView"]["view"]
    return found


def test_a_view_sent_twice_is_one_of_everybodys_and_changes_under_its_id(owner: Replay, teammate: Replay) -> None:
    first = saved(save(owner))
    assert saved(save(owner)) == first
    view = Workspace.objects.get()
    assert (view.user, view.name, first["name"]) == (None, "Seeds", f"nw-{view.id.hex}-v")
    spec = json.dumps({"section": {"runSets": [{"search": {"query": "ada"}}]}})
    assert save(teammate, id=first["id"], displayName="Renamed", spec=spec)["data"]["upsertView"]["inserted"] is False
    (node,) = read(owner, first["name"])
    assert (node["displayName"], json.loads(node["spec"])["section"]["runSets"][0]["search"]["query"]) == (
        "Renamed",
        "ada",
    )
    assert Workspace.objects.get().settings["query"] == "q=ada"
    assert [it["id"] for it in read(owner, first["name"])] == [first["id"]]
    assert read(owner, "nw-abcdefghijk-v") == []


def test_colours_that_people_picked_outlive_what_a_program_saves(owner: Replay) -> None:
    first = saved(save(owner))
    colour_set(workspace=Workspace.objects.get(), line="a" * 32, colour="#123456")
    save(owner, id=first["id"], displayName="Renamed")
    view = Workspace.objects.get()
    assert (view.name, view.settings["colours"]) == ("Renamed", {"a" * 32: "#123456"})


def test_how_conclusions_are_set_outlives_what_a_program_saves(owner: Replay) -> None:
    first = saved(save(owner))
    table = "results=rows%3Djob_type%26metric%3Dsummary.acc&compare=pair%3Dconfig.seed"
    view_update(view=Workspace.objects.get(), query=f"q=ada&{table}")
    save(owner, id=first["id"], displayName="Renamed")
    view = Workspace.objects.get()
    assert view.name == "Renamed"
    assert table in view.settings["query"]


def test_a_name_that_is_taken_gets_a_number_and_keeps_it(owner: Replay) -> None:
    save(owner)
    second = saved(save(owner, name="nw-another-v"))
    assert sorted(Workspace.objects.values_list("name", flat=True)) == ["Seeds", "Seeds (2)"]
    save(owner, id=second["id"])
    assert sorted(Workspace.objects.values_list("name", flat=True)) == ["Seeds", "Seeds (2)"]


def test_those_who_may_not_write_save_views_of_their_own(owner: Replay, stranger: Replay) -> None:
    everybodys = saved(save(owner))
    assert "not found" in refusal(save(stranger))
    assert read(stranger, everybodys["name"]) == []
    Project.objects.update(visibility=Visibility.PUBLIC)
    mine = saved(save(stranger))
    assert Workspace.objects.get(pk=mine["id"]).user is not None
    assert [it["id"] for it in read(stranger, mine["name"])] == [mine["id"]]
    assert read(owner, mine["name"]) == []
    assert "only members change a view" in refusal(save(stranger, id=everybodys["id"]))
    assert "view not found" in refusal(save(owner, id=mine["id"]))
    assert "view not found" in refusal(owner.query(DELETE, id=mine["id"]))
    assert "view not found" in refusal(stranger.query(DELETE, id=everybodys["id"]))
    assert stranger.query(DELETE, id=mine["id"])["data"]["deleteView"]["success"] is True
    assert owner.query(DELETE, id=everybodys["id"])["data"]["deleteView"]["success"] is True
    assert not Workspace.objects.exists()


def test_the_projects_default_is_no_view_to_delete(owner: Replay) -> None:
    saved(save(owner))
    default = Workspace.objects.create(project=Project.objects.get())
    assert "view not found" in refusal(owner.query(DELETE, id=str(default.pk)))
    assert "view not found" in refusal(save(owner, id=str(default.pk)))


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"type": "runs/draft"}, "no reports"),
        ({"spec": "[]"}, "JSON object"),
        ({"spec": "{"}, ""),
        ({"spec": '{"section": {"runSets": [{"grouping": [{"name": "inputArtifacts"}]}]}}'}, "inputArtifacts"),
        ({"displayName": "x" * 101}, "100 characters"),
        ({"id": "nonsense"}, "view not found"),
    ],
)  # fmt: skip
def test_what_cant_be_kept_is_refused_by_name_and_nothing_is(owner: Replay, said: dict[str, Any], word: str) -> None:
    assert word in refusal(save(owner, **said))
    assert not Workspace.objects.exists()


def test_an_address_without_a_view_says_how_it_is_written(owner: Replay) -> None:
    save(owner)
    asked = {"entityName": "tester", "name": "p", "viewType": "project-view", "viewName": "nw--v"}
    assert "?nw=ID" in refusal(owner.query(READ, **asked))
    assert owner.query(READ, **asked | {"viewType": "runs"})["data"]["project"]["allViews"]["edges"] == []


def test_views_of_the_page_are_told_with_all_panels_of_metrics(owner: Replay) -> None:
    owner.query('mutation { upsertBucket(input: {name: "r", modelName: "p", host: "h"}) { inserted } }')
    lines = {"offset": 0, "content": ['{"_step": 0, "val/loss": 1.0}']}
    owner.stream("tester/p/r", {"files": {"wandb-history.jsonl": lines}})
    view = Workspace.objects.create(project=Project.objects.get(), name="Page", settings={"query": "group=config.lr"})
    (node,) = read(owner, f"nw-{view.id.hex}-v")
    section = json.loads(node["spec"])["section"]
    (shown,) = section["panelBankConfig"]["sections"]
    assert (shown["name"], [it["config"]["metrics"] for it in shown["panels"]]) == ("val", [["val/loss"]])
    assert section["runSets"][0]["grouping"] == [{"section": "config", "name": "lr.value"}]
    assert section["settings"]["shouldAutoGeneratePanels"] is True
