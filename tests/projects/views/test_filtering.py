import json
import re
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from django.utils import timezone

from projects.models import Membership, Project, Role, User
from runs.models import Run
from tests.factories import make_project, make_run, make_user, set_values

pytestmark = pytest.mark.django_db

FILTER, VALUES = "/ada/digits/filter", "/ada/digits/values"


@pytest.fixture
def owner() -> User:
    return make_user("ada")


@pytest.fixture
def project(owner: User) -> Project:
    made = make_project(owner, "digits")
    for number in range(6):
        config = {"lr": 0.1 * (number % 3), "name": "1" if number % 2 else "adam", "list": [number % 2]}
        set_values(make_run(made, f"run-{number}", group="a" if number < 4 else ""), config=config, tags=["x"])
    return made


@pytest.fixture
def answer(client: Client, owner: User, project: Project) -> Callable:
    client.force_login(owner)

    def get(path: str, pairs: object = (), **headers: str):
        return client.get(f"{path}?{urlencode(pairs)}" if pairs else path, headers=headers or None)

    return get


def inputs(html: str, name: str) -> list[str]:
    tags = re.findall(rf'<input [^>]*name="{name}"[^>]*>', html)
    return [re.search(r'value="([^"]*)"', tag)[1] for tag in tags]


@pytest.mark.parametrize("address", [FILTER, f"{VALUES}?field=config.lr", "/ada/digits?choose=sort"])
def test_members_may_and_strangers_learn_nothing(client: Client, project: Project, address: str) -> None:
    teammate, viewer, stranger = make_user("bob"), make_user("vic"), make_user("eve")
    Membership.objects.create(entity=project.entity, user=teammate, role=Role.MEMBER)
    Membership.objects.create(entity=project.entity, user=viewer, role=Role.VIEWER)
    people = ((project.entity.owner, 200), (teammate, 200), (viewer, 200), (stranger, 404), (None, 404))
    for person, status in people:
        client.logout()
        if person is not None:
            client.force_login(person)
        assert client.get(address).status_code == status
        assert client.get(address.replace("digits", "nothing")).status_code == 404


def test_the_form_holds_the_filter_of_its_address(answer: Callable) -> None:
    tree = [("f", "any("), ("f", "config.lr:in:0.1:0.2"), ("f", "all("), ("f", "group:=:a"), ("f", ")"), ("f", ")")]
    html = answer(FILTER, [*tree, ("group", "config.lr")]).content.decode()
    assert inputs(html, "field") == ["config.lr", "group"]
    assert inputs(html, "value") == ["0.1", "0.2", "", "a"]
    assert re.findall(r'<option value="(\w+)" selected>', html) == ["any", "all"]
    assert '<input type="hidden" name="group" value="config.lr">' in html
    assert inputs(html, "f") == []


TREE = [
    ("join", "any"),
    ("field", "config.lr"), ("operator", ">"), ("value", "0.05"),
    ("join", "none"),
    ("field", "Group"), ("operator", "not set"), ("value", ""),
    ("field", ""), ("operator", "="), ("value", ""),
    ("end", ""),
    ("field", "config.name"), ("operator", "in"), ("value", '"1"'), ("value", "adam"), ("value", ""),
]  # fmt: skip


def test_the_form_leads_to_the_page_with_its_filter_and_keeps_the_rest_of_the_view(answer: Callable) -> None:
    response = answer(FILTER, [("group", "config.lr"), ("q", "run"), ("page", "3"), *TREE])
    assert response.status_code == 302
    assert response["Location"] == (
        "/ada/digits?q=run&f=any(&f=config.lr:%3E:0.05&f=none(&f=group:not+set&f=)&f=config.name:in:%221%22:adam&f=)"
        "&group=config.lr"
    )
    assert answer(response["Location"]).status_code == 200


def test_a_name_alone_means_its_run_field_or_its_only_column(answer: Callable, project: Project) -> None:
    for typed, written in (("LR", "config.lr"), ("job TYPE", "job_type"), (" config.name ", "config.name")):
        location = answer(FILTER, [("join", "all"), ("field", typed), ("operator", "set")])["Location"]
        assert location == f"/ada/digits?f={written}:set"


