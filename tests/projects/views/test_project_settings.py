import pytest

from projects.access import workspace_visible
from projects.models import Project, Visibility, Workspace, default_workspace_id
from projects.saved_views import view_create
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db
SETTINGS = "/lab/digits/settings"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.mark.parametrize(
    ("who", "status", "admin"),
    [("owner", 200, True), ("teammate", 200, False), ("viewer", 404, False), ("stranger", 404, False)],
)
@pytest.mark.parametrize("visibility", Visibility)
def test_writers_have_settings_and_admins_all_of_them(
    cast: Cast, who: str, status: int, admin: bool, visibility: str
) -> None:
    Project.objects.update(visibility=visibility)
    page = cast.as_(who).get(SETTINGS)
    assert page.status_code == status
    assert (b'value="delete"' in page.content) is admin
    assert (SETTINGS.encode() in cast.as_(who).get("/lab/digits/artifacts").content) is (status == 200)


@pytest.mark.parametrize("do", ["describe", "view", "visibility", "rename", "delete", "dance"])
@pytest.mark.parametrize("who", ["teammate", "viewer", "stranger", "anonymous"])
def test_only_admins_decide_and_only_writers_describe(cast: Cast, who: str, do: str) -> None:
    before = Project.objects.values().get()
    form = {"do": do, "description": "d", "visibility": "public", "name": "n", "confirm": "digits"}
    answer = cast.as_(who).post(SETTINGS, form)
    if who == "teammate" and do in {"describe", "view"}:
        assert answer.status_code == 302
    else:
        assert answer.status_code == (422 if who == "teammate" and do == "dance" else 404)
        assert Project.objects.values().get() == before


def test_a_project_is_made_public_and_private_again(cast: Cast) -> None:
    olga, nobody = cast.as_("owner"), cast.as_("anonymous")
    said = olga.post(SETTINGS, {"do": "visibility", "visibility": "public"}, follow=True)
    assert "Anyone can see this project" in said.content.decode()
    assert nobody.get("/lab/digits").status_code == 200
    assert "public</span>" in nobody.get("/").content.decode()
    olga.post(SETTINGS, {"do": "visibility", "visibility": "private"})
    assert nobody.get("/lab/digits").status_code == 404
    assert olga.post(SETTINGS, {"do": "visibility", "visibility": "secret"}).status_code == 422


def test_a_description_is_shown_in_the_list(cast: Cast) -> None:
    cast.as_("teammate").post(SETTINGS, {"do": "describe", "description": "<b>Digits</b> by k-fold"})
    for page in ("/", "/lab", SETTINGS):
        assert "&lt;b&gt;Digits&lt;/b&gt; by k-fold" in cast.as_("teammate").get(page).content.decode()
    long = cast.as_("teammate").post(SETTINGS, {"do": "describe", "description": "x" * 3000})
    assert long.status_code == 422


def test_a_rename_leads_to_the_new_address(cast: Cast) -> None:
    olga = cast.as_("owner")
    assert olga.post(SETTINGS, {"do": "rename", "name": "my numbers"}).headers["Location"] == (
        "/lab/my%20numbers/settings"
    )
    assert olga.get("/lab/my numbers").status_code == 200
    assert olga.post("/lab/my numbers/settings", {"do": "rename", "name": "a/b"}).status_code == 422


def test_a_project_is_deleted_by_typing_its_name_and_restored(cast: Cast) -> None:
    olga = cast.as_("owner")
    assert olga.post(SETTINGS, {"do": "delete", "confirm": "digit"}).status_code == 422
    assert Project.objects.get().deleted_at is None
    page = olga.post(SETTINGS, {"do": "delete", "confirm": "digits"}, follow=True)
    assert page.redirect_chain[-1][0] == "/lab"
    assert "Restore digits" in page.content.decode()
    assert olga.get("/lab/digits").status_code == 404
    assert "Restore" not in cast.as_("teammate").get("/lab").content.decode()
    restore = {"restore": str(cast.project.pk)}
    for who in ("teammate", "viewer", "stranger", "anonymous"):
        assert cast.as_(who).post("/lab", restore).status_code == 404
    assert olga.post("/lab", {"restore": "x"}).status_code == 404
    assert "digits is back" in olga.post("/lab", restore, follow=True).content.decode()
    assert olga.get("/lab/digits").status_code == 200
    assert "too late" in olga.post("/lab", restore, follow=True).content.decode()


def test_a_shared_view_becomes_what_the_project_opens_with(cast: Cast) -> None:
    like = workspace_visible(cast.owner, cast.project, id="")
    ours = view_create(project=cast.project, user=None, name="ours", query="x=wall", like=like)
    mine = view_create(project=cast.project, user=cast.owner, name="mine", query="x=wall", like=like)
    tom = cast.as_("teammate")
    page = tom.get(SETTINGS).content.decode()
    assert ">ours<" in page
    assert ">mine<" not in page
    assert tom.post(SETTINGS, {"do": "view", "view": mine.id.hex}).status_code == 422
    assert tom.post(SETTINGS, {"do": "view", "view": "x"}).status_code == 422
    tom.post(SETTINGS, {"do": "view", "view": ours.id.hex})
    assert Workspace.objects.get(pk=default_workspace_id(cast.project.pk)).settings["query"] == "x=wall"
    tom.post(SETTINGS, {"do": "view", "view": ""})
    assert sorted(Workspace.objects.values_list("name", flat=True)) == ["mine", "ours"]
