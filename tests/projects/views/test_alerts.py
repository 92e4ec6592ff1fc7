from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from projects.models import Project, Visibility
from runs import ingest
from runs.models import Alert, Level, Run
from tests.factories import make_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
ADDRESS = "/lab/digits/alerts"
RUN = "/lab/digits/runs/r1"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def run(cast: Cast) -> Run:
    return make_run(cast.project, "r1", display_name="brave-ocean-7")


@pytest.fixture
def browser(cast: Cast, run: Run) -> Client:
    return cast.as_("owner")


def send(run: Run, title: str, text: str = "", level: Level = Level.INFO) -> None:
    alert = ingest.run_alert(run_id=run.id, level=level, title=title, text=text, wait=timedelta())
    assert alert is not None


def titles(browser: Client, address: str = ADDRESS) -> list[str]:
    return re.findall(r"<strong>(.*?)</strong>", browser.get(address).content.decode())


@pytest.mark.parametrize("who", ["owner", "teammate", "viewer"])
def test_members_see_the_alerts_of_all_runs_the_latest_first(cast: Cast, run: Run, who: str) -> None:
    send(run, "first")
    send(make_run(cast.project, "r2", display_name="calm-lake-1"), "second", "because\nof that")
    page = cast.as_(who).get(ADDRESS).content.decode()
    assert titles(cast.as_(who)) == ["second", "first"]
    assert '<a class="link" href="/lab/digits/runs/r2">calm-lake-1</a>' in page
    assert "because<br>of that" in page


@pytest.mark.parametrize("who", ["stranger", "anonymous"])
def test_a_stranger_gets_the_404_of_a_missing_project(cast: Cast, run: Run, who: str) -> None:
    def masked(address: str) -> bytes:
        response = cast.as_(who).get(address)
        assert response.status_code == 404
        return re.sub(rb'value="[^"]*"|next=[^"]*', b"", response.content)

    assert masked(ADDRESS) == masked("/no/where/alerts")
    Project.objects.update(visibility=Visibility.PUBLIC)
    assert cast.as_(who).get(ADDRESS).status_code == 200


def test_a_run_shows_its_own_alerts_and_nothing_of_them_when_there_are_none(
    cast: Cast, run: Run, browser: Client
) -> None:
    hidden = re.compile(r'<section[^>]* id="run-alerts"[^>]* hidden>')
    assert hidden.search(browser.get(RUN).content.decode())
    send(run, "mine", level=Level.ERROR)
    send(make_run(cast.project, "r2"), "theirs")
    page = browser.get(RUN).content.decode()
    assert not hidden.search(page)
    assert titles(browser, RUN) == ["mine"]
    assert '<span class="level">Error</span>' in page


def test_what_a_script_says_is_text(browser: Client, run: Run) -> None:
    Run.objects.update(display_name=HOSTILE)
    send(run, HOSTILE, HOSTILE)
    for address in (ADDRESS, RUN):
        page = browser.get(address).content.decode()
        assert HOSTILE not in page
        assert page.count("&lt;script&gt;") >= 2


def test_alerts_of_one_level_are_picked(browser: Client, run: Run) -> None:
    for level in Level:
        send(run, level.value, level=level)
    assert titles(browser, f"{ADDRESS}?level=warn") == ["warn"]
    assert titles(browser, f"{ADDRESS}?level=") == ["error", "warn", "info"]
    assert browser.get(f"{ADDRESS}?level=<b>").status_code == 404


def test_alerts_of_a_deleted_run_are_gone(browser: Client, run: Run) -> None:
    send(run, "gone")
    Run.objects.update(deleted_at=timezone.now())
    assert titles(browser) == []


def test_many_alerts_come_in_pages_with_the_queries_of_a_few(browser: Client, cast: Cast, run: Run) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get(ADDRESS)
        return len(captured)

    send(run, "a0")
    few = queries()
    for number in range(1, 60):
        send(run if number % 2 else make_run(cast.project), f"a{number}")
    assert queries() == few
    assert len(titles(browser)) == 50
    assert titles(browser, f"{ADDRESS}?page=2") == [f"a{number}" for number in range(9, -1, -1)]
    assert browser.get(f"{ADDRESS}?page=<b>").status_code == 200
    assert Alert.objects.count() == 60


def test_pages_of_the_project_and_of_its_runs_lead_to_the_alerts(browser: Client, run: Run) -> None:
    for address in ("/lab/digits", RUN):
        assert f'href="{ADDRESS}"' in browser.get(address).content.decode()
