import re
from collections.abc import Callable
from typing import Any

import pytest

from projects.groupings import MOST_PRESETS
from projects.models import GroupingPreset, Visibility
from tests.factories import log_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

PAGE = "/lab/digits"
FORM = f"{PAGE}/group-by"
PRESETS = f"{PAGE}/grouping-presets"


@pytest.fixture
def cast() -> Cast:
    made = make_cast()
    for seed in range(4):
        log_run(made.project, f"r{seed}", [{"acc": 0.5}], config={"lr": seed // 2, "seed": seed, "a:b": [seed % 2]})
    return made


@pytest.fixture
def change(cast: Cast) -> Callable[..., Any]:
    """POST of a change, by default as the owner."""

    def post(query: str = "", *, who: str = "owner", htmx: bool = True, **body: object) -> Any:
        headers = {"HX-Request": "true"} if htmx else {}
        return cast.as_(who).post(f"{PRESETS}{query}", body, headers=headers)

    return post


def listed(cast: Cast, who: str = "owner") -> dict[str, str]:
    """The names of presets and where they lead."""
    html = cast.as_(who).get(FORM).content.decode()
    return {name: href for href, name in re.findall(r'<a href="([^"]*)" hx-boost="true"[^>]*>([^<]*?) <small>', html)}


def test_replicates_lead_to_the_page_grouped_by_all_that_varies(cast: Cast) -> None:
    owner = cast.as_("owner")
    response = owner.get(f"{FORM}?replicates=1&except=config.seed&except=config.a%5C:b&q=r")
    assert response.status_code == 302
    assert response["Location"] == f"{PAGE}?q=r&group=config.lr"
    html = owner.get(response["Location"]).content.decode()
    assert "Name (2 groups · 4 runs)" in html
    assert owner.get(f"{FORM}?replicates=1")["Location"] == (
        f"{PAGE}?group=config.a%5C:b&group=config.lr&group=config.seed"
    )
    every = owner.get(f"{FORM}?replicates=1&except=config.seed&except=config.lr&except=config.a%5C:b")
    assert every["Location"] == PAGE


def test_replicates_say_how_many_groups_they_would_make(cast: Cast) -> None:
    owner = cast.as_("owner")
    first = re.search(r'class="sizes"[^>]*>([^<]*)<', owner.get(FORM).content.decode())
    asked = {"": first and first[1]}
    for query in ("", "&except=config.seed", "&except=config.seed&except=config.a%5C:b&q=r",
                  "&except=config.seed&except=config.lr&except=config.a%5C:b"):  # fmt: skip
        answer = owner.get(f"{FORM}?replicates=sizes{query}")
        said = asked[query] = answer.content.decode()
        page = owner.get(owner.get(f"{FORM}?replicates=1{query}")["Location"]).content.decode()
        groups = re.search(r"Name \((\d+) groups? ", page)
        assert said.split(" ")[0] == (groups[1] if groups else "")
    assert first is not None
    assert first[1] == asked["&except=config.seed"]
    assert asked["&except=config.seed&except=config.a%5C:b&q=r"] == "2 groups of 2 runs"
    assert cast.as_("stranger").get(f"{FORM}?replicates=sizes").status_code == 404
    assert owner.get(f"{FORM}?replicates=sizes&q=/(/").status_code == 400


def test_seeds_are_ticked_off_beforehand(cast: Cast) -> None:
    html = cast.as_("owner").get(FORM).content.decode()
    ticked = re.findall(r'name="except" value="([^"]*)"( checked)?', html)
    assert ticked == [("config.a\\:b", ""), ("config.lr", ""), ("config.seed", " checked")]


def test_the_form_keeps_how_a_field_is_split(cast: Cast) -> None:
    html = cast.as_("owner").get(f"{FORM}?group=config.lr:log:4&group=config.a%5C:b:explode").content.decode()
    assert re.search(r'value="config\.lr:log:4" checked><span class="field-name">lr</span> <span[^>]*>4 log bins', html)
    assert 'data-plain="config.a\\:b" data-explodes="1"' in html
    assert 'name="group" value="config.lr"' not in html
    page = cast.as_("owner").get(f"{PAGE}?group=config.lr:edges:1").content.decode()
    assert "bins at 1" in page
    assert "Name (2 groups · 4 runs)" in page


def test_a_preset_is_one_link_away_for_everybody_who_sees_the_project(cast: Cast, change: Callable[..., Any]) -> None:
    answer = change(do="create", name="fig 10", group=["", "config.lr:log:4", "tags"])
    assert answer.status_code == 200
    assert "Saved “fig 10”." in answer.content.decode()
    change("?group=config.seed", who="teammate", do="create", name="fig 9")
    for who in ("owner", "teammate", "viewer"):
        assert listed(cast, who) == {
            "fig 9": f"{PAGE}?group=config.seed",
            "fig 10": f"{PAGE}?group=config.lr:log:4&amp;group=tags",
        }
    assert cast.as_("stranger").get(FORM).status_code == 404


def test_members_rename_and_delete_presets_and_viewers_do_not(cast: Cast, change: Callable[..., Any]) -> None:
    change(do="create", name="a", group="config.lr")
    id = GroupingPreset.objects.get().pk.hex
    for who, status in (("viewer", 403), ("stranger", 404), ("anonymous", 404)):
        for body in ({"do": "create", "name": "b", "group": "tags"}, {"do": "rename", "id": id, "name": "b"},
                     {"do": "delete", "id": id}):  # fmt: skip
            assert change(who=who, **body).status_code == status
    assert "Save this grouping" not in cast.as_("viewer").get(FORM).content.decode()
    assert list(listed(cast)) == ["a"]
    change(who="teammate", do="rename", id=id, name="b")
    assert list(listed(cast)) == ["b"]
    change(who="teammate", do="delete", id=id)
    assert listed(cast) == {}


def test_of_a_public_project_strangers_use_presets_and_change_none(cast: Cast, change: Callable[..., Any]) -> None:
    change(do="create", name="a", group="config.lr")
    type(cast.project).objects.update(visibility=Visibility.PUBLIC)
    assert list(listed(cast, "anonymous")) == ["a"]
    assert change(who="anonymous", do="create", name="b", group="tags").status_code == 403
    assert change(who="stranger", do="delete", id=GroupingPreset.objects.get().pk.hex).status_code == 403


def test_presets_of_another_project_are_out_of_reach(cast: Cast, change: Callable[..., Any]) -> None:
    change(do="create", name="a", group="config.lr")
    other = type(cast.project).objects.create(id=cast.team.pk, entity=cast.team, name="other")
    id = GroupingPreset.objects.get().pk.hex
    for body in ({"do": "delete", "id": id}, {"do": "rename", "id": id, "name": "b"}):
        cast.as_("owner").post(f"/lab/{other.name}/grouping-presets", body)
    assert list(listed(cast)) == ["a"]


@pytest.mark.parametrize(
    "body",
    [
        {"do": "create", "name": " ", "group": "tags"},
        {"do": "create", "name": "x" * 101, "group": "tags"},
        {"do": "create", "name": "a\0b", "group": "tags"},
        {"do": "create", "name": "x", "group": ""},
        {"do": "create", "name": "taken", "group": "tags"},
    ],
)
def test_what_can_not_be_saved_is_said(cast: Cast, change: Callable[..., Any], body: dict[str, str]) -> None:
    change(do="create", name="taken", group="config.lr")
    assert 'role="alert" hidden' not in change(**body).content.decode()
    assert change(htmx=False, **body).status_code == 400
    assert GroupingPreset.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 404), ({"do": "explode"}, 404), ({"do": "delete", "id": "x"}, 404),
     ({"do": "create", "name": "x", "group": "nonsense"}, 400)],
)  # fmt: skip
def test_what_means_nothing_changes_nothing(
    cast: Cast, change: Callable[..., Any], body: dict[str, str], status: int
) -> None:
    assert change(**body).status_code == status
    assert not GroupingPreset.objects.exists()


def test_without_htmx_the_form_is_a_page_again(cast: Cast, change: Callable[..., Any]) -> None:
    answer = change("?group=config.lr", htmx=False, do="create", name="a")
    assert answer["Location"] == f"{FORM}?group=config.lr"
    assert "<h1>Group runs</h1>" in cast.as_("owner").get(answer["Location"]).content.decode()


def test_there_is_an_end_to_presets(cast: Cast, change: Callable[..., Any]) -> None:
    GroupingPreset.objects.bulk_create(
        GroupingPreset(project=cast.project, name=f"p{number}", fields=["tags"]) for number in range(MOST_PRESETS)
    )
    assert "At most" in change(do="create", name="one more", group="tags").content.decode()


def test_hostile_names_are_text_and_what_another_release_wrote_is_left_out(
    cast: Cast, change: Callable[..., Any]
) -> None:
    html = change(do="create", name="<img src=x>", group="config.lr").content.decode()
    assert "<img" not in html
    assert "&lt;img" in html
    GroupingPreset.objects.update(fields=["config.lr:voronoi:4"])
    assert listed(cast) == {}
