"""Sweeps as the client speaks of them: recorded requests, strangers, and input that means nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml

from runs.models import Run, Sweep, SweepAgent, Trial
from tests.wire.replay import Replay, requests_of

CREATE = """mutation UpsertSweep($id: ID, $config: String, $state: String, $entityName: String, $projectName: String,
  $displayName: String, $description: String) {
  upsertSweep(input: {id: $id, config: $config, state: $state, entityName: $entityName, projectName: $projectName,
    displayName: $displayName, description: $description}) {
    sweep { id name state project { name entity { name } } } configValidationWarnings } }"""
AGENT = """mutation CreateAgent($host: String!, $projectName: String, $entityName: String, $sweep: String!) {
  createAgent(input: {host: $host, projectName: $projectName, entityName: $entityName, sweep: $sweep}) {
    agent { id } } }"""
HEARTBEAT = """mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) { agent { id } commands } }"""
SWEEP = """query Sweep($sweep: String!, $entity: String, $project: String, $specs: [JSONString!]!) {
  project(name: $project, entityName: $entity) { totalSweeps sweep(sweepName: $sweep) {
    __typename id name displayName method state description bestLoss config createdAt updatedAt heartbeatAt runCount
    runCountExpected earlyStopJobRunning controller scheduler priorRunsFilters
    runs { edges { node { name state shouldStop failed stopped sampledHistory(specs: $specs) } } } } } }"""
GRID = "method: grid\nmetric: {name: loss}\nparameters:\n  lr: {values: [1, 2]}\n"


class SweepReplay(Replay):
    """Names and ids that the recording server made up are those that ours makes up."""

    names: dict[str, str] = {}

    def send(self, request: dict[str, Any]) -> Any:
        text = json.dumps(request)
        for recorded, ours in self.names.items():
            text = text.replace(recorded, ours)
        answer = super().send(json.loads(text))
        if request.get("response"):
            self._compare(request["response"], answer.json()["data"])
        return answer

    def _map_ids(self, body: dict[str, Any]) -> None:
        pass

    def _compare(self, recorded: dict[str, Any], ours: dict[str, Any]) -> None:
        if said := recorded.get("upsertSweep"):
            name = said["sweep"]["name"]
            if name not in self.names:
                self.names[name] = ours["upsertSweep"]["sweep"]["name"]
                sweep = Sweep.objects.get(name=self.names[name])
                self.names[base64.b64encode(f"Sweep:{name}".encode()).decode()] = str(sweep.id)
        elif said := recorded.get("createAgent"):
            self.names[said["agent"]["id"]] = ours["createAgent"]["agent"]["id"]
        elif said := recorded.get("agentHeartbeat"):
            commands = json.loads(said["commands"])
            found = json.loads(ours["agentHeartbeat"]["commands"])
            for command, mine in zip(commands, found, strict=True):
                if command["type"] == "run":
                    self.names[command.pop("run_id")] = mine.pop("run_id")
                assert mine == command


@pytest.fixture
def player(owner: Replay) -> SweepReplay:
    player = SweepReplay(owner.client, owner.key)
    player.names = {}
    return player


@pytest.mark.parametrize("name", ["k_sweep", "k_sweep_cli"])
def test_a_recorded_sweep_is_answered_as_it_was_recorded(player: SweepReplay, name: str) -> None:
    for request in requests_of(name):
        answer = player.send(request)
        if answer is not None and request["path"] == "/graphql":
            assert "errors" not in answer.json(), (request, answer.json())
    sweep = Sweep.objects.get()
    runs = Run.objects.order_by("trial__number")
    assert {run.sweep for run in runs} == {sweep.name}
    if name == "k_sweep":
        assert [run.config for run in runs] == [
            {"bs": bs, "folds": 3, "lr": lr} for bs in (16, 32) for lr in (0.1, 0.01)
        ]
    else:
        assert [run.config["lr"] for run in runs] == [1, 2]
        assert sweep.state == "finished", "as the recorded person stopped it"


def create(who: Replay, config: str = GRID, **said: Any) -> Any:
    return who.query(CREATE, config=config, projectName="p", **said)


def created(who: Replay, config: str = GRID, **said: Any) -> dict[str, Any]:
    answer = create(who, config, **said)
    assert "errors" not in answer, answer
    sweep: dict[str, Any] = answer["data"]["upsertSweep"]["sweep"]
    return sweep


def agent_of(who: Replay, sweep: dict[str, Any]) -> str:
    answer = who.query(AGENT, host="node1", projectName="p", entityName="tester", sweep=sweep["name"])
    agent: str = answer["data"]["createAgent"]["agent"]["id"]
    return agent


def beat(who: Replay, agent: str, **going_on: bool) -> list[dict[str, Any]]:
    answer = who.query(HEARTBEAT, id=agent, metrics="{}", runState=json.dumps(going_on))
    commands: list[dict[str, Any]] = json.loads(answer["data"]["agentHeartbeat"]["commands"])
    return commands


def read(who: Replay, sweep: dict[str, Any], entity: str = "tester") -> Any:
    answer = who.query(SWEEP, sweep=sweep["name"], entity=entity, project="p", specs="{}")
    return answer["data"]["project"]


def test_a_sweep_is_read_back_as_it_stands(owner: Replay) -> None:
    text = "method: grid\nname: mine\ndescription: why\nmetric: {name: loss}\nparameters:\n  lr: {values: [1, 2]}\n"
    sweep = created(owner, text)
    assert (sweep["state"], sweep["project"]["entity"]["name"]) == ("PENDING", "tester")
    agent = agent_of(owner, sweep)
    (command,) = beat(owner, agent)
    start = requests_of("a_basic")[1]
    start["body"]["variables"] |= {"project": "p", "name": command["run_id"], "sweep": sweep["name"]}
    start["body"]["variables"] |= {"summaryMetrics": '{"loss": 0.25}'}
    owner.send(start)
    found = read(owner, sweep)
    assert found["totalSweeps"] == 1
    shown = found["sweep"]
    assert yaml.safe_load(shown["config"]) == yaml.safe_load(text)
    assert (shown["displayName"], shown["description"], shown["method"]) == ("mine", "why", "grid")
    assert (shown["state"], shown["runCount"], shown["runCountExpected"]) == ("RUNNING", 1, 2)
    assert shown["priorRunsFilters"] is None, "a field of another server"
    (edge,) = shown["runs"]["edges"]
    assert (edge["node"]["name"], edge["node"]["sampledHistory"]) == (command["run_id"], [[]])


def test_sweeps_of_a_project_come_in_pages_the_latest_first_without_a_query_for_each(
    owner: Replay, django_assert_max_num_queries: Any
) -> None:
    names = [created(owner)["name"] for _ in range(5)]
    text = """query GetSweeps($cursor: String) { project(name: "p", entityName: "tester") { totalSweeps
        sweeps(after: $cursor, first: 3) { pageInfo { endCursor hasNextPage } edges { node {
            name state bestLoss runCount runCountExpected config } } } } }"""
    with django_assert_max_num_queries(8):
        first = owner.query(text, cursor=None)["data"]["project"]
    rest = owner.query(text, cursor=first["sweeps"]["pageInfo"]["endCursor"])["data"]["project"]
    found = [edge["node"]["name"] for page in (first, rest) for edge in page["sweeps"]["edges"]]
    assert found == names[::-1]
    assert (first["totalSweeps"], rest["sweeps"]["pageInfo"]["hasNextPage"]) == (5, False)


def test_requests_sent_twice_harm_nothing(owner: Replay) -> None:
    sweep = created(owner)
    for _ in range(2):
        assert "errors" not in create(owner, id=sweep["id"], state="RUNNING")
    agents = [agent_of(owner, sweep) for _ in range(2)]
    assert beat(owner, agents[0]) == beat(owner, agents[0])
    assert Trial.objects.count() == 1
    assert SweepAgent.objects.count() == 2


def test_a_sweep_is_changed_by_its_id_or_its_name(owner: Replay) -> None:
    sweep = created(owner)
    for key in (sweep["id"], sweep["name"]):
        answer = owner.query(CREATE, id=key, projectName="p", state="PAUSED", displayName=f"by {key}")
        assert answer["data"]["upsertSweep"]["sweep"]["state"] == "PAUSED"
        assert Sweep.objects.get().display_name == f"by {key}"
    assert Sweep.objects.get().config["method"] == "grid"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"config": "method: grid"}, "parameters is a mapping"),
        ({"config": "method: [grid"}, "malformed YAML"),
        ({"config": "method: grid\nparameters: {a: {min: 0.0, max: 1.0}}"}, "parameter a"),
        ({"config": None}, "a new sweep needs a configuration"),
        ({"id": "nothere", "state": "PAUSED"}, "sweep nothere not found"),
        ({"id": "00000000-0000-0000-0000-000000000000", "state": "PAUSED"}, "not found"),
    ],
)
def test_what_means_nothing_is_refused_with_a_word(owner: Replay, said: dict[str, Any], problem: str) -> None:
    created(owner)
    answer = owner.query(CREATE, **({"config": GRID, "projectName": "p"} | said))
    assert problem in answer["errors"][0]["message"]
    assert Sweep.objects.count() == 1


def test_a_state_that_does_not_follow_is_refused_with_a_word(owner: Replay) -> None:
    sweep = created(owner)
    answer = owner.query(CREATE, id=sweep["id"], state="ASLEEP")
    assert "a sweep can't be made asleep" in answer["errors"][0]["message"]


@pytest.mark.parametrize("said", ["[]", "3", '{"a": ' * 90 + "1" + "}" * 90, "{", '{"\\u0000": true, "\\ud800": 1}'])
def test_heartbeats_that_say_nonsense_are_answered(owner: Replay, said: str) -> None:
    agent = agent_of(owner, created(owner))
    answer = owner.query(HEARTBEAT, id=agent, metrics="{}", runState=said)
    assert "errors" in answer or json.loads(answer["data"]["agentHeartbeat"]["commands"]) is not None


def test_text_no_database_keeps_is_kept_as_far_as_it_goes_or_refused(owner: Replay) -> None:
    created(owner, displayName="a\0b", description="\ud83d x")
    sweep = Sweep.objects.get()
    assert (sweep.display_name, sweep.description) == ("a\ufffdb", "\ufffd x")
    assert "can't be stored" in create(owner, GRID + 'program: "x\\0y"\n')["errors"][0]["message"]


def test_teammates_work_on_a_sweep_and_strangers_see_none(owner: Replay, teammate: Replay, stranger: Replay) -> None:
    sweep = created(owner)
    assert beat(teammate, agent_of(teammate, sweep))[0]["type"] == "run"
    agent = agent_of(owner, sweep)
    assert read(stranger, sweep) is None
    told = stranger.query(AGENT, host="x", projectName="p", entityName="tester", sweep=sweep["name"])
    missing = stranger.query(AGENT, host="x", projectName="other", entityName="tester", sweep=sweep["name"])
    assert told["errors"][0]["message"].replace("/p ", "/other ") == missing["errors"][0]["message"]
    changed = stranger.query(CREATE, id=sweep["id"], state="CANCELED")
    assert "not found" in changed["errors"][0]["message"]
    assert Sweep.objects.get().state == "running"
    assert heartbeat_status(stranger, agent) == 404


def heartbeat_status(who: Replay, agent: str) -> int:
    answer = who.client.post(
        "/graphql",
        json.dumps({"query": HEARTBEAT, "variables": {"id": agent, "runState": "{}"}}),
        content_type="application/json",
        headers={"Authorization": who.authorization},
    )
    status: int = answer.status_code
    return status


def test_an_agent_of_a_sweep_that_is_gone_hears_404_so_that_it_ends(owner: Replay) -> None:
    sweep = created(owner)
    agent = agent_of(owner, sweep)
    assert heartbeat_status(owner, agent) == 200
    Sweep.objects.all().delete()
    assert heartbeat_status(owner, agent) == 404
    assert heartbeat_status(owner, "no-uuid") == 404
