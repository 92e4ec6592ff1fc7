import re

import pytest
from django.test import Client
from django.utils import timezone

from projects.bulk import MAX_NOTES, MAX_VALUE
from runs.models import Run, Tag
from tests.factories import make_run, set_values
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

ADDRESS = "/lab/digits/runs/r1"
EDIT = f"{ADDRESS}/edit"


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    set_values(make_run(cast.project, "r1", display_name="brave-ocean-7", notes="first"), tags=["a"])
    return cast


@pytest.fixture
def tom(cast: Cast) -> Client:
    return cast.as_("teammate")


def say(client: Client, status: int = 200, **body: object) -> dict[str, str]:
    answer = client.post(EDIT, body, "application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def undo(client: Client, said: dict[str, str]) -> str:
    body = {"do": "undo", "id": said["undo"]}
    return client.post("/lab/digits/bulk", body, "application/json").json()["said"]


@pytest.mark.parametrize(
    ("do", "field", "value", "after"),
    [
        ("display_name", "display_name", " calm-lake ", "calm-lake"),
        ("notes", "notes", "two\r\nlines", "two\nlines"),
        ("notes", "notes", "", ""),
        ("tag_add", "tags", "b", ["a", "b"]),
        ("tag_remove", "tags", "a", []),
    ],
)
def test_a_change_is_made_and_can_be_undone(tom: Client, do: str, field: str, value: str, after: object) -> None:
    before = Run.objects.get()
    said = say(tom, do=do, value=value)
    run = Run.objects.get()
    assert getattr(run, field) == after
    assert run.changed_at > before.changed_at
    assert sorted(Tag.objects.values_list("tag", flat=True)) == run.tags
    assert undo(tom, said) == "Undone for 1 run."
    assert getattr(Run.objects.get(), field) == getattr(before, field)


def test_nothing_is_written_over_what_somebody_else_has_changed(tom: Client) -> None:
    set_values(Run.objects.get(), notes="theirs")
    error = say(tom, 409, do="notes", value="mine", was="first")["error"]
    assert "theirs" in error
    assert Run.objects.get().notes == "theirs"
    set_values(Run.objects.get(), notes="a\r\nb")
    assert say(tom, do="notes", value="mine", was="a\nb")["undo"]


def test_an_undo_leaves_what_was_changed_since(tom: Client) -> None:
    said = say(tom, do="display_name", value="mine")
    set_values(Run.objects.get(), display_name="theirs")
    undo(tom, said)
    assert Run.objects.get().display_name == "theirs"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"do": "delete", "value": "x"}, {"do": "group", "value": "x"}, {"do": "notes"}, {"do": "notes", "value": 7},
        {"do": "notes", "value": "x", "was": 7}, {"do": "display_name", "value": " "}, {"do": "tag_add", "value": ""},
        {"do": "display_name", "value": "x" * (MAX_VALUE + 1)}, {"do": "notes", "value": "x" * (MAX_NOTES + 1)},
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(tom: Client, body: dict[str, object]) -> None:
    before = Run.objects.values().get()
    assert say(tom, 400, **body)["error"]
    assert Run.objects.values().get() == before


def test_many_runs_do_not_get_one_name(tom: Client) -> None:
    body = {"do": "display_name", "value": "x", "on": ["*"]}
    assert tom.post("/lab/digits/bulk", body, "application/json").status_code == 400


def test_viewers_see_no_way_to_change_a_run_and_have_none(cast: Cast) -> None:
    vera = cast.as_("viewer")
    assert "data-edit" not in vera.get(ADDRESS).content.decode()
    assert "data-edit" in cast.as_("teammate").get(ADDRESS).content.decode()
    assert say(vera, 403, do="notes", value="x")["error"] == "Only members of lab change runs."
    assert Run.objects.get().notes == "first"


def test_a_plain_form_works_and_says_what_was_done(tom: Client) -> None:
    page = tom.post(EDIT, {"do": "notes", "value": "by hand", "was": "first"}, follow=True)
    assert page.redirect_chain == [(ADDRESS, 302)]
    assert "Changed the notes of 1 run." in page.content.decode()
    page = tom.post(EDIT, {"do": "display_name", "value": ""}, follow=True)
    assert re.search(r'<li class="error">Type a name.</li>', page.content.decode())
    assert Run.objects.values_list("notes", "display_name").get() == ("by hand", "brave-ocean-7")


def test_a_text_that_no_database_keeps_is_survived(tom: Client) -> None:
    say(tom, do="display_name", value="a\0b")
    assert Run.objects.get().display_name == "a\ufffdb"


def test_a_deleted_run_is_not_there(tom: Client) -> None:
    Run.objects.update(deleted_at=timezone.now())
    assert tom.post(EDIT, {"do": "notes", "value": "x"}, "application/json").status_code == 404
