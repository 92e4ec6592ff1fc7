import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from projects import access
from projects.finding import MOST
from projects.models import Project, Visibility
from runs.models import Column, Run, Scope
from tests.factories import log_run, make_project, make_run, set_values
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    log_run(cast.project, "r1", [{"val/accuracy": 1.0}], group="tigers/10%", tags=["Größe", "zebra"])
    Run.objects.update(display_name="Brave-Ocean-7")
    return cast


def hits(client: Client, text: str, **more: str) -> dict[str, list[str]]:
    """Kind -> addresses."""
    page = client.get("/search", {"q": text, **more}, headers={"HX-Request": "true"})
    assert page.status_code == 200
    parts = page.content.decode().split('class="caption"')[1:]
    return {
        re.search(r">(\w+)</p>", part)[1]: [unescape(url) for url in re.findall(r'href="([^"]*)"', part)]
        for part in parts
    }


RUN = ["/lab/digits/runs/r1"]


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("digi", "Projects", ["/lab/digits"]),
        ("LAB digi", "Projects", ["/lab/digits"]),
        ("tiger", "Groups", ["/lab/digits/groups/tigers/10%25"]),
        ("10%", "Groups", ["/lab/digits/groups/tigers/10%25"]),
        ("ocean brave", "Runs", RUN),
        ("r1", "Runs", RUN),
        ("ZEBRA", "Runs", RUN),
        ("Größe", "Runs", RUN),
        ("accur", "Metrics", ["/lab/digits#panel-"]),
        ("sweeps", "Pages", ["/lab/digits/sweeps"]),
        ("key", "Pages", ["/account"]),
    ],
)
def test_each_kind_is_found_by_a_part_of_it(cast: Cast, text: str, kind: str, found: list[str]) -> None:
    shown = hits(cast.as_("viewer"), text, **{"in": "lab/digits"})
    assert [re.sub("(?<=#panel-).*", "", url) for url in shown[kind]] == found


def test_a_stranger_finds_nothing_of_it_and_whoever_may_see_it_does(cast: Cast) -> None:
    for text in ("digi", "tiger", "ocean", "zebra", "accur"):
        for who in ("stranger", "anonymous"):
            assert hits(cast.as_(who), text, **{"in": "lab/digits"}) == {}
            page = cast.as_(who).get("/search", {"q": text, "in": "lab/digits"}).content.decode()
            assert "lab/" not in page
    Project.objects.update(visibility=Visibility.PUBLIC)
    assert hits(cast.as_("anonymous"), "ocean") == {"Runs": RUN}


def test_deleted_runs_and_their_groups_are_not_found(cast: Cast) -> None:
    Run.objects.update(deleted_at=timezone.now())
    assert hits(cast.as_("owner"), "ocean") == hits(cast.as_("owner"), "tiger") == {}


@pytest.mark.parametrize("text", ["%", "_", "\\", "zzz", "\0", "a" * 5000, "<script>", "' OR 1=1 --"])
def test_what_means_something_to_a_database_means_itself(cast: Cast, text: str) -> None:
    shown = hits(cast.as_("owner"), text)
    assert "Runs" not in shown or text == "\0"


def test_each_kind_stops_and_what_is_here_comes_first(cast: Cast) -> None:
    other = access.project_get_or_create(cast.owner, entity="lab", name="other")
    for number in range(MOST + 3):
        make_run(other, f"ocean-{number}", group=f"tiger {number}")
    there = hits(cast.as_("owner"), "ocean")["Runs"]
    assert len(there) == MOST
    assert there[0] == f"/lab/other/runs/ocean-{MOST + 2}"
    here = hits(cast.as_("owner"), "ocean", **{"in": "lab/digits"})["Runs"]
    assert (here[0], len(here)) == (RUN[0], MOST)
    assert hits(cast.as_("owner"), "tiger", **{"in": "lab/digits"})["Groups"][0].endswith("10%25")
    assert len(hits(cast.as_("owner"), "tiger")["Groups"]) == MOST


def test_a_long_group_is_found_whole_and_a_renamed_run_by_its_new_name(cast: Cast) -> None:
    name = "g" * 99 + "é" * 300
    run = set_values(make_run(cast.project, "long", display_name="x" * 3000), group=name, tags=["t" * 3000])
    [url] = hits(cast.as_("owner"), "ggg")["Groups"]
    assert cast.as_("owner").get(url).context["overview"] is not None
    set_values(run, display_name="calm lake")
    assert hits(cast.as_("owner"), "calm")["Runs"] == ["/lab/digits/runs/long"]


def test_the_page_works_by_itself_and_without_words_offers_where_to_go(cast: Cast) -> None:
    page = cast.as_("owner").get("/search?q=ocean").content.decode()
    assert 'href="/lab/digits/runs/r1"' in page
    assert "<html" in page
    assert "Nothing holds “nope”" in cast.as_("owner").get("/search?q=nope").content.decode()
    assert list(hits(cast.as_("owner"), "")) == ["Pages", "Projects"]


def test_a_hundred_projects_ask_no_more_than_one(cast: Cast, django_assert_max_num_queries) -> None:
    for number in range(20):
        project = make_project(cast.owner, f"ocean-{number}")
        make_run(project, "ocean", group="ocean")
        Column.objects.create(id=project.id, project=project, scope=Scope.HISTORY, key="ocean")
    client = cast.as_("owner")
    with django_assert_max_num_queries(10 + 2 * MOST):
        hits(client, "ocean")


def test_runs_and_groups_are_read_from_an_index(cast: Cast) -> None:
    """Which one a planner takes of so few rows is its own affair, where it can be told not to read the table."""
    runs = Run.objects.filter(project__in=access.visible_projects(cast.owner).values("pk"), deleted_at=None)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    named = runs.filter(names__icontains="ocean").order_by("-created_at").values_list("pk")[:MOST]
    grouped = runs.filter(group_start__gt="", group_start__icontains="t").values_list("project", "group_start")
    for found, index in ((named.explain(), "41af8a"), (grouped.explain(), "a5343e")):
        assert index in found or (connection.vendor == "postgresql" and "using runs_run_project" in found), found
