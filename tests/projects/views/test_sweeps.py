import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils.html import escape

from projects.looking import looking
from runs import sweeps
from runs.models import Run, Sweep
from runs.sweeps import Begin
from tests.factories import log_run, make_run, make_sweep
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def sweep(cast: Cast) -> Sweep:
    """A grid of three, two of which were tried, in a project with another run."""
    made = make_sweep(cast.project, name="find <lr>", parameters={"lr": {"values": [0.1, 0.01, 0.001]}})
    agent = sweeps.agent_create(sweep_id=made.id, host="node1", user_name="olga")
    for loss in (0.5, 0.25):
        (begin,) = sweeps.agent_heartbeat(id=agent.id, going_on=())
        assert isinstance(begin, Begin)
        log_run(
            cast.project, begin.run_name, [{"loss": loss}], summary={"loss": loss}, sweep=made.name,
            config=begin.parameters, group="cv" if loss == 0.5 else None,
        )  # fmt: skip
    log_run(cast.project, "outside", [{"loss": 9.0}], summary={"loss": 0.0})
    return made


def page(client: Client, sweep: Sweep, **query: Any) -> str:
    answer = client.get(f"/lab/digits/sweeps/{sweep.name}?{urlencode(query, doseq=True)}", follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def head(html: str) -> str:
    """The text of the sweep's head."""
    found = re.search(r'<section class="sweep-head".*?</section>', html, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


def test_the_page_of_a_sweep_is_the_workspace_of_its_runs(cast: Cast, sweep: Sweep) -> None:
    html = page(cast.as_("owner"), sweep, group="")
    said = head(html)
    assert escape("find <lr>") in said
    assert "find <lr>" not in html
    assert "Running" in said
    assert "Runs 2 of 3" in said
    assert re.search(r"Lowest loss 0.25 in \w+", said)
    assert 'data-runs="2"' in html
    assert "outside" not in html
    assert "values:" in said
    best = Run.objects.get(config__contains="0.01}")
    assert f"/lab/digits/runs/{best.name}" in html


def test_every_link_and_figure_of_the_page_stays_within_the_sweep(cast: Cast, sweep: Sweep) -> None:
    client = cast.as_("owner")
    html = page(client, sweep, group="config.lr", f="config.lr:<:1")
    links = re.findall(r'href="(/lab/digits\?[^"]*)"', html)
    assert len(links) > 5
    assert all(f"sweep={sweep.name}" in link for link in links)
    assert not any("f=sweep" in link for link in links), "the sweep is said once"
    chart = re.search(r'data-query="([^"]*)"', html)
    assert chart
    assert f"sweep={sweep.name}" in chart[1]
    figure = client.get(f"/lab/digits/line-plot?metric=loss&{chart[1].replace('&amp;', '&')}").json()
    assert "2 of 2" in str(figure)
    exported = client.get(f"/lab/digits/export?as=csv&group=&sweep={sweep.name}").getvalue().decode()
    assert len(exported.splitlines()) == 3
    form = client.get(f"/lab/digits/group-by?sweep={sweep.name}").content.decode()
    assert f'name="sweep" value="{sweep.name}"' in form


def test_its_own_condition_is_no_filter_that_can_be_taken_away(cast: Cast, sweep: Sweep) -> None:
    html = page(cast.as_("owner"), sweep, f="config.lr:<:0.05")
    assert html.count("Remove filter") == 1
    assert 'data-runs="1"' in html
    twice = page(cast.as_("owner"), sweep, f=f'sweep:=:"{sweep.name}"')
    assert "Remove filter" not in twice


def test_what_is_saved_of_the_view_is_not_bound_to_the_sweep(cast: Cast, sweep: Sweep) -> None:
    asked = QueryDict(f"sweep={sweep.name}&group=config.lr")
    found = looking(cast.owner, cast.project, asked)
    assert found.query == f"group=config.lr&sweep={sweep.name}"
    assert "sweep" not in found.saved_query


@pytest.mark.parametrize(
    ("state", "becomes", "buttons"),
    [
        ("paused", "Paused", ["running", "finished", "canceled"]),
        ("finished", "Finished", ["running"]),
        ("canceled", "Canceled", ["running"]),
    ],
)
def test_the_buttons_change_what_agents_hear(
    cast: Cast, sweep: Sweep, state: str, becomes: str, buttons: list[str]
) -> None:
    client = cast.as_("teammate")
    assert re.findall(r'name="state" value="(\w+)"', page(client, sweep)) == ["paused", "finished", "canceled"]
    answer = client.post(f"/lab/digits/sweeps/{sweep.name}?group=config.lr", {"state": state})
    assert answer.status_code == 302
    assert answer["Location"] == f"/lab/digits?group=config.lr&sweep={sweep.name}"
    html = page(client, sweep)
    assert becomes in head(html)
    assert re.findall(r'name="state" value="(\w+)"', html) == buttons
    sweep.refresh_from_db()
    assert sweep.state == state


def test_an_open_page_hears_of_a_change_of_the_sweep_by_anybody(cast: Cast, sweep: Sweep) -> None:
    client = cast.as_("owner")
    html = page(client, sweep)
    shown, asked = (re.search(rf'data-version{more}="([^"]*)"', html) for more in ("", "-url"))
    assert shown
    assert asked
    assert client.get(asked[1]).json()["version"] == shown[1]
    sweeps.sweep_change(id=sweep.id, state="paused")
    assert client.get(asked[1]).json()["version"] != shown[1]
    assert client.get("/lab/digits/version?sweep=nothere").status_code == 404


@pytest.mark.parametrize("state", ["", "asleep", "crashed"])
def test_a_state_that_means_nothing_is_a_bad_request(cast: Cast, sweep: Sweep, state: str) -> None:
    assert cast.as_("owner").post(f"/lab/digits/sweeps/{sweep.name}", {"state": state}).status_code == 400


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [
        ("owner", 302, 302),
        ("teammate", 302, 302),
        ("viewer", 302, 403),
        ("stranger", 404, 404),
        ("anonymous", 404, 404),
    ],
)
def test_members_see_a_sweep_and_writers_change_it(cast: Cast, sweep: Sweep, who: str, reads: int, writes: int) -> None:
    client, address = cast.as_(who), f"/lab/digits/sweeps/{sweep.name}"
    assert client.get(address).status_code == reads
    assert client.post(address, {"state": "paused"}).status_code == writes
    assert client.get("/lab/digits/sweeps").status_code == (200 if reads == 302 else 404)
    sweep.refresh_from_db()
    assert (sweep.state == "paused") == (writes == 302)
    if who == "viewer":
        assert 'name="state"' not in page(client, sweep)


@pytest.mark.parametrize("name", ["nothere", "%00", "a%20b", "%F0%9F%A7%B9"])
def test_a_sweep_that_is_not_there_is_not_found(cast: Cast, sweep: Sweep, name: str) -> None:
    client = cast.as_("owner")
    assert client.get(f"/lab/digits/sweeps/{name}").status_code == 404
    for address in ("", "/line-plot", "/group-by", "/filter", "/export"):
        assert client.get(f"/lab/digits{address}?metric=loss&as=csv&sweep={name}").status_code == 404
    assert client.get("/lab/digits?sweep=").status_code == 200


def test_a_project_lists_its_sweeps_without_a_query_for_each(
    cast: Cast, sweep: Sweep, django_assert_max_num_queries: Any
) -> None:
    client = cast.as_("owner")
    assert 'href="/lab/digits/sweeps"' in client.get("/lab/digits").content.decode()
    for _ in range(5):
        make_sweep(cast.project, method="random", metric=None)
    with django_assert_max_num_queries(9):
        html = client.get("/lab/digits/sweeps").content.decode()
    rows = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)]
    assert len(rows) == 7
    assert rows[0] == "Sweep State Method Runs Best Created"
    assert re.fullmatch(rf"find &lt;lr&gt; {sweep.name} Running grid 2 of 3 loss 0.25 .*", rows[-1])
    assert re.fullmatch(r"\w+ Pending random 0 – .*", rows[1])
    assert f"/lab/digits?sweep={sweep.name}" in html