def test_no_depth_of_branches_is_too_much_for_the_form(answer: Callable) -> None:
    assert answer(FILTER, [*[("join", "any")] * 900, ("field", "lr"), ("act", "show:0")]).status_code == 200


def test_an_empty_form_clears_the_filter(answer: Callable) -> None:
    blank = [("join", "all"), ("field", ""), ("operator", "="), ("value", ""), ("join", "any"), ("end", "")]
    assert answer(FILTER, blank)["Location"] == "/ada/digits"


@pytest.mark.parametrize(
    ("act", "fields", "focus"),
    [
        ("add:", ["config.lr", "Group", "", "config.name", ""], "3"),
        ("add:1", ["config.lr", "Group", "", "", "config.name"], "1.2"),
        ("branch:1", ["config.lr", "Group", "", "", "config.name"], "1.2.0"),
        ("remove:0", ["Group", "", "config.name"], None),
        ("remove:1", ["config.lr", "config.name"], None),
        ("remove:1.0", ["config.lr", "", "config.name"], None),
        ("show:2", ["config.lr", "Group", "", "config.name"], None),
        ("remove:", ["config.lr", "Group", "", "config.name"], None),
        ("remove:9.9", ["config.lr", "Group", "", "config.name"], None),
        ("remove:0.0", ["config.lr", "Group", "", "config.name"], None),
        ("add:x", ["config.lr", "Group", "", "config.name"], None),
        ("nonsense", ["config.lr", "Group", "", "config.name"], None),
    ],
)
def test_the_buttons_of_the_form_change_it_and_lose_nothing(
    answer: Callable, act: str, fields: list[str], focus: str | None
) -> None:
    response = answer(FILTER, [*TREE, ("act", act)], **{"HX-Request": "true"})
    html = response.content.decode()
    assert response.status_code == 200
    assert html.startswith("<form")
    assert inputs(html, "field") == fields
    assert 'role="alert"' not in html
    if focus:
        assert re.findall(r'id="filter-([\d.]+)-column"[^>]* autofocus', html) == [focus]


