import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils.html import escape

from projects.models import Membership, Project, Role, User, Visibility
from runs.models import Run, run_id
from tests import factories
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


def log_run(project: Project, name: str, *, finish: bool = True, steps: int = 3, **fields: Any) -> Run:
    """A run with config lr, history and summary loss."""
    lr = fields.pop("lr", 0.1)
    rows = [{"train/loss": 1 / (step + 1), "loss": 0.5} for step in range(steps)]
    config = {"lr": lr, "opt": {"name": "adam"}}
    return factories.log_run(project, name, rows, summary={"loss": lr}, complete=finish, config=config, **fields)


@pytest.fixture
def owner() -> User:
    return make_user("ada")


@pytest.fixture
def project(owner: User) -> Project:
    """Two learning rates of two seeds, without groups."""
    made = make_project(owner, "digits")
    for lr in (0.1, 0.01):
        for seed in range(2):
            log_run(made, f"lr{lr}-seed{seed}", lr=lr)
    return made


@pytest.fixture
def page(client: Client, owner: User) -> Callable[..., str]:
    client.force_login(owner)

    def get(
        path: str = "/ada/digits", status: int = 200, headers: dict[str, str] | None = None, **query: object
    ) -> str:
        response = client.get(f"{path}?{urlencode(query, doseq=True)}" if query else path, headers=headers)
        assert response.status_code == status
        return response.content.decode()

    return get


def link(html: str, id: str) -> str:
    found = re.search(rf'<a [^>]*id="{id}"[^>]*href="([^"]*)"', html)
    assert found, id
    return found[1].replace("&amp;", "&")


def names(html: str, kind: str) -> list[str]:
    pattern = {
        "group": r'<tr class="group[^>]*>.*?class="label" title="([^"]*)"',
        "run": r'<tr class="run[^>]*>.*?class="label"[^>]*>([^<]*)<',
    }
    return re.findall(pattern[kind], html, re.DOTALL)


