from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from projects.models import Project
from runs import ingest
from runs.models import Alert, Run
from tests.wire.replay import Replay, requests_of

UPSERT = requests_of("a_basic")[1]["body"]["query"]
RUN = next(request for request in requests_of("f_stop") if request.get("operation") == "Run")["body"]["query"]
RESUME = next(r for r in requests_of("d_resume") if r.get("operation") == "RunResumeStatus")["body"]["query"]
CREATE_FILES = next(r for r in requests_of("a_basic") if r.get("operation") == "CreateRunFiles")["body"]["query"]
HISTORY = """query H($s: Int, $lo: Int64, $hi: Int64) {
  project(name: "p") { run(name: "r") { history(samples: $s, minStep: $lo, maxStep: $hi) } } }"""
ALERT = """mutation A($input: NotifyScriptableRunAlertInput!) {
  notifyScriptableRunAlert(input: $input) { success } }"""
SAMPLED = 'query S($specs: [JSONString!]!) { project(name: "p") { run(name: "r") { sampledHistory(specs: $specs) } } }'


def upsert(owner: Replay, **variables: Any) -> Any:
    said = {"name": "r", "project": "p", "entity": "tester", "host": "h", "config": '{"lr": {"value": 1}}'} | variables
    return owner.query(UPSERT, **said)


def log(owner: Replay, *rows: dict[str, Any]) -> None:
    lines = [json.dumps(row) for row in rows]
    answer = owner.stream("tester/p/r", {"files": {"wandb-history.jsonl": {"offset": 0, "content": lines}}})
    assert answer.status_code == 200


def message(answer: Any) -> str:
    return answer["errors"][0]["message"]


class TestUpsert:
    def test_the_answer_names_where_the_run_is(self, owner: Replay) -> None:
        answer = upsert(owner, entity=None, project=None)["data"]["upsertBucket"]
        assert answer["inserted"] is True
        assert answer["bucket"]["name"] == "r"
        assert answer["bucket"]["project"]["name"] == "uncategorized"
        assert answer["bucket"]["project"]["entity"]["name"] == "tester"
        assert answer["bucket"]["displayName"]
        assert answer["bucket"]["historyLineCount"] == 0
        assert upsert(owner, entity=None, project=None)["data"]["upsertBucket"]["inserted"] is False

    def test_a_run_is_found_by_its_id_too(self, owner: Replay) -> None:
        key = upsert(owner)["data"]["upsertBucket"]["bucket"]["id"]
        changed = owner.query(UPSERT, id=key, notes="n", config='{"lr": {"value": 2}}')["data"]["upsertBucket"]
        assert (changed["inserted"], changed["bucket"]["name"]) == (False, "r")
        run = Run.objects.get()
        assert (run.notes, run.config) == ("n", {"lr": 2})

    @pytest.mark.parametrize(
        ("variables", "text"),
        [
            ({"name": None}, "run id"),
            ({"name": " "}, "run id"),
            ({"name": "a/b"}, "run id"),
            ({"name": "a\0"}, "run id"),
            ({"name": "x" * 600}, "run id"),
            ({"project": "a/b"}, "project name"),
            ({"project": "x" * 200}, "project name"),
            ({"project": "a\0b"}, ""),
            ({"entity": "nobody"}, "not found"),
            ({"entity": "no\0body"}, ""),
            ({"config": "{"}, "malformed JSON"),
            ({"config": "[]"}, "config is no JSON object"),
            ({"config": 1}, "JSONString"),
            ({"config": '{"a":' * 5000 + "1" + "}" * 5000}, "nested"),
            ({"config": '{"a":' * 150 + "1" + "}" * 150}, "nested"),
            ({"summaryMetrics": "1"}, "summaryMetrics"),
            ({"tags": ["x" * 300]}, "tag"),
            ({"tags": [1]}, "String"),
            ({"id": "no-uuid"}, "run not found"),
            ({"id": "00000000-0000-0000-0000-000000000000"}, "run not found"),
        ],
    )
    def test_wrong_values_are_named_and_final(self, owner: Replay, variables: dict[str, Any], text: str) -> None:
        answer = upsert(owner, **variables)
        assert text in message(answer)
        assert not Run.objects.exists()

    def test_a_single_value_is_taken_for_a_list_and_unknown_variables_are_ignored(self, owner: Replay) -> None:
        assert "errors" not in upsert(owner, tags="one", something="else")
        assert Run.objects.get().tags == ["one"]

    def test_infinity_in_a_config_and_texts_no_database_keeps_are_taken(self, owner: Replay) -> None:
        config = '{"a\\u0000": {"value": Infinity}, "b": {"value": "\\ud800"}, "c": {"value": NaN}}'
        assert "errors" not in upsert(owner, config=config, notes="a\0b\ud800")
        run = owner.query(RUN, project="p", entity="tester", name="r")["data"]["project"]["run"]
        assert run["notes"] == "a\ufffdb\ufffd"

    def test_a_deleted_run_is_named_as_such(self, owner: Replay) -> None:
        upsert(owner)
        Run.objects.update(deleted_at=timezone.now())
        assert "was deleted" in message(upsert(owner))

    def test_a_stranger_cannot_write_and_a_teammate_can(
        self, owner: Replay, teammate: Replay, stranger: Replay
    ) -> None:
        key = upsert(owner)["data"]["upsertBucket"]["bucket"]["id"]
        Project.objects.update(visibility="public")
        assert "not write there" in message(upsert(stranger, notes="x"))
        assert "not found" in message(stranger.query(UPSERT, id=key, notes="x"))
        assert "not found" in message(stranger.query("mutation($id: ID!){stopRun(input:{id:$id}){success}}", id=key))
        said = {"entity": "tester", "project": "p", "run": "r", "files": ["a"]}
        assert "not write there" in message(stranger.query(CREATE_FILES, **said))
        assert "errors" not in upsert(teammate, notes="t")
        assert Run.objects.get().notes == "t"

    def test_old_clients_get_the_list_of_messages_they_insist_on(self, owner: Replay) -> None:
        text = UPSERT.replace("inserted }", "inserted serverSettings { serverMessages { plainText messageLevel } } }")
        answer = owner.query(text, name="r", project="p")
        assert answer["data"]["upsertBucket"]["serverSettings"] == {"serverMessages": []}


