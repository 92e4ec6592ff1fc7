import pytest

from projects.models import Entity, Membership, Project, Role
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def role(name: str) -> str | None:
    return Membership.objects.filter(entity__name="lab", user__username=name).values_list("role", flat=True).first()


def test_anybody_signed_in_makes_a_team(cast: Cast) -> None:
    sam = cast.as_("stranger")
    assert sam.post("/teams/new", {"name": " vision "}).headers["Location"] == "/teams/vision"
    assert Membership.objects.get(entity__name="vision").user == cast.stranger
    assert "vision" in sam.get("/account").content.decode()
    taken = sam.post("/teams/new", {"name": "lab"})
    assert taken.status_code == 422
    assert "is taken" in taken.content.decode()
    assert Entity.objects.filter(owner=None).count() == 2


def test_who_is_not_signed_in_makes_no_team(cast: Cast) -> None:
    assert cast.as_("anonymous").post("/teams/new", {"name": "vision"}).headers["Location"].startswith("/sign-in")
    assert not Entity.objects.filter(name="vision").exists()


@pytest.mark.parametrize(("who", "forms"), [("owner", True), ("teammate", False), ("viewer", False)])
def test_members_see_the_members_and_admins_the_forms(cast: Cast, who: str, forms: bool) -> None:
    page = cast.as_(who).get("/teams/lab").content.decode()
    assert all(name in page for name in ("olga", "tom", "vera"))
    assert ('value="add"' in page) is forms
    assert '/teams/lab"' in cast.as_(who).get("/lab").content.decode()


def test_a_stranger_and_a_persons_own_entity_have_no_such_page(cast: Cast) -> None:
    sam = cast.as_("stranger")
    assert [sam.get(f"/teams/{name}").status_code for name in ("lab", "bal", "sam", "a%00")] == [404] * 4
    assert sam.post("/teams/lab", {"do": "add", "name": "sam", "role": "admin"}).status_code == 404
    assert sam.post("/teams/lab", {"do": "leave"}).status_code == 404


def test_an_admin_adds_changes_and_removes(cast: Cast) -> None:
    olga = cast.as_("owner")
    assert olga.post("/teams/lab", {"do": "add", "name": "sam", "role": "viewer"}).status_code == 302
    assert "sam is a viewer of lab" in olga.get("/teams/lab").content.decode()
    assert cast.as_("stranger").get("/lab/digits").status_code == 200
    olga.post("/teams/lab", {"do": "role", "name": "sam", "role": "admin"})
    assert role("sam") == Role.ADMIN
    olga.post("/teams/lab", {"do": "remove", "name": "sam"})
    assert role("sam") is None
    assert cast.as_("stranger").get("/lab/digits").status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"do": "add", "name": "nobody", "role": "member"},
        {"do": "add", "name": "sam", "role": "king"},
        {"do": "role", "name": "olga", "role": "viewer"},
        {"do": "remove", "name": "olga"},
        {"do": "dance"},
        {"do": "delete"},
        {},
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(cast: Cast, change: dict[str, str]) -> None:
    before = sorted(Membership.objects.values_list())
    answer = cast.as_("owner").post("/teams/lab", change)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert sorted(Membership.objects.values_list()) == before


@pytest.mark.parametrize("who", ["teammate", "viewer"])
def test_others_than_admins_change_nobody_but_may_leave(cast: Cast, who: str) -> None:
    browser = cast.as_(who)
    for change in ({"do": "add", "name": "sam", "role": "admin"}, {"do": "role", "name": "vera", "role": "admin"}):
        assert browser.post("/teams/lab", change).status_code == 404
    Project.objects.all().delete()
    for do in ("remove", "delete"):
        assert browser.post("/teams/lab", {"do": do, "name": "olga"}).status_code == 404
    assert (role("sam"), role("vera"), role("olga")) == (None, Role.VIEWER, Role.ADMIN)
    assert browser.post("/teams/lab", {"do": "leave"}).headers["Location"] == "/"
    assert browser.get("/lab").status_code == 404


def test_an_admin_deletes_an_empty_team(cast: Cast) -> None:
    Project.objects.all().delete()
    answer = cast.as_("owner").post("/teams/lab", {"do": "delete"})
    assert answer.headers["Location"] == "/"
    assert not Entity.objects.filter(name="lab").exists()