ADDRESSES = (
    "/ada/digits",
    "/ada/digits/group-by",
    "/ada/digits/version",
    "/ada/digits/line-plot?metric=loss",
    "/ada/digits/line-plot/settings?metric=loss",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_owner_and_teammates_see_the_project_and_nobody_else_learns_that_it_is_there(
    client: Client, project: Project, address: str
) -> None:
    teammate, viewer, stranger = make_user("bob"), make_user("vic"), make_user("eve")
    Membership.objects.create(entity=project.entity, user=teammate, role=Role.MEMBER)
    Membership.objects.create(entity=project.entity, user=viewer, role=Role.VIEWER)
    missing = address.replace("digits", "nothing")
    for person, status in ((project.entity.owner, 200), (teammate, 200), (viewer, 200), (stranger, 404), (None, 404)):
        client.logout()
        if person is not None:
            client.force_login(person)
        assert client.get(address).status_code == status
        assert client.get(missing).status_code == 404


@pytest.mark.parametrize("address", ADDRESSES)
def test_anyone_sees_a_public_project(client: Client, project: Project, address: str) -> None:
    Project.objects.update(visibility=Visibility.PUBLIC)
    assert client.get(address).status_code == 200


def test_a_project_without_runs_shows_how_to_log_the_first(page: Callable[..., str], owner: User) -> None:
    make_project(owner, "fresh")
    html = page("/ada/fresh")
    assert "WANDB_BASE_URL=http://testserver" in html
    assert "WANDB_API_KEY" in html
    assert 'project="fresh"' in html


def test_without_groups_the_page_opens_ungrouped(page: Callable[..., str], project: Project) -> None:
    html = page()
    assert names(html, "run") == ["lr0.01-seed1", "lr0.01-seed0", "lr0.1-seed1", "lr0.1-seed0"]
    assert not names(html, "group")
    assert "4 of 4 runs visible" in html


def test_with_a_group_the_page_opens_grouped_by_group_and_job_type(page: Callable[..., str], owner: User) -> None:
    made = make_project(owner, "grouped")
    log_run(made, "a", group="one", job_type="train")
    log_run(made, "b", group="one", job_type="eval")
    log_run(made, "c", group="two", job_type="train")
    html = page("/ada/grouped")
    assert names(html, "group") == ["Group: one", "Group: two"]
    assert 'Group <span class="badge">2</span>' in html
    assert "3 of 3 groups visible" in html


def test_the_group_button_toggles_between_the_last_grouping_and_none(
    page: Callable[..., str], project: Project
) -> None:
    html = page(group="config.lr")
    assert names(html, "group") == ["lr: 0.01", "lr: 0.1"]
    off = page(link(html, "group-toggle"))
    assert not names(off, "group")
    assert len(names(off, "run")) == 4
    assert names(page(link(off, "group-toggle")), "group") == ["lr: 0.01", "lr: 0.1"]


def test_clear_grouping_is_one_link_and_forgets_the_fields(page: Callable[..., str], owner: User) -> None:
    made = make_project(owner, "grouped")
    log_run(made, "a", group="one")
    cleared = page(link(page("/ada/grouped"), "clear-grouping"))
    assert names(cleared, "run") == ["a"]
    assert "Grouped by" not in cleared
    assert "badge" not in cleared


def test_a_group_opens_and_closes_by_its_chevron(page: Callable[..., str], project: Project) -> None:
    html = page(group="config.lr")
    first = re.findall(r'id="(open-[^"]*)"', html)[0]
    opened = page(link(html, first))
    assert names(opened, "run") == ["lr0.01-seed0", "lr0.01-seed1"]
    assert 'aria-expanded="true"' in opened
    assert not names(page(link(opened, first)), "run")


def test_the_eye_hides_a_group_from_charts_and_says_so(page: Callable[..., str], project: Project) -> None:
    html = page(group="config.lr")
    eye = re.findall(r'id="(eye-[^"]*)"', html)[0]
    hidden = page(link(html, eye))
    assert "1 of 2 groups visible" in hidden
    assert 'aria-pressed="false"' in hidden
    assert "2 of 2 groups visible" in page(link(hidden, eye))


def test_a_run_hidden_makes_the_eye_of_its_group_mixed(page: Callable[..., str], project: Project) -> None:
    html = page(group="config.lr", hide=run_id(project.id, "lr0.1-seed0").hex)
    assert 'aria-pressed="mixed"' in html


def test_the_head_of_a_column_sorts(page: Callable[..., str], project: Project) -> None:
    html = page(group="config.lr", columns="summary.loss")
    (head,) = re.findall(r'<th[^>]*title="summary.loss"><a href="([^"]*)"', html)
    down = page(head.replace("&amp;", "&"))
    assert names(down, "group") == ["lr: 0.1", "lr: 0.01"]
    assert 'aria-sort="descending"' in down


def test_a_search_keeps_the_rest_of_the_view(page: Callable[..., str], project: Project) -> None:
    html = page(group="config.lr", q="seed0")
    assert "2 groups · 2 runs" in html
    assert re.search(r'<form class="search".*?<input type="hidden" name="group" value="config.lr">', html, re.DOTALL)


def test_a_search_that_finds_nothing_says_so_and_offers_a_way_back(page: Callable[..., str], project: Project) -> None:
    html = page(q="<nobody>")
    assert escape("No run matches “<nobody>”.") in html
    assert "Clear the search" in html


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "nonsense"},
        {"group": "created_at"},
        {"q": "/(/"},
        {"page": "0"},
        {"f": "x"},
        {"below": "x", "from": "-1"},
        {"below": "x", "from": "9" * 30},
    ],
)
def test_a_query_that_means_nothing_gets_a_page_that_says_why(
    page: Callable[..., str], project: Project, query: dict[str, str]
) -> None:
    html = page(status=400, **query)
    assert "That view can’t be shown" in html
    page("/ada/digits", 400, {"HX-Request": "true"}, **query)