class TestResume:
    def test_no_project_no_run_and_a_run(self, owner: Replay) -> None:
        assert owner.query(RESUME, project="p", entity="tester", name="r")["data"] == {"model": None}
        upsert(owner, name="other")
        assert owner.query(RESUME, project="p", entity=None, name="r")["data"]["model"]["bucket"] is None
        upsert(owner, config='{"a": {"value": 1}, "_wandb": {"value": {"t": {"5": "0.31.0"}, "m": []}}}', tags=["t1"])
        log(owner, {"_step": 0, "x": 1}, {"_step": 9, "x": float("nan")})
        console = {"output.log": {"offset": 0, "content": ["a", "b"]}}
        owner.stream("tester/p/r", {"files": console})
        bucket = owner.query(RESUME, project="p", entity=None, name="r")["data"]["model"]["bucket"]
        assert json.loads(json.loads(bucket["historyTail"])[0])["_step"] == 9
        assert json.loads(bucket["eventsTail"]) == []
        assert (bucket["historyLineCount"], bucket["eventsLineCount"], bucket["logLineCount"]) == (2, 0, 2)
        assert json.loads(bucket["wandbConfig"]) == {"t": {"5": "0.31.0"}}
        assert json.loads(bucket["config"])["a"] == {"value": 1}
        assert bucket["tags"] == ["t1"]

    def test_a_stranger_finds_nothing_to_resume(self, owner: Replay, stranger: Replay) -> None:
        upsert(owner)
        assert stranger.query(RESUME, project="p", entity="tester", name="r")["data"] == {"model": None}


