import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from projects import saved_views
from projects.models import Workspace
from projects.query.palette import GREY, MOST_BESIDE, PALETTE
from tests.factories import log_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

PAGE = "/lab/digits"
COLOUR = "/lab/digits/colour"
RED = "#ff0000"


@pytest.fixture
def cast() -> Cast:
    made = make_cast()
    for seed, (group, job) in enumerate([("a", "train"), ("a", "eval"), ("b", "train"), ("", "train")]):
        summary = {"best": 0.5 + seed}
        log_run(
            made.project,
            f"r{seed}",
            [{"acc": 0.5 + seed}],
            config={"lr": seed % 2},
            group=group,
            job_type=job,
            summary=summary,
        )
    return made


@pytest.fixture
def paint(cast: Cast) -> Callable[..., Any]:
    """POST of a colour, by default as the owner."""

    def post(query: str = "", *, status: int = 200, who: str = "owner", **body: object) -> dict[str, Any]:
        response = cast.as_(who).post(f"{COLOUR}{query}", json.dumps(body), content_type="application/json")
        assert response.status_code == status, response.content
        return dict(response.json())

    return post


def dots(html: str) -> list[str]:
    """The colours of the table's rows, in their order."""
    return re.findall(r'<circle cx="5" cy="5" r="5" fill="([^"]*)"', html)


def page(cast: Cast, query: str = "", path: str = PAGE, who: str = "owner") -> str:
    response = cast.as_(who).get(f"{path}{query}")
    assert response.status_code == 200
    return response.content.decode()


def line(cast: Cast, query: str, of: int = 0, path: str = PAGE) -> str:
    """What the menu of the table's swatch says its colour is kept by."""
    (address, *_) = re.findall(
        r'id="colour-[^"]*" role="button" aria-haspopup="dialog" href="([^"]*)"', page(cast, query, path)
    )[of:]
    menu = cast.as_("owner").get(address.replace("&amp;", "&"), headers={"HX-Request": "true"}).content.decode()
    (found,) = re.findall(r'data-line="([^"]*)"', menu)
    return str(found)


def drawn(cast: Cast, query: str, metric: str = "acc") -> dict[str, str]:
    """Colour by name of the lines of a chart."""
    figure = cast.as_("owner").get(f"{PAGE}/line-plot{query}&metric={metric}").json()
    return {trace["name"]: trace["line"]["color"] for trace in figure["data"] if trace["meta"]["role"] == "line"}


def test_a_colour_is_taken_by_table_charts_and_comparisons_and_no_other_line_changes(cast, paint):
    query = "?group=config.lr"
    assert dots(page(cast, query)) == [*PALETTE[:2]]
    version = cast.as_("owner").get(f"{PAGE}/line-plot{query}&metric=acc")["ETag"]
    paint(query, line=line(cast, query, 1), colour="#FF0000")
    assert dots(page(cast, query)) == [PALETTE[0], RED]
    assert drawn(cast, query) == {"lr: 0": PALETTE[0], "lr: 1": RED}
    assert cast.as_("owner").get(f"{PAGE}/line-plot{query}&metric=acc")["ETag"] != version
    assert dots(page(cast, f"{query}&metric=summary.best", f"{PAGE}/compare")) == [PALETTE[0], RED]
    summary = cast.as_("owner").get(f"{PAGE}/summary-plot{query}&metric=best&kind=bar").content.decode()
    assert RED in summary
    # Whatever groups there are besides, and for everybody.
    log_run(cast.project, "first", [{"acc": 1.0}], config={"lr": -1})
    assert dots(page(cast, query, who="viewer")) == [PALETTE[2], PALETTE[0], RED]


@pytest.mark.parametrize(
    "query",
    [
        "?group=config.lr&q=r1",
        "?group=config.lr&f=config.lr:%3D:1",
        "?group=config.lr&sort=-config.lr&q=/r[13]/",
    ],
)
def test_a_filter_repaints_nothing(cast, query):
    assert dots(page(cast, query)) == [PALETTE[1]]
    assert drawn(cast, query) == {"lr: 1": PALETTE[1]}