def test_branches_are_offered_only_as_deep_as_an_address_may_hold_them(answer: Callable) -> None:
    pairs = [("join", "any"), *[("join", "all")] * 3, ("field", "lr"), ("operator", "set"), *[("end", "")] * 3]
    html = answer(FILTER, [*pairs, ("act", "branch:0.0.0")]).content.decode()
    assert html.count('value="branch:') == 3
    assert inputs(html, "field") == ["lr"]
    assert answer(answer(FILTER, pairs)["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("field", "operator", "value", "says"),
    [
        ("", "=", "1", "choose a column"),
        ("config.nothing", "=", "1", "no run has a column"),
        ("lr", "=", "", "type a value"),
        ("lr", "<", "high", "compared with numbers"),
        ("name", "regex", "(", "no regular expression"),
        ("created_at", "within", "soon", "a span of time"),
        ("name", "=", "a\0b", "U+0000"),
        ("name", "=", "a" * 1001, "longer than"),
    ],
)
def test_what_means_nothing_is_told_at_its_line_and_stays_in_the_form(
    answer: Callable, field: str, operator: str, value: str, says: str
) -> None:
    pairs = [("q", "run"), ("join", "all"), ("field", field), ("operator", operator), ("value", value)]
    response = answer(FILTER, pairs, **{"HX-Request": "true"})
    html = response.content.decode()
    assert re.search(rf'<p class="field-error"[^>]* role="alert">[^<]*{re.escape(says)}', html)
    assert inputs(html, "q") == ["run"]
    assert len(inputs(html, "value")[0]) == len(value)
    assert response["HX-Retarget"] == "#filter-form"
    assert "<h1>Filter runs</h1>" in answer(FILTER, pairs).content.decode()


def test_a_bad_view_gets_the_page_that_says_why(answer: Callable) -> None:
    assert "any( holds" not in answer(FILTER, [("f", "any(")]).content.decode()
    assert answer(FILTER, [("f", "any(")]).status_code == 400
    assert answer(FILTER, [("sort", "x"), *TREE]).status_code == 400
    assert answer("/api/ada/digits/runs", [("f", "any(")]).json() == {"detail": "f: “any(” is not closed"}


def test_the_values_of_a_column_come_typed_and_counted(answer: Callable, project: Project) -> None:
    Run.objects.filter(name="run-5").update(deleted_at=timezone.now())

    def values(**query: str) -> list[tuple[str, int]]:
        found = answer(VALUES, query).json()
        assert found["more"] is False
        return [(value["text"], value["runs"]) for value in found["values"]]

    assert values(field="config.lr") == [("0", 2), ("0.1", 2), ("0.2", 1)]
    assert values(field="config.name") == [('"1"', 2), ("adam", 3)]
    assert values(field="config.list") == [("[0]", 3), ("[1]", 2)]
    assert values(field="config.name", text="DA") == [("adam", 3)]
    assert values(field="group") == [("a", 4)]
    assert values(field="tags") == [("x", 5)]
    assert values(field="state") == [("running", 5)]
    assert values(field="display_name", text="3") == [("run-3", 1)]
    assert values(field="created_at") == values(field="config.nothing") == []


def test_there_are_never_more_than_fifty_values(answer: Callable, project: Project) -> None:
    for number in range(60):
        make_run(project, f"many-{number}")
    found = answer(VALUES, {"field": "name"}).json()
    assert len(found["values"]) == 50
    assert found["more"] is True


@pytest.mark.parametrize("query", [{"field": "nonsense"}, {}, {"field": "config.lr", "text": "a\0"}])
def test_a_question_for_values_that_means_nothing_is_refused(answer: Callable, query: dict[str, str]) -> None:
    response = answer(VALUES, query)
    assert response.status_code == 400
    assert json.loads(response.content)["error"]


def test_the_page_says_how_many_of_all_runs_are_left_and_why(answer: Callable) -> None:
    html = answer(
        "/ada/digits", [("q", "run"), ("f", "any("), ("f", "config.lr:=:0"), ("f", "group:not set"), ("f", ")")]
    )
    html = html.content.decode()
    assert '<span role="status">4 of 6 runs</span>' in html
    assert "lr = 0 or Group is not set" in html
    assert 'href="/ada/digits?q=run"' in html
    assert f'href="/ada/digits?f=any(&amp;f=config.lr:{quote("=")}:0&amp;f=group:not+set&amp;f=)"' in html
    assert "of 6 runs" not in answer("/ada/digits").content.decode().replace("6 of 6 runs visible", "")


def test_questions_stay_few_whatever_the_filter(answer: Callable, django_assert_max_num_queries: Callable) -> None:
    pairs = [("join", "all"), *[("field", "lr"), ("operator", "="), ("value", "1")] * 20, ("act", "show:0")]
    with django_assert_max_num_queries(7):
        answer(FILTER, pairs)
    with django_assert_max_num_queries(10):
        answer("/ada/digits", [("choose", "sort"), ("sort", "config.lr")])
    conditions = [("f", f"config.lr:=:{number}") for number in range(20)]
    with django_assert_max_num_queries(19):
        answer("/ada/digits", [("group", "config.lr"), *conditions])
    with django_assert_max_num_queries(21):
        answer("/ada/digits", [("group", "config.lr"), ("columns", "differ")])


def test_columns_that_differ_are_those_without_one_value_for_all_runs(answer: Callable, project: Project) -> None:
    set_values(make_run(project, "gone"), config={"lr": 7, "list": [7], "extra": 1})
    Run.objects.filter(name="gone").update(deleted_at=timezone.now())
    set_values(make_run(project, "other", group="b"), config={"same": 1})
    heads = re.compile(r'<th scope="col"[^>]* title="([^"]*)"')

    def shown(*pairs: tuple[str, str]) -> list[str]:
        return heads.findall(answer("/ada/digits", [("columns", "differ"), *pairs]).content.decode())

    assert shown() == ["config.list", "config.lr", "config.name", "config.same"]
    assert shown(("f", "config.lr:=:0")) == ["config.list", "config.name"]
    assert shown(("f", "config.lr:=:0"), ("pin", "config.name"), ("pin", "state")) == [
        "config.name",
        "state",
        "config.list",
    ]
    html = answer("/ada/digits", [("columns", "differ"), ("choose", "columns")]).content.decode()
    assert re.findall(r'name="columns" value="([^"]+)" checked', html) == [
        "config.list",
        "config.lr",
        "config.name",
        "config.same",
    ]
