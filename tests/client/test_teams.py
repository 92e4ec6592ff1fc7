"""Teams by the unmodified client: members log, viewers read and are told so, strangers find nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import requests

from tests.client.test_client import Environment, complaints
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.client

LOG = """
import wandb
with wandb.init(entity="vision", project="eyes", id=NAME) as run:
    run.log({"loss": 0.5})
print("LOGGED", run.entity, run.path)
"""
READ = """
import json, wandb
api = wandb.Api()
team = api.team("vision")
print("SAID", json.dumps({
    "teams": sorted(api.viewer.teams), "entity": api.default_entity,
    "members": sorted((member.username, member.account_type, member.admin) for member in team.members),
    "projects": [project.name for project in api.projects("vision")],
    "runs": sorted((run.id, run.summary["loss"]) for run in api.runs("vision/eyes")),
}))
"""


class Browser:
    """Forms of the site, sent as a browser sends them."""

    def __init__(self, live: LiveServer, user: str) -> None:
        self.live, self.session = live, requests.Session()
        self.post(live.sign_in_link(user).removeprefix(live.url))

    def post(self, path: str, **form: str) -> requests.Response:
        page = self.session.get(self.live.url + path, timeout=60)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token is not None, page.text
        form |= {"csrfmiddlewaretoken": token[1]}
        answer = self.session.post(self.live.url + path, form, timeout=60, headers={"Referer": self.live.url})
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def team(live: LiveServer) -> Browser:
    """`vision`, in which ada is admin, bert a member and clara a viewer; dora is a stranger."""
    for name in ("bert", "clara", "dora"):
        live.manage("create_api_key", name)
    admin = Browser(live, "ada")
    admin.post("/teams/new", name="vision")
    admin.post("/teams/vision", do="add", name="bert", role="member")
    admin.post("/teams/vision", do="add", name="clara", role="viewer")
    return admin


def environment_of(live: LiveServer, name: str, folder: Path) -> Environment:
    return client_environment(live, folder) | {"WANDB_API_KEY": live.manage("create_api_key", name)}


@pytest.mark.on_both
def test_members_log_to_the_team_and_others_are_told_why_not(live: LiveServer, team: Browser, tmp_path: Path) -> None:
    bert, clara, dora = (environment_of(live, name, tmp_path) for name in ("bert", "clara", "dora"))
    logged = run_script(LOG.replace("NAME", "'by-bert'"), bert)
    assert "LOGGED vision vision/eyes/by-bert" in logged.stdout, logged.stderr
    assert complaints(logged.stderr) == []

    read = run_script(READ, clara)
    assert json.loads(read.stdout.rpartition("SAID")[2]) == {
        "teams": ["clara", "vision"],
        "entity": "clara",
        "members": [["ada", "admin", True], ["bert", "member", False], ["clara", "viewer", False]],
        "projects": ["eyes"],
        "runs": [["by-bert", 0.5]],
    }

    refused = run_script(LOG.replace("NAME", "'by-clara'"), clara)
    assert refused.returncode != 0
    assert "you may read what is of vision, not write there" in refused.stderr
    unknown = run_script(LOG.replace("NAME", "'by-dora'"), dora)
    assert "entity vision not found" in unknown.stderr
    for ask in ("team", "create_team"):
        told = run_script(f"import wandb; wandb.Api().{ask}('vision')", dora)
        assert "you belong to no team 'vision'; teams are made on the site" in told.stderr
    assert json.loads(run_script(READ, clara).stdout.rpartition("SAID")[2])["runs"] == [["by-bert", 0.5]]


def test_who_becomes_a_member_logs(live: LiveServer, team: Browser, tmp_path: Path) -> None:
    team.post("/teams/vision", do="add", name="dora", role="member")
    logged = run_script(LOG.replace("NAME", "'by-dora'"), environment_of(live, "dora", tmp_path))
    assert "LOGGED vision vision/eyes/by-dora" in logged.stdout, logged.stderr