def test_a_groups_page_has_the_colours_of_the_projects(cast):
    """Group and job type by first appearance: a/train, a/eval, b/train, (not set)/train."""
    assert set(drawn(cast, "?group=group&group=job_type").values()) == {*PALETTE[:4]}
    assert dots(page(cast, path=f"{PAGE}/groups/b")) == [PALETTE[2]]
    assert drawn(cast, "?within=a&group=job_type") == {"Job type: train": PALETTE[0], "Job type: eval": PALETTE[1]}
    compared = page(cast, "?group=group&group=job_type&q=/r[12]/&metric=summary.best", f"{PAGE}/compare")
    assert dots(compared) == [*PALETTE[1:3]]
    # Ungrouped, too: by creation.
    assert drawn(cast, "?group=&q=r2") == {"r2": PALETTE[2]}


def test_the_default_brings_the_palette_back(cast, paint):
    of = line(cast, "?group=config.lr")
    paint(line=of, colour=RED)
    paint(line=of, colour="")
    assert dots(page(cast, "?group=config.lr")) == [*PALETTE[:2]]
    assert Workspace.objects.get().settings["colours"] == {}


def test_a_run_by_itself_has_a_colour_too(cast, paint):
    query = "?group="
    paint(query, line=line(cast, query, 3), colour=RED)
    assert dots(page(cast, query)) == [PALETTE[3], PALETTE[2], PALETTE[1], RED]
    assert drawn(cast, query)["r0"] == RED
    # Sorting and filtering leave it alone.
    assert RED in dots(page(cast, f"{query}&sort=summary.best&q=r0"))


def test_a_group_of_several_lines_shows_the_colours_of_all_unless_there_are_many(cast):
    query = "?group=group&group=job_type"
    shares = re.compile(r'stroke="(#\w{6})" pathLength="(\d)" stroke-dashoffset="-(\d)"')
    # Group a: eval, train; the other two have one line each.
    assert shares.findall(page(cast, query)) == [(PALETTE[1], "2", "0"), (PALETTE[0], "2", "1")]
    assert dots(page(cast, query)) == [GREY, *PALETTE[2:4]]
    for job in range(MOST_BESIDE - 1):
        log_run(cast.project, f"more-{job}", [{"acc": 1.0}], group="a", job_type=f"job-{job}")
    assert not shares.findall(page(cast, query))


def test_a_group_of_several_lines_has_none_of_its_own_and_one_of_one_line_that_of_the_line(cast, paint):
    """Groups a (eval, train), b (train) and one of no name (train)."""
    query = "?group=group&group=job_type"
    html = page(cast, query)
    assert html.count("data-menu") - html.count("head-menu") - html.count("row-menu") == 2
    paint(query, line=line(cast, query), colour=RED)  # of b, for a has no swatch
    assert dots(page(cast, query))[1] == RED
    assert drawn(cast, query)["Group: b · Job type: train"] == RED


@pytest.mark.parametrize("group", ["b", ""])
def test_a_groups_page_and_the_projects_share_their_lines(cast, paint, group):
    path = f"{PAGE}/groups/{group}"
    within = f"?within={group}"
    paint(within, line=line(cast, "", path=path), colour=RED)
    assert dots(page(cast, path=path)) == [RED]
    assert drawn(cast, "?group=group&group=job_type")[f"Group: {group or '(not set)'} · Job type: train"] == RED
    # The same job type of another group is another line.
    assert RED not in dots(page(cast, path=f"{PAGE}/groups/a"))
    assert list(drawn(cast, f"{within}&group=job_type").values()) == [RED]


def test_a_new_view_takes_the_colours_and_has_its_own_from_then_on(cast, paint):
    of = line(cast, "?group=config.lr")
    paint(line=of, colour=RED)
    body = json.dumps({"do": "create", "name": "mine"})
    url = cast.as_("viewer").post(f"{PAGE}/views?group=config.lr", body, content_type="application/json").json()["url"]
    view = url.partition("?")[2]
    paint(f"?{view}", who="viewer", line=of, colour="#00ff00")
    assert dots(page(cast, f"?{view}", who="viewer"))[0] == "#00ff00"
    assert dots(page(cast, "?group=config.lr"))[0] == RED
    body = json.dumps({"do": "reset"})
    cast.as_("viewer").post(f"{PAGE}/panels?{view}", body, content_type="application/json")
    assert dots(page(cast, f"?{view}", who="viewer"))[0] == "#00ff00"
    cast.as_("owner").post(f"{PAGE}/panels", body, content_type="application/json")
    assert dots(page(cast, "?group=config.lr"))[0] == RED