def test_a_project_without_sweeps_says_how_to_make_one(cast: Cast) -> None:
    client = cast.as_("owner")
    assert "wandb.sweep(config" in client.get("/lab/digits/sweeps").content.decode()


def test_a_sweep_that_nobody_works_on_says_how_to_start_an_agent(cast: Cast) -> None:
    sweep = make_sweep(cast.project)
    said = head(page(cast.as_("owner"), sweep))
    assert f"wandb agent lab/digits/{sweep.name}" in said
    assert "Pending" in said
    assert "none yet" in said
    assert "No run of this sweep has begun." in page(cast.as_("owner"), sweep)


def test_a_sweep_that_has_tried_all_offers_nothing_more(cast: Cast) -> None:
    sweep = make_sweep(cast.project, parameters={"lr": {"value": 1}})
    agent = sweeps.agent_create(sweep_id=sweep.id, host="node1", user_name="olga")
    (begin,) = sweeps.agent_heartbeat(id=agent.id, going_on=())
    assert isinstance(begin, Begin)
    log_run(cast.project, begin.run_name, [{"loss": 1.0}], sweep=sweep.name)
    html = page(cast.as_("owner"), sweep)
    assert "Finished" in head(html)
    assert 'name="state"' not in html


def test_a_run_leads_to_its_sweep(cast: Cast, sweep: Sweep) -> None:
    client = cast.as_("owner")
    run = Run.objects.filter(sweep=sweep.name)[0]
    assert f'href="/lab/digits/sweeps/{sweep.name}"' in client.get(f"/lab/digits/runs/{run.name}").content.decode()
    other = make_run(cast.project, sweep="../nothere")
    html = client.get(f"/lab/digits/runs/{other.name}").content.decode()
    assert "../nothere" in html
    assert "/sweeps/" not in html
