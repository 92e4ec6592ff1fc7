"""Every request of the client, harmed: never a server error, never anything of others changed, and what is refused
changes nothing; the request as it should be is taken afterwards.

HOSTILE_INPUTS: how many of each request (1); with -rP pytest says how many were tried."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from projects.models import User
from tests.factories import log_run, make_project, make_user
from tests.wire import artifact_log
from tests.wire.hostile import HostileClient, keep_bytes, rows_stored
from tests.wire.replay import RECORDED, Replay, requests_of
from tests.wire.test_artifacts import RECORDINGS as ARTIFACTS
from tests.wire.test_artifacts import TestRecordings as ArtifactRecordings
from tests.wire.test_replay import ALL, play
from tests.wire.test_sweeps import SweepReplay

SWEEPS = ["k_sweep", "k_sweep_cli"]


def bystanders(name: str) -> set[str]:
    """Runs beside those of a recording: in the same projects, and in a stranger's of the same names. Ids of those runs
    and of the stranger's projects."""
    text = (RECORDED / f"{name}.jsonl").read_text()
    projects = {
        *re.findall(r'"(?:project|projectName)": "([^"]+)"', text),
        *re.findall(r"/files/tester/([^/]+)/", text),
    }
    owner, neighbour = User.objects.get(username="tester"), make_user("neighbour")
    ids = set()
    for project in sorted(projects):
        of_neighbour = make_project(neighbour, project)
        ids.add(of_neighbour.id.hex)
        for place in (of_neighbour, make_project(owner, project)):
            rows = [{"loss": 1.0, "acc": i} for i in range(3)]
            ids.add(log_run(place, "beside", rows, summary={"a": 1}, config={"lr": 1}, tags=["t"]).id.hex)
    return ids


@pytest.fixture
def hostile(owner: Replay, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Replay]:
    keep_bytes(monkeypatch)

    def made(name: str) -> Replay:
        ids = bystanders(name)
        owner.client = HostileClient(name, rows_stored(), ids)
        return owner

    return made


def told(player: Replay) -> None:
    client = player.client
    assert isinstance(client, HostileClient)
    assert client.tried
    print(f"{client.name}: {client.tried} harmed requests, {client.refused} refused")


@pytest.mark.parametrize("name", ALL)
def test_harmed_requests_of_a_run(hostile: Callable[[str], Replay], name: str) -> None:
    player = hostile(name)
    play(player, name)
    told(player)


def test_harmed_requests_of_runs_that_go_on(hostile: Callable[[str], Replay]) -> None:
    player = hostile("d_resume")
    for request in requests_of("d_resume"):
        player.send(request)
    told(player)


@pytest.mark.parametrize("name", SWEEPS)
def test_harmed_requests_of_a_sweep(hostile: Callable[[str], Replay], name: str) -> None:
    owner = hostile(name)
    player = SweepReplay(owner.client, owner.key)
    player.names = {}
    for request in requests_of(name):
        player.send(request)
    told(player)


@pytest.mark.parametrize("name", ARTIFACTS)
def test_harmed_requests_of_artifacts(
    hostile: Callable[[str], Replay], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = hostile(name)
    monkeypatch.setattr(artifact_log, "Client", lambda: player.client)
    recordings = ArtifactRecordings()
    recordings.test_every_question_is_answered_in_the_form_that_the_client_was_content_with(player, name)
    told(player)
