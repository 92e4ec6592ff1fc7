"""What `wandb.Api` asks for: projects listed and made, runs and files deleted, console lines, pages of a history."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.storage import default_storage

from projects.bulk import undo_apply, undo_latest
from projects.models import Entity, Project, User
from runs import ingest
from runs.models import Run, RunFile
from tests.wire.replay import Replay, requests_of


def text_of(recording: str, operation: str) -> str:
    found: str = next(r for r in requests_of(recording) if r.get("operation") == operation)["body"]["query"]
    return found


PROJECTS = text_of("j_readback", "GetProjects")
CREATE_PROJECT = text_of("j_readback", "CreateProject")
DELETE_RUN = text_of("j_readback", "DeleteRun")
CONSOLE = text_of("j_readback", "RunConsoleLogPage")
CONSOLE_TAIL = text_of("j_readback", "RunConsoleLogTail")
HISTORY_PAGE = text_of("j_readback", "SampledHistoryPage")
CREATE_FILES = text_of("a_basic", "CreateRunFiles")
DELETE_FILES = (
    "mutation D($files: [ID!]!, $projectId: Int) {deleteFiles(input: {files: $files projectId: $projectId}) {success}}"
)
FILES = """{ project(name: "p", entityName: "tester") {
  run(name: "r") { projectId fileCount files { edges { node { id name } } } } } }"""
WHERE = {"entity": "tester", "project": "p", "runName": "r"}


@pytest.fixture
def run(owner: Replay) -> Run:
    owner.query('mutation { upsertBucket(input: {name: "r", modelName: "p", host: "h"}) { inserted } }')
    return Run.objects.get()


def message(answer: Any) -> str:
    text: str = answer["errors"][0]["message"]
    return text


class TestProjects:
    def names(self, client: Replay, **variables: Any) -> list[str]:
        models = client.query(PROJECTS, **{"entity": "tester"} | variables)["data"]["models"]
        return [edge["node"]["name"] for edge in models["edges"]]

    def test_a_project_is_made_once(self, owner: Replay) -> None:
        said = {"entityName": "tester", "name": "new"}
        made = owner.query(CREATE_PROJECT, input=said)["data"]["result"]
        assert (made["inserted"], made["project"]["name"], made["project"]["access"]) == (True, "new", "PRIVATE")
        assert made["project"] == made["model"]
        assert owner.query(CREATE_PROJECT, input=said)["data"]["result"]["inserted"] is False
        assert Project.objects.count() == 1

    @pytest.mark.parametrize("name", [None, "", "a/b", "x" * 200, "a\0"])
    def test_a_name_no_project_can_have_is_refused(self, owner: Replay, name: str | None) -> None:
        assert message(owner.query(CREATE_PROJECT, input={"entityName": "tester", "name": name}))
        assert not Project.objects.exists()

    def test_nobody_makes_projects_for_others(self, owner: Replay, stranger: Replay) -> None:
        assert "not found" in message(stranger.query(CREATE_PROJECT, input={"entityName": "tester", "name": "new"}))
        assert not Project.objects.exists()

    def test_those_of_an_entity_come_in_pages_the_newest_first(self, owner: Replay) -> None:
        for number in range(5):
            owner.query(CREATE_PROJECT, input={"name": f"p{number}"})
        first = owner.query(PROJECTS, entity=None, perPage=3)["data"]["models"]
        assert [edge["node"]["name"] for edge in first["edges"]] == ["p4", "p3", "p2"]
        assert first["pageInfo"]["hasNextPage"] is True
        assert self.names(owner, perPage=3, cursor=first["pageInfo"]["endCursor"]) == ["p1", "p0"]

    def test_a_stranger_sees_public_ones_and_nothing_of_their_owner(self, owner: Replay, stranger: Replay) -> None:
        for name in ("open", "closed"):
            owner.query(CREATE_PROJECT, input={"name": name})
        assert self.names(stranger) == []
        Project.objects.filter(name="open").update(visibility="public")
        User.objects.filter(username="tester").update(email="t@example.com")
        assert self.names(stranger) == ["open"]
        answer = stranger.query(PROJECTS, entity="tester")
        assert answer["data"]["models"]["edges"][0]["node"]["user"] is None
        assert "t@example.com" in json.dumps(owner.query(PROJECTS, entity="tester"))
        assert Entity.objects.filter(name="tester").exists()
        assert self.names(owner, entity="nobody") == []


class TestDeletingRuns:
    def test_a_run_goes_as_from_the_page_and_can_be_brought_back_there(self, owner: Replay, run: Run) -> None:
        for _ in range(2):  # the client may have to ask twice
            assert "errors" not in owner.query(DELETE_RUN, id=str(run.id))
            run.refresh_from_db()
            assert run.deleted_at is not None
        user = User.objects.get(username="tester")
        undo = undo_latest(project=run.project, user=user)
        assert undo is not None
        assert undo_apply(project=run.project, user=user, id=str(undo.id)) == 1
        run.refresh_from_db()
        assert run.deleted_at is None

    def test_only_who_may_write_deletes(self, run: Run, teammate: Replay, stranger: Replay) -> None:
        Project.objects.update(visibility="public")
        assert message(stranger.query(DELETE_RUN, id=str(run.id))) == "run not found"
        assert message(stranger.query(DELETE_RUN, id="nonsense")) == "run not found"
        assert Run.objects.filter(deleted_at=None).exists()
        assert "errors" not in teammate.query(DELETE_RUN, id=str(run.id))


class TestFiles:
    @pytest.fixture
    def files(self, owner: Replay, run: Run) -> list[str]:
        """Ids of two files with bytes."""
        answer = owner.query(CREATE_FILES, entity="tester", project="p", run="r", files=["a.txt", "b:c/ü.txt"])
        for file in answer["data"]["createRunFiles"]["files"]:
            owner.client.put(file["uploadUrl"], "bytes", content_type="text/plain")
        found = owner.query(FILES)["data"]["project"]["run"]
        assert found["fileCount"] == 2
        return [edge["node"]["id"] for edge in found["files"]["edges"]]

    def test_a_file_goes_with_its_bytes(self, owner: Replay, run: Run, files: list[str]) -> None:
        project = owner.query(FILES)["data"]["project"]["run"]["projectId"]
        stored = RunFile.objects.get(name="b:c/ü.txt").stored_as
        for _ in range(2):
            # The client sends the number of the project as a GraphQL Int.
            answer = owner.query(DELETE_FILES, files=files[1:], projectId=int(project))
            assert answer["data"]["deleteFiles"] == {"success": True}
        assert not default_storage.exists(stored)
        assert list(RunFile.objects.values_list("name", flat=True)) == ["a.txt"]

    def test_only_who_may_write_deletes_files(
        self, run: Run, files: list[str], teammate: Replay, stranger: Replay
    ) -> None:
        Project.objects.update(visibility="public")
        for ids in (files, ["nonsense"], [f"{run.id}"]):
            assert message(stranger.query(DELETE_FILES, files=ids)) == "run not found"
        assert RunFile.objects.count() == 2
        assert "errors" not in teammate.query(DELETE_FILES, files=files)


class TestConsole:
    def put(self, run: Run, lines: list[str], writer: str = "") -> None:
        request = ingest.StreamRequest(console=ingest.Lines(offset=0, lines=lines))
        ingest.stream_accept(run_id=run.id, writer=writer, request=request)

    def lines(self, owner: Replay, text: str = CONSOLE, **variables: Any) -> list[dict[str, Any]]:
        found = owner.query(text, **WHERE | variables)["data"]["project"]["run"]["logLines"]["edges"]
        return [edge["node"] for edge in found]

    def test_lines_come_back_with_their_parts(self, owner: Replay, run: Run) -> None:
        stamp = "2026-01-02T03:04:05.678901"
        self.put(run, [f"{stamp} [x] hello", f"ERROR {stamp} oh\x1b[0m", "bare", ""])
        assert self.lines(owner) == [
            {"number": 0, "timestamp": stamp, "level": "", "label": "", "line": "[x] hello"},
            {"number": 1, "timestamp": stamp, "level": "error", "label": "", "line": "oh\x1b[0m"},
            {"number": 2, "timestamp": None, "level": "", "label": "", "line": "bare"},
            {"number": 3, "timestamp": None, "level": "", "label": "", "line": ""},
        ]

    def test_pages_go_on_after_the_last_line_and_the_tail_is_the_last_lines(self, owner: Replay, run: Run) -> None:
        self.put(run, [f"line {number}" for number in range(5)])
        first = owner.query(CONSOLE, **WHERE, first=2)["data"]["project"]["run"]
        assert first["logLineCount"] == 5
        assert first["logLines"]["pageInfo"]["hasNextPage"] is True
        rest = owner.query(CONSOLE, **WHERE, first=3, after=first["logLines"]["pageInfo"]["endCursor"])
        rest = rest["data"]["project"]["run"]["logLines"]
        assert [edge["node"]["line"] for edge in rest["edges"]] == ["line 2", "line 3", "line 4"]
        assert rest["pageInfo"]["hasNextPage"] is False
        assert [line["number"] for line in self.lines(owner, CONSOLE_TAIL, last=2)] == [3, 4]
        assert self.lines(owner, CONSOLE_TAIL, last=-1) == []

    def test_in_shared_mode_each_writer_s_lines_follow_under_its_label(self, owner: Replay, run: Run) -> None:
        stamp = "2026-01-02T03:04:05.678901"
        for writer in ("w0", "w1"):
            self.put(run, [f"{stamp} [rank_{writer}] line {number}" for number in range(3)], writer)
        whole, cursor = [], None
        for _ in range(3):
            page = owner.query(CONSOLE, **WHERE, first=2, after=cursor)["data"]["project"]["run"]
            assert page["logLineCount"] == 6
            whole += [(edge["node"]["label"], edge["node"]["line"]) for edge in page["logLines"]["edges"]]
            cursor = page["logLines"]["pageInfo"]["endCursor"]
        assert whole == [(f"rank_{writer}", f"line {number}") for writer in ("w0", "w1") for number in range(3)]

    @pytest.mark.parametrize("after", ["x", "1", "-1:", "1:\0", "99999999999999999999:"])
    def test_a_cursor_of_somebody_else_is_refused(self, owner: Replay, run: Run, after: str) -> None:
        assert "cursor" in message(owner.query(CONSOLE, **WHERE, after=after))


@pytest.mark.parametrize(
    ("last", "samples", "found"),
    [(499, 500, 500), (500, 500, 500), (509, 600, 510)],
    ids=["today's client: its last step", "up to 0.25: the first step of its next page", "all there is"],
)
def test_a_page_of_sampled_rows_ends_where_the_client_means_it_to(
    owner: Replay, run: Run, last: int, samples: int, found: int
) -> None:
    lines = [json.dumps({"_step": step, "loss": step}) for step in range(520)]
    request = ingest.StreamRequest(history=ingest.Lines(offset=0, lines=lines))
    ingest.stream_accept(run_id=run.id, writer="", request=request)
    spec = json.dumps({"keys": ["_step", "loss"], "minStep": 0, "maxStep": last, "samples": samples})
    answer = owner.query(HISTORY_PAGE, entity="tester", project="p", run="r", spec=spec)
    (rows,) = answer["data"]["project"]["run"]["sampledHistory"]
    assert [row["loss"] for row in rows] == list(range(found))


def test_the_first_live_step_is_named_for_clients_that_go_on_from_it(owner: Replay, run: Run) -> None:
    text = text_of("j_readback", "RunParquetHistory")

    def found() -> Any:
        answer = owner.query(text, **WHERE, liveKeys=["_step"])
        return answer["data"]["project"]["run"]["parquetHistory"]

    assert found() == {"parquetUrls": [], "liveData": []}
    lines = [json.dumps({"_step": step, "loss": step}) for step in (3, 5)]
    request = ingest.StreamRequest(history=ingest.Lines(offset=0, lines=lines))
    ingest.stream_accept(run_id=run.id, writer="", request=request)
    assert found() == {"parquetUrls": [], "liveData": [{"_step": 3}]}