class TestReading:
    def test_a_run_is_read_with_its_derived_state(self, owner: Replay) -> None:
        upsert(owner, groupName="g", jobType="j", tags=["t"])
        log(owner, {"_step": 0, "x": 1, "n": {"a": 2}}, {"_step": 4, "x": 3})
        Run.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
        run = owner.query(RUN, project="p", entity="tester", name="r")["data"]["project"]["run"]
        assert (run["state"], run["group"], run["jobType"], run["tags"]) == ("crashed", "g", "j", ["t"])
        assert run["projectId"].isdigit()
        assert run["user"] == {"name": "tester", "username": "tester"}
        assert run["historyKeys"]["lastStep"] == 4
        assert {"x", "n.a", "_step"} <= run["historyKeys"]["keys"].keys()
        assert run["readOnly"] is False

    def test_system_metrics_are_what_was_measured_last(self, owner: Replay) -> None:
        upsert(owner)
        asked = {"project": "p", "entity": "tester", "name": "r"}
        assert json.loads(owner.query(RUN, **asked)["data"]["project"]["run"]["systemMetrics"]) == {}
        lines = [json.dumps({"system.cpu": i, "_timestamp": i}) for i in range(30)]
        lines[28] = '{"system.gpu.0.temp": NaN, "system.cpu": 5}'
        owner.stream("tester/p/r", {"files": {"wandb-events.jsonl": {"offset": 0, "content": lines}}})
        found = json.loads(owner.query(RUN, **asked)["data"]["project"]["run"]["systemMetrics"])
        assert str(found.pop("system.gpu.0.temp")) == "nan"
        assert found == {"system.cpu": 29, "_timestamp": 29}

    def test_history_comes_sampled_or_by_page(self, owner: Replay) -> None:
        upsert(owner)
        log(owner, *({"_step": i, "x": i} | ({"odd": i} if i % 2 else {}) for i in range(100)))

        def steps(**variables: Any) -> list[int]:
            rows = owner.query(HISTORY, **variables)["data"]["project"]["run"]["history"]
            return [json.loads(row)["_step"] for row in rows]

        assert steps() == list(range(100))
        assert steps(s=10) == list(range(0, 100, 10))
        assert steps(s=1000, lo=5, hi=9) == [5, 6, 7, 8]
        specs = ['{"keys": ["_step", "odd"], "samples": 5}', '{"keys": ["x"], "minStep": 3, "maxStep": 4}']
        rows = owner.query(SAMPLED, specs=specs)["data"]["project"]["run"]["sampledHistory"]
        assert [row["_step"] for row in rows[0]] == [1, 21, 41, 61, 81]
        assert rows[1] == [{"x": 3}, {"x": 4}]

    def test_numbers_that_are_no_json_are_bare_in_strings_and_words_in_values(self, owner: Replay) -> None:
        upsert(owner)
        log(owner, {"_step": 0, "x": float("nan"), "y": float("-inf")})
        (row,) = owner.query(HISTORY)["data"]["project"]["run"]["history"]
        assert str(json.loads(row)["x"]) == "nan"
        rows = owner.query(SAMPLED, specs='{"keys": ["x", "y"]}')["data"]["project"]["run"]["sampledHistory"]
        assert rows == [[{"x": "NaN", "y": "-Infinity"}]]

    @pytest.mark.parametrize("spec", ["1", '{"keys": "x"}', '{"keys": [1]}', '{"keys": [], "minStep": "a"}', "{"])
    def test_wrong_specs_are_refused(self, owner: Replay, spec: str) -> None:
        upsert(owner)
        assert message(owner.query(SAMPLED, specs=spec))

    def test_runs_come_in_pages_with_few_queries(self, owner: Replay, django_assert_max_num_queries) -> None:
        for i in range(7):
            upsert(owner, name=f"r{i}")
        text = """query Runs($after: String) {
          project(name: "p") { runCount runs(first: 3, after: $after, order: "+created_at") {
            edges { node { name state config user { name } project { name entity { name } } readOnly } cursor }
            pageInfo { endCursor hasNextPage } } } }"""
        names, after = [], None
        while True:
            found = owner.query(text, after=after)["data"]["project"]
            assert found["runCount"] == 7
            names += [edge["node"]["name"] for edge in found["runs"]["edges"]]
            if not found["runs"]["pageInfo"]["hasNextPage"]:
                break
            after = found["runs"]["edges"][-1]["cursor"]
        assert names == [f"r{i}" for i in range(7)]
        with django_assert_max_num_queries(5):
            owner.query('{ project(name: "p") { runs { edges { node { name user { name } project { name } } } } } }')

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [('filters: "{\\"a\\": 1}"', "'a'"), ('order: "x"', "'x'"), ('after: "x"', "cursor")],
    )
    def test_what_is_not_supported_yet_says_so(self, owner: Replay, arguments: str, text: str) -> None:
        upsert(owner)
        assert text in message(
            owner.query(f'{{ project(name: "p") {{ runs({arguments}) {{ edges {{ cursor }} }} }} }}')
        )

    def test_strangers_read_public_projects_only(self, owner: Replay, stranger: Replay) -> None:
        upsert(owner)
        said = {"project": "p", "entity": "tester", "name": "r"}
        assert stranger.query(RUN, **said)["data"] == {"project": None}
        Project.objects.update(visibility="public")
        run = stranger.query(RUN, **said)["data"]["project"]["run"]
        assert (run["name"], run["readOnly"]) == ("r", True)


