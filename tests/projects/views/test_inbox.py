import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from projects import access
from projects.inbox import MOST_COUNTED
from projects.models import Inbox, Membership, Project, ReadAlert, Visibility
from projects.project_settings import project_delete
from runs.models import Alert, Level, Run
from tests.factories import make_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def alert(run: Run, title: str, seconds: float = 0) -> Alert:
    at = timezone.now() + timedelta(seconds=seconds)
    return Alert.objects.create(run=run, project=run.project, sent_at=at, level=Level.WARN, title=title, text="<b>x")


def titles(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/inbox{query}").content.decode()
    assert "<b>x" not in page
    return re.findall(r"<strong>(.*?)</strong>", page)


def unread(client: Client) -> str:
    page = client.get("/account").content.decode()
    return re.search(r'aria-label="Inbox(?:, ([0-9+]+) unread)?"', page)[1] or ""


def test_alerts_of_all_own_projects_are_read_one_by_one_or_all(cast: Cast) -> None:
    other = access.project_get_or_create(cast.owner, entity="lab", name="other")
    first = alert(make_run(cast.project, "a"), "first", -2)
    alert(make_run(other, "b"), "second", -1)
    Alert.objects.update()
    olga, tom = cast.as_("owner"), cast.as_("teammate")
    for user in (cast.owner, cast.teammate):
        user.date_joined = timezone.now() - timedelta(days=1)
        user.save()
    assert titles(olga) == ["second", "first"]
    assert (unread(olga), unread(tom)) == ("2", "2")
    said = {"run": first.run_id.hex, "sent_at": first.sent_at.isoformat()}
    assert olga.post("/inbox?show=all", said).headers["Location"] == "/inbox?show=all"
    assert (titles(olga), titles(olga, "?show=all")) == (["second"], ["second", "first"])
    assert (unread(olga), unread(tom)) == ("1", "2")
    until = re.search(r'name="until" value="([^"]*)"', olga.get("/inbox").content.decode())[1]
    third = alert(make_run(other, "c"), "third")
    olga.post("/inbox", {"until": until})
    assert titles(olga) == ["third"]
    assert not ReadAlert.objects.filter(sent_at__lt=third.sent_at).exists()
    olga.post("/inbox", {"until": third.sent_at.isoformat()})
    assert (titles(olga), unread(olga), unread(tom)) == ([], "", "3")


def test_what_came_before_the_person_is_read_already(cast: Cast) -> None:
    alert(make_run(cast.project, "a"), "old", -3600)
    assert (titles(cast.as_("owner")), titles(cast.as_("owner"), "?show=all")) == ([], ["old"])
    assert unread(cast.as_("owner")) == ""


def test_strangers_get_none_of_it_even_of_a_public_project(cast: Cast) -> None:
    found = alert(make_run(cast.project, "a"), "first", 1)
    Project.objects.update(visibility=Visibility.PUBLIC)
    sam = cast.as_("stranger")
    assert (titles(sam, "?show=all"), unread(sam)) == ([], "")
    sam.post("/inbox", {"run": found.run_id.hex, "sent_at": found.sent_at.isoformat()})
    assert not ReadAlert.objects.exists()
    Membership.objects.filter(user=cast.viewer).delete()
    assert titles(cast.as_("viewer"), "?show=all") == []
    assert cast.as_("anonymous").get("/inbox").status_code == 302


def test_alerts_of_a_deleted_project_are_not_there(cast: Cast) -> None:
    alert(make_run(cast.project, "a"), "gone", 5)
    assert (titles(cast.as_("owner")), unread(cast.as_("owner"))) == (["gone"], "1")
    project_delete(project=cast.project)
    assert (titles(cast.as_("owner")), unread(cast.as_("owner"))) == ([], "")


def test_alerts_of_deleted_runs_are_not_there(cast: Cast) -> None:
    alert(make_run(cast.project, "a"), "first", 1)
    Run.objects.update(deleted_at=timezone.now())
    assert (titles(cast.as_("owner"), "?show=all"), unread(cast.as_("owner"))) == ([], "")


@pytest.mark.parametrize(
    "body",
    [{}, {"until": "x"}, {"until": "2026-13-77T00:00:00Z"}, {"until": "2026-01-01T00:00:00"}, {"run": "x"},
     {"run": "0" * 32, "sent_at": ""}],
)  # fmt: skip
def test_what_means_nothing_is_refused(cast: Cast, body: dict[str, str]) -> None:
    assert cast.as_("owner").post("/inbox", body).status_code == 400


def test_the_future_and_the_past_can_not_be_read(cast: Cast) -> None:
    olga = cast.as_("owner")
    olga.post("/inbox", {"until": "2999-01-01T00:00:00Z"})
    now = Inbox.objects.get().read_until
    assert now <= timezone.now()
    olga.post("/inbox", {"until": "2001-01-01T00:00:00Z"})
    assert Inbox.objects.get().read_until == now


def test_many_alerts_cost_as_much_as_few(cast: Cast, django_assert_max_num_queries) -> None:
    run = make_run(cast.project, "a")
    now = timezone.now()
    Alert.objects.bulk_create(
        Alert(run=run, project=cast.project, sent_at=now + timedelta(seconds=i), level=Level.INFO, title=f"t{i}")
        for i in range(MOST_COUNTED + 50)
    )
    olga = cast.as_("owner")
    with django_assert_max_num_queries(6):
        assert len(titles(olga)) == 50
    assert unread(olga) == "99+"