def test_htmx_gets_the_piece_and_the_shortest_address(client: Client, owner: User, project: Project) -> None:
    client.force_login(owner)
    address = "/ada/digits?q=&group=&group=config.lr"
    response = client.get(address, headers={"HX-Request": "true", "HX-Target": "runs"})
    piece = response.content.decode()
    assert piece.startswith('<aside class="runs"')
    assert "<html" not in piece
    assert response["HX-Push-Url"] == "/ada/digits?group=config.lr"
    assert "HX-Request" in response["Vary"]
    whole = client.get(address, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in whole.content.decode()


def test_rows_beyond_a_page_come_as_rows(page: Callable[..., str], owner: User) -> None:
    made = make_project(owner, "many")
    for number in range(103):
        log_run(made, f"run-{number:03}", steps=0)
    html = page("/ada/many", group="config.lr")
    opened = page(link(html, re.findall(r'id="(open-[^"]*)"', html)[0]))
    assert len(names(opened, "run")) == 100
    (more,) = re.findall(r'<a class="link" href="([^"]*)" data-more', opened)
    rows = page(more.replace("&amp;", "&"), headers={"HX-Request": "true", "HX-Target": "rows"})
    assert names(rows, "run") == ["run-100", "run-101", "run-102"]
    assert rows.lstrip().startswith("<tr")


def test_a_group_says_how_its_runs_are(page: Callable[..., str], project: Project) -> None:
    log_run(project, "going", finish=False, lr=0.1)
    html = page(group="config.lr")
    assert "1 running · 2 finished" in html
    assert html.count('class="states"') == 1


def test_a_cell_shows_mean_and_deviation_with_n(page: Callable[..., str], project: Project) -> None:
    log_run(project, "other", lr=0.4)
    html = page(group="config.opt.name", columns="summary.loss")
    assert 'title="n = 5 of 5 runs · min 0.01 · max 0.4">0.12 <span class="deviation">± 0.16</span>' in html


def test_the_form_offers_run_config_and_summary_fields_with_their_counts(
    page: Callable[..., str], project: Project
) -> None:
    html = page("/ada/digits/group-by", group="config.lr")
    assert re.search(r'value="config.lr" checked', html)
    assert re.search(r'value="config.opt.name">.*?<small>1 value</small>', html)
    assert html.index(">Run<") < html.index(">Config<") < html.index(">Summary<")
    piece = page("/ada/digits/group-by", headers={"HX-Request": "true"})
    assert piece.startswith("<h3>Group runs by</h3>")


def test_the_form_without_any_tick_ungroups(page: Callable[..., str], project: Project) -> None:
    assert len(names(page(group=""), "run")) == 4


def test_columns_are_chosen_by_a_form_too(page: Callable[..., str], project: Project) -> None:
    html = page(choose="columns")
    assert 'value="summary.loss" checked' in html
    assert 'value="config.lr">' in html
    assert 'title="config.lr"' in page(columns=["config.lr"])


def test_metrics_are_panels_in_sections(page: Callable[..., str], project: Project) -> None:
    html = page()
    assert re.findall(r"<summary>([^<]*)<span>(\d)</span>", html) == [("Charts", "1"), ("train", "1")]
    assert re.findall(r'<section class="panel"[^>]*data-metric="([^"]*)"', html) == ["loss", "train/loss"]
    piece = page(headers={"HX-Request": "true", "HX-Target": "panels"})
    assert 'id="runs"' not in piece
    assert 'data-metric="train/loss"' in piece


def test_hostile_names_are_text(page: Callable[..., str], project: Project) -> None:
    hostile = '<img src=x onerror="alert(1)">'
    log_run(project, hostile, group=hostile, job_type="'\"")
    html = page(open="")
    assert hostile not in html
    assert escape(hostile) in html


def test_the_page_has_no_inline_script_or_style(page: Callable[..., str], project: Project) -> None:
    html = (
        page(group="config.lr") + page("/ada/digits/group-by") + page("/ada/digits/line-plot/settings", metric="loss")
    )
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<[^>]*\sstyle=", html)
    assert not re.search(r"<[^>]*\son\w+=", html)


def test_the_version_changes_with_the_data_and_counts_the_panels(page: Callable[..., str], project: Project) -> None:
    before = json.loads(page("/ada/digits/version"))
    assert json.loads(page("/ada/digits/version")) == before
    log_run(project, "another", finish=False)
    after = json.loads(page("/ada/digits/version"))
    assert after["version"] != before["version"]
    assert after["panels"] == before["panels"] == 2
    assert f'data-version="{after["version"]}"' in page()


def test_the_page_asks_a_fixed_number_of_questions(
    page: Callable[..., str], owner: User, project: Project, django_assert_max_num_queries: Callable
) -> None:
    for number in range(30):
        log_run(project, f"more-{number}", lr=number)
    with django_assert_max_num_queries(19):
        page(group="config.lr")
    with django_assert_max_num_queries(19):
        page()
    with django_assert_max_num_queries(14):
        page("/ada/digits/group-by")
    with django_assert_max_num_queries(7):
        page("/ada/digits/version")