def test_only_who_may_change_the_view_paints(cast, paint):
    of = line(cast, "?group=config.lr")
    assert "swatch" not in page(cast, "?group=config.lr", who="viewer")
    assert "Only members" in paint(who="viewer", status=403, line=of, colour=RED)["error"]
    paint(who="teammate", line=of, colour=RED)
    for who in ("stranger", "anonymous"):
        assert cast.as_(who).get(f"{COLOUR}?of={of}").status_code == 404
    assert cast.as_("viewer").get(f"{COLOUR}?group=config.lr&of={of}").status_code == 404
    assert cast.as_("owner").get(f"{COLOUR}?group=config.lr&of={of}").status_code == 200


@pytest.mark.parametrize("grouping", ["?group=group", "?group=group&group=config.lr"])
def test_a_renamed_group_keeps_the_colour_that_was_picked_for_it_and_gets_it_back(cast, paint, grouping):
    """By the grouping of the page, and by others; a group that it is merged into keeps its own."""
    owner = cast.as_("owner")

    def change(**body):
        rows = page(cast, "?group=group")
        ids = {name: id for id, name in re.findall(r'data-key="group-([^"]*)".*?Group: ([^<"]*)"', rows)}
        body = {key: ids.get(value, value) if key == "id" else value for key, value in body.items()}
        response = owner.post(f"{PAGE}/bulk?group=group", json.dumps(body), content_type="application/json")
        assert response.status_code == 200, response.content
        return response.json()

    def of(name):
        found = drawn(cast, f"{grouping}&f=group:%3D:{name}")
        return set(found.values())

    paint(grouping, line=line(cast, f"{grouping}&f=group:%3D:b&open=all"), colour=RED)
    assert of("b") == {RED}
    view = Workspace.objects.get()
    saved_views.default_set(like=view, query=grouping[1:])
    undo = change(do="rename", id="b", value="c")["undo"]
    assert of("c") == {RED}
    change(do="undo", id=undo)
    assert of("b") == {RED}
    change(do="rename", id="b", value="a")
    assert RED not in of("a")


@pytest.mark.parametrize("of", ["", "x", "0" * 32, "z" * 32, "A" * 16, "é" * 16, "%00"])
def test_what_is_no_line_has_no_menu(cast, of):
    for query in ("group=", "group=config.lr"):
        assert cast.as_("owner").get(f"{COLOUR}?{query}&of={of}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"line": 1, "colour": "#ff0000"}',
        b'{"line": "AAAAAAAAAAAAAAAA"}',
        b'{"line": "<script>", "colour": "#ff0000"}',
        b'{"line": "AAAAAAAAAAAAAAAA\\n", "colour": "#ff0000"}',
        b'{"line": "AAAAAAAAAAAAAAAA", "colour": "red"}',
        b'{"line": "AAAAAAAAAAAAAAAA", "colour": "#ff00001"}',
        b'{"line": "AAAAAAAAAAAAAAAA", "colour": "url(#x)"}',
    ],
)
def test_what_is_no_colour_of_a_line_is_refused(cast, body):
    response = cast.as_("owner").post(COLOUR, body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"]
    assert not Workspace.objects.exists()


def test_so_many_colours_are_kept_and_no_more(cast, paint, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST_COLOURS", 2)
    for letter in "AB":
        paint(line=letter * 16, colour=RED)
    assert "2 colours" in paint(status=400, line="C" * 16, colour=RED)["error"]
    paint(line="A" * 16, colour="#00ff00")
    paint(line="B" * 16, colour="")
    paint(line="C" * 16, colour=RED)
    assert Workspace.objects.get().settings["colours"] == {"A" * 16: "#00ff00", "C" * 16: RED}
