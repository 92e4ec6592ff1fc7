import html
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from projects.conclusions.runs_compared import MOST_RUNS, compared, runs_named
from runs.models import Run
from tests.factories import make_run, set_values
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

ADDRESS = "/lab/digits/runs/compare"


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    config = {"lr": 0.1, "seed": 1, "model": {"depth": 2, "name": "<b>cnn"}, "only": True}
    set_values(make_run(cast.project, "a", host="n1"), config=config, summary={"acc": 0.5, "step": 7})
    config = {"lr": 1e-1, "seed": 2, "model": {"depth": "2", "name": "<b>cnn"}}
    set_values(make_run(cast.project, "b", host="n1"), config=config, summary={"acc": 0.75, "step": 7})
    return cast


@pytest.fixture
def tom(cast: Cast) -> Client:
    return cast.as_("teammate")


def rows(page: str) -> dict[str, list[str]]:
    """Key -> texts of its cells."""
    body = page.partition("<tbody>")[2]
    found = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', body, re.DOTALL)
    cells = {key: re.findall(r"<td[^>]*>(.*?)</td>", text, re.DOTALL) for key, text in found}
    return {
        key: [html.unescape(" ".join(re.sub(r"<[^>]*>", " ", cell).split())) for cell in texts]
        for key, texts in cells.items()
    }


def test_only_what_differs_is_shown_types_told_apart_with_the_difference_of_numbers(tom: Client) -> None:
    shown = rows(tom.get(f"{ADDRESS}?runs=a,b").content.decode())
    assert {key: shown[key] for key in ("seed", "model.depth", "only", "acc")} == {
        "seed": ["1", "2 +1"],
        "model.depth": ["2", "2"],
        "only": ["true", "(not set)"],
        "acc": ["0.5", "0.75 +0.25"],
    }
    assert not {"lr", "step", "model.name", "Host"} & shown.keys()


def test_all_rows_are_shown_when_asked_for_and_keys_are_searched(tom: Client) -> None:
    shown = rows(tom.get(f"{ADDRESS}?runs=a,b&all=1").content.decode())
    assert shown["lr"] == ["0.1", "0.1"]
    assert shown["model.name"] == ["<b>cnn", "<b>cnn"]
    assert shown["Host"] == ["n1", "n1"]
    assert list(rows(tom.get(f"{ADDRESS}?runs=a,b&all=1&q=MODEL").content.decode())) == ["model.depth", "model.name"]


def test_the_difference_is_that_to_the_first_of_many(cast: Cast) -> None:
    set_values(make_run(cast.project, "c"), config={"seed": float("inf")}, summary={"acc": 0.25})
    runs = runs_named(cast.project, ["b", "a", "gone", "c", "b"])
    assert [run.name for run in runs] == ["b", "a", "c"]
    _, config, summary = compared(runs, runs[0].created_at, everything=False)
    [acc] = [row for row in summary.rows if row.key == "acc"]
    assert [cell.difference for cell in acc.cells] == [None, -0.25, -0.5]
    [seed] = [row for row in config.rows if row.key == "seed"]
    assert [cell.difference for cell in seed.cells] == [None, -1, None]


def test_runs_are_added_by_id_or_name_and_left_out_again(cast: Cast, tom: Client) -> None:
    make_run(cast.project, "x,y", display_name="calm lake")
    page = tom.get(f"{ADDRESS}?run=a&add=b", follow=True)
    assert page.redirect_chain == [(f"{ADDRESS}?runs=a,b", 302)]
    assert f'href="{ADDRESS}?runs=b" aria-label="Leave out a"' in page.content.decode()
    page = tom.get(f"{ADDRESS}?run=a&add=calm+lake&all=1", follow=True)
    assert page.redirect_chain == [(f"{ADDRESS}?run=a&run=x,y&all=1", 302)]
    assert "calm lake" in page.content.decode()
    assert "No run is called “zebra”" in tom.get(f"{ADDRESS}?run=a&add=zebra").content.decode()
    assert "Not here: zebra" in tom.get(f"{ADDRESS}?runs=a,zebra").content.decode()


def test_too_many_or_none_that_is_there(cast: Cast, tom: Client) -> None:
    names = ",".join(map(str, range(MOST_RUNS + 1)))
    assert tom.get(f"{ADDRESS}?runs={names}").status_code == 400
    assert tom.get(f"{ADDRESS}?runs=zebra").status_code == 404
    assert tom.get(ADDRESS).status_code == 404
    assert tom.get(f"{ADDRESS}?runs=%00,a").status_code == 200
    make_run(cast.project, "compare", display_name="a run of that id")
    assert "a run of that id" in tom.get(ADDRESS).content.decode()
    assert cast.as_("stranger").get(f"{ADDRESS}?runs=a,b").status_code == 404


def test_ten_runs_ask_no_more_than_two(cast: Cast, tom: Client, django_assert_num_queries) -> None:
    def ask(names: str) -> None:
        assert tom.get(f"{ADDRESS}?runs={names}").status_code == 200

    with CaptureQueriesContext(connection) as two:
        ask("a,b")
    for number in range(8):
        make_run(cast.project, f"r{number}")
    with django_assert_num_queries(len(two)):
        ask("a,b," + ",".join(f"r{number}" for number in range(8)))


def test_ticked_rows_lead_there(cast: Cast, tom: Client) -> None:
    ids = [run.id.hex for run in Run.objects.order_by("created_at")]
    body = {"do": "compare", "on": ids}
    assert tom.post("/lab/digits/bulk", body, "application/json").json() == {"url": f"{ADDRESS}?runs=a,b"}
    for number in range(MOST_RUNS):
        make_run(cast.project, f"r{number}")
    answer = tom.post("/lab/digits/bulk", {"do": "compare", "on": ["*"]}, "application/json")
    assert (answer.status_code, answer.json()["error"]) == (400, "At most 10 runs are compared at once.")
