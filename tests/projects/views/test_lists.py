import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from projects import access
from projects.models import Entity, Project, Visibility
from runs.models import Run, State
from tests.factories import make_project, make_run, make_user
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def rows(page: str) -> list[str]:
    """The text of each project's row."""
    items = re.findall(r"<li>(.*?)</li>", page.partition('<ul class="projects')[2], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", item).split()) for item in items]


@pytest.mark.parametrize("who", ["owner", "teammate", "viewer"])
@pytest.mark.parametrize("address", ["/", "/lab"])
def test_members_find_the_teams_project(cast: Cast, who: str, address: str) -> None:
    assert any("digits" in row for row in rows(cast.as_(who).get(address).content.decode()))


def test_a_stranger_finds_neither_the_project_nor_the_team(cast: Cast) -> None:
    sam = cast.as_("stranger")
    assert b"digits" not in sam.get("/").content
    hidden, missing = sam.get("/lab"), sam.get("/bal")
    assert hidden.status_code == missing.status_code == 404
    assert same(hidden.content) == same(missing.content)


def same(page: bytes) -> bytes:
    """A page without what differs between any two requests: form tokens and the address asked for."""
    return re.sub(rb'value="[A-Za-z0-9/]*"|next=[A-Za-z0-9%/]*', b"", page)


def test_nobody_in_particular_is_asked_to_sign_in(cast: Cast) -> None:
    assert cast.as_("anonymous").get("/?q=a").headers["Location"] == "/sign-in?next=/%3Fq%3Da"
    page = cast.as_("anonymous").get("/lab")
    assert page.status_code == 404
    assert "/sign-in?next=%2Flab" in page.content.decode()


@pytest.mark.parametrize("who", ["stranger", "anonymous"])
def test_a_public_project_shows_itself_and_its_entity(cast: Cast, who: str) -> None:
    access.project_get_or_create(cast.owner, entity="lab", name="secret")
    Project.objects.filter(pk=cast.project.pk).update(visibility=Visibility.PUBLIC)
    for address in ("/", "/lab"):
        page = cast.as_(who).get(address).content.decode()
        assert "digits" in page
        assert "secret" not in page


def test_states_are_counted_as_they_are_now(cast: Cast, settings) -> None:
    for state, count in ((State.FINISHED, 3), (State.FAILED, 1), (State.RUNNING, 2)):
        for _ in range(count):
            make_run(cast.project, state=state)
    long_ago = timezone.now() - timedelta(seconds=settings.CRASHED_AFTER_SECONDS + 1)
    make_run(cast.project, state=State.RUNNING, heartbeat_at=long_ago)
    make_run(cast.project, deleted_at=timezone.now())
    (row,) = rows(cast.as_("owner").get("/lab").content.decode())
    assert row == "digits 7 runs 2 running 1 crashed 1 failed 3 finished just now"


def test_the_last_changed_project_comes_first() -> None:
    user = make_user()
    now = timezone.now()
    for age, name in enumerate(["young", "middle", "old"]):
        make_run(make_project(user, name), changed_at=now - timedelta(hours=age))
        make_run(make_project(user, name), changed_at=now - timedelta(hours=age + 50))
    Project.objects.filter(pk=make_project(user, "empty").pk).update(created_at=now - timedelta(minutes=90))
    client = Client()
    client.force_login(user)
    found = [row.split()[2] for row in rows(client.get("/").content.decode())]
    assert found == ["young", "middle", "empty", "old"]


def test_an_empty_list_says_how_the_first_run_gets_in() -> None:
    client = Client()
    client.force_login(make_user("ada"))
    for address in ("/", "/ada"):
        page = client.get(address).content.decode()
        assert "export WANDB_BASE_URL=http://testserver\n" in page
        assert "WANDB_API_KEY=" in page
        assert "import wandb" in page
        assert 'data-copy="quickstart-code"' in page


def test_the_snippet_is_a_program_with_the_entity_filled_in() -> None:
    client = Client()
    client.force_login(make_user("ada"))
    page = client.get("/ada").content.decode()
    code = re.search(r'<pre id="quickstart-code">(.*?)</pre>', page, re.DOTALL)[1].replace("&quot;", '"')
    compile(code, "snippet", "exec")
    assert 'entity="ada"' in code


def test_search_finds_by_part_of_the_name() -> None:
    user = make_user("ada")
    for name in ("digits", "Digital", "mnist"):
        make_project(user, name)
    client = Client()
    client.force_login(user)
    assert len(rows(client.get("/?q=digit").content.decode())) == 2
    none = client.get("/?q=<script>alert(1)</script>").content.decode()
    assert "No project’s name holds" in none
    assert "<script>alert(1)" not in none
    assert client.get("/?q=%00").status_code == 200


@pytest.mark.parametrize("page", ["2", "0", "-1", "x", "99999999999999999999"])
def test_lists_are_paged_and_any_page_number_is_answered(page: str) -> None:
    user = make_user("ada")
    Project.objects.bulk_create(Project(entity=user.entity, name=f"p{i}") for i in range(60))
    client = Client()
    client.force_login(user)
    assert len(rows(client.get("/").content.decode())) == 50
    assert len(rows(client.get(f"/?page={page}").content.decode())) in (10, 50)


def test_many_projects_ask_no_more_than_one(cast: Cast, django_assert_max_num_queries) -> None:
    for i in range(30):
        make_run(access.project_get_or_create(cast.owner, entity="lab", name=f"p{i}"))
    browser = cast.as_("owner")
    with django_assert_max_num_queries(7):
        browser.get("/")
    with django_assert_max_num_queries(10):
        browser.get("/lab")


def test_a_hostile_project_name_is_text(cast: Cast) -> None:
    access.project_get_or_create(cast.owner, entity="lab", name="<script>alert(1)<'\"&>")
    page = cast.as_("owner").get("/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("address", ["/%00", "/lab%00", "/lab/%00", "/lab/digits/runs/%00", "/..%2f", "/%FF"])
def test_addresses_that_no_database_can_look_up_are_not_found(cast: Cast, address: str) -> None:
    assert cast.as_("owner").get(address).status_code == 404


def test_a_member_sees_an_empty_entity_and_a_stranger_does_not(cast: Cast) -> None:
    Run.objects.all().delete()
    Project.objects.all().delete()
    assert Entity.objects.filter(name="lab").exists()
    assert cast.as_("viewer").get("/lab").status_code == 200
    assert cast.as_("stranger").get("/lab").status_code == 404