class TestDocuments:
    def test_unknown_fields_and_arguments_do_not_break_a_query(self, owner: Replay) -> None:
        text = "query V { viewer { username novelty(x: 1) { deeper { still } } entity(y: 2) } other: newRoot { a } }"
        answer = owner.query(text)
        assert answer == {
            "data": {"viewer": {"username": "tester", "novelty": None, "entity": "tester"}, "other": None}
        }

    def test_an_unknown_field_of_a_mutation_answer_is_null(self, owner: Replay) -> None:
        text = UPSERT.replace("inserted }", "inserted novelty }")
        assert owner.query(text, name="r", project="p")["data"]["upsertBucket"]["novelty"] is None

    @pytest.mark.parametrize("value", [None, False, "", [], {}])
    def test_what_newer_clients_leave_empty_is_left_out(self, owner: Replay, value: Any) -> None:
        text = UPSERT.replace("{id:$id,", "{novelty: $novelty, other: null, id: $id,")
        text = text.replace("($id: String,", "($novelty: NoveltyInput, $id: String,")
        assert "errors" not in owner.query(text, name="r", project="p", novelty=value)
        said = {"runName": "r", "projectName": "p", "title": "t", "text": "", "novelty": value}
        answer = owner.query(ALERT, input=said | {"clientMutationId": "x"})
        assert answer == {"data": {"notifyScriptableRunAlert": {"success": True}}}

    @pytest.mark.parametrize("value", [True, 0, "x", [None], {"a": None}])
    def test_what_would_be_lost_without_a_word_is_refused_by_name(self, owner: Replay, value: Any) -> None:
        field = UPSERT.replace("{id:$id,", "{novelty: $it, id: $id,").replace(
            "($id: String,", "($it: JSON, $id: String,"
        )
        kind = UPSERT.replace("($id: String,", "($novelty: [NoveltyInput!], $id: String,")
        lost = "this server does not support "
        assert message(owner.query(field, name="r", it=value)) == f"{lost}novelty of UpsertBucketInput yet"
        assert message(owner.query(kind, name="r", novelty=value)) == f"{lost}NoveltyInput yet"
        assert not Run.objects.exists()
        upsert(owner)
        said = {"runName": "r", "projectName": "p", "title": "t", "text": "", "novelty": value}
        answer = message(owner.query(ALERT, input=said))
        assert answer == f"{lost}novelty of NotifyScriptableRunAlertInput yet"
        assert not Alert.objects.exists()

    def test_what_is_written_out_in_the_query_is_weighed_too(self, owner: Replay) -> None:
        text = 'mutation { upsertBucket(input: {name: "r", novelty: %s}) { inserted } }'
        assert "errors" not in owner.query(text % "[]")
        assert (
            message(owner.query(text % '{a: "x"}')) == "this server does not support novelty of UpsertBucketInput yet"
        )

    def test_an_unknown_mutation_is_named_and_nothing_is_done(self, owner: Replay) -> None:
        text = (
            "mutation LinkArtifact($input: LinkArtifactInput!, $name: String) {"
            " upsertBucket(input: {name: $name, modelName: $name}) { inserted }"
            " linkArtifact(input: $input) { versionIndex } }"
        )
        assert message(owner.query(text, name="r", input={})) == "this server does not support linkArtifact yet"
        assert not Run.objects.exists()

    @pytest.mark.parametrize("kind", ["Query", "Mutation", "ServerInfo", "ServerSettings", "Run", "Project"])
    def test_types_old_clients_look_at_are_there(self, owner: Replay, kind: str) -> None:
        found = owner.query("query T($name: String!) { __type(name: $name) { name fields { name } } }", name=kind)
        names = {field["name"] for field in found["data"]["__type"]["fields"]}
        wanted = {
            "Query": {"serverInfo"},
            "Mutation": {"createRunFiles"},
            "ServerInfo": {"cliVersionInfo", "latestLocalVersionInfo"},
        }
        assert wanted.get(kind, set()) <= names

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "{ viewer }}",
            "query { a" * 3000,
            "{a" * 5000,
            "{viewer{teams{edges{node" + "{organization" * 40 + "}" * 44,
            "query { ...f } fragment f on Query { ...f }",
            "query { ...absent }",
            "query A { viewer { id } } query B { viewer { id } }",
            "subscription { a }",
            "{ viewer { id } }" + " " * 30_000,
            "{ viewer { " + " ".join(f"a{i}: id" for i in range(2100)) + " } }",
        ],
    )
    def test_hopeless_queries_get_an_error(self, owner: Replay, text: str) -> None:
        assert message(owner.query(text))

    def test_one_field_under_many_names_is_refused(self, owner: Replay) -> None:
        def asked(times: int) -> dict[str, Any]:
            half = " ".join(f"a{i}: viewer {{ id }}" for i in range(times // 2))
            more = " ".join(f"b{i}: viewer {{ id }}" for i in range(times - times // 2))
            return owner.query(f"query Q {{ {half} ...F }} fragment F on Query {{ {more} }}")

        assert len(asked(50)["data"]) == 50
        assert "renames over 50 fields" in message(asked(51))

    def test_fragments_that_multiply_are_refused_quickly(self, owner: Replay) -> None:
        def both(inner: str) -> str:
            return f'a: run(name: "r") {{ project {{ {inner} }} }} b: run(name: "r") {{ project {{ {inner} }} }}'

        spread = "".join(f"fragment f{i} on Project {{ {both(f'...f{i + 1}')} }} " for i in range(12))
        text = f'{{ project(name: "p") {{ ...f0 }} }} {spread} fragment f12 on Project {{ id }}'
        assert "nested deeper" in message(owner.query(text))

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "[]",
            "1",
            "{",
            '{"query": 1}',
            '{"query": "{a}", "variables": [1]}',
            "{}",
            '{"query": "{a}", "operationName": 1}',
        ],  # fmt: skip
    )
    def test_bodies_that_are_no_request_are_400(self, owner: Replay, body: str) -> None:
        answer = owner.client.post(
            "/graphql", body, content_type="application/json", headers={"Authorization": owner.authorization}
        )
        assert answer.status_code == 400

    def test_trouble_with_the_database_is_asked_again(self, owner: Replay, monkeypatch) -> None:
        def locked(**_: Any) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(ingest, "run_upsert", locked)
        answer = owner.client.post(
            "/graphql",
            json.dumps({"query": UPSERT, "variables": {"name": "r", "project": "p"}}),
            content_type="application/json",
            headers={"Authorization": owner.authorization},
        )
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")


def test_who_asks_for_the_members_of_no_team_is_told_where_teams_are_made(owner: Replay, stranger: Replay) -> None:
    text = "query T($name: String!) { entity(name: $name) { id members { username } } }"
    assert owner.query(text, name="tester")["data"]["entity"]["members"] == [{"username": "tester"}]
    for asking, name in ((owner, "none"), (stranger, "tester")):
        assert message(asking.query(text, name=name)).startswith(f"you belong to no team {name!r}; teams are made")
        assert asking.query(text.replace(" members { username }", ""), name=name)["data"]["entity"] is None


def test_a_question_about_what_is_not_here_is_refused_by_its_name(owner: Replay) -> None:
    text = 'query Integrations { entity(name: "tester") { ... on SlackIntegration { id } } }'
    message = owner.query(text)["errors"][0]["message"]
    assert message == "this server does not support Integrations: it has no SlackIntegration"
