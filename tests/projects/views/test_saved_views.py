import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from projects.models import Visibility, Workspace
from projects.saved_views import MOST_VIEWS
from tests.factories import log_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

PAGE = "/lab/digits"
VIEWS = "/lab/digits/views"


@pytest.fixture
def cast() -> Cast:
    made = make_cast()
    for seed in range(2):
        log_run(made.project, f"r{seed}", [{"acc": 0.5 + seed}], config={"lr": seed}, summary={"acc": 0.5 + seed})
    return made


@pytest.fixture
def change(cast: Cast) -> Callable[..., Any]:
    """POST of a change, by default as the owner; the address it sends to."""

    def post(query: str = "", *, status: int = 200, who: str = "owner", **body: object) -> str:
        response = cast.as_(who).post(f"{VIEWS}{query}", json.dumps(body), content_type="application/json")
        assert response.status_code == status, response.content
        return str(response.json().get("url" if status == 200 else "error", ""))

    return post


def query_of(url: str) -> str:
    assert url.startswith(f"{PAGE}?view=")
    return url.removeprefix(PAGE)


def listed(cast: Cast, who: str) -> list[str]:
    html = cast.as_(who).get(VIEWS).content.decode()
    return re.findall(r'<a class="row" href="[^"]*view=[^"]*">([^<]*)</a>', html)


def test_a_saved_view_shows_what_the_page_showed(cast: Cast, change: Callable[..., str]) -> None:
    url = change("?group=config.lr&x=_runtime&sync=zoom", do="create", name=" by lr ")
    html = cast.as_("owner").get(url).content.decode()
    assert "Name (2 groups · 2 runs)" in html
    assert 'data-x="_runtime" data-smoothing="" data-sync="zoom"' in html
    assert "Name (2 runs)" in cast.as_("owner").get(PAGE).content.decode()
    # Links of the table stay in the view.
    (clear,) = re.findall(r'id="clear-grouping" href="([^"]*)"', html)
    assert clear == f"{PAGE}?group=&amp;{query_of(url)[1:]}"
    cleared = cast.as_("owner").get(clear.replace("&amp;", "&")).content.decode()
    assert "Name (2 runs)" in cleared
    assert re.search(r'<form class="search".*?name="view" value="', cleared, re.DOTALL)


def test_panels_of_a_view_are_its_own(cast: Cast, change: Callable[..., str]) -> None:
    owner = cast.as_("owner")
    settings = f"{PAGE}/line-plot/settings"

    def header(query: str) -> str:
        return owner.get(f"{PAGE}/line-plot{query}&metric=acc&group=config.lr").json()["meta"]["header"]

    owner.post(f"{settings}?metric=acc", {"groupAgg": "max"}, content_type="application/json")
    query = query_of(change(do="create", name="v"))
    assert header(query).startswith("max")
    owner.post(f"{settings}{query}&metric=acc", {"groupAgg": "min"}, content_type="application/json")
    owner.post(f"{PAGE}/panels{query}", {"do": "duplicate", "panel": "acc"}, content_type="application/json")
    assert header(query).startswith("min")
    assert header("?").startswith("max")
    assert owner.get(f"{PAGE}{query}").content.decode().count('class="panel"') == 2
    assert owner.get(PAGE).content.decode().count('class="panel"') == 1
    owner.delete(f"{settings}{query}&metric=acc")
    assert header(query).startswith("max")
    owner.post(f"{PAGE}/panels{query}", {"do": "reset"}, content_type="application/json")
    assert owner.get(f"{PAGE}{query}").content.decode().count('class="panel"') == 1
    assert header(query).startswith("max")


def test_ones_own_views_are_for_oneself_and_shared_ones_for_everybody(cast: Cast, change: Callable[..., str]) -> None:
    mine = change(do="create", name="olgas")
    shared = change(do="create", name="ours", shared=True)
    viewers = change(who="viewer", do="create", name="veras")
    assert listed(cast, "owner") == ["olgas", "ours"]
    assert listed(cast, "viewer") == ["veras", "ours"]
    assert listed(cast, "teammate") == ["ours"]
    for who, sees in (("owner", 200), ("teammate", 404), ("viewer", 404), ("stranger", 404)):
        assert cast.as_(who).get(mine).status_code == sees
    for address in ("/line-plot", "/line-plot.csv", "/line-plot/settings", "/panels", "/views", "/group-by"):
        assert cast.as_("teammate").get(f"{PAGE}{address}{query_of(mine)}&metric=acc").status_code == 404
        assert cast.as_("owner").get(f"{PAGE}{address}{query_of(mine)}&metric=acc").status_code == 200
    assert cast.as_("teammate").get(f"/api{PAGE}/runs{query_of(mine)}").status_code == 404
    assert cast.as_("viewer").get(shared).status_code == 200
    assert cast.as_("viewer").get(viewers).status_code == 200


def test_viewers_change_their_own_views_only(cast: Cast, change: Callable[..., str]) -> None:
    shared = query_of(change(do="create", name="ours", shared=True))
    own = query_of(change(who="viewer", do="create", name="veras"))
    for body in ({"do": "update"}, {"do": "rename", "name": "x"}, {"do": "delete"}, {"do": "default"}):
        change(shared, who="viewer", status=403, **body)
    change(who="viewer", status=403, do="create", name="x", shared=True)
    change(own, who="viewer", status=403, do="default")
    viewer = cast.as_("viewer")
    assert viewer.post(f"{PAGE}/panels{own}", {"do": "remove", "panel": "acc"}, "application/json").status_code == 200
    assert viewer.post(f"{PAGE}/panels{shared}", {"do": "reset"}, "application/json").status_code == 403
    settings = f"{PAGE}/line-plot/settings{own}&metric=acc"
    assert viewer.post(settings, {"groupAgg": "max"}, "application/json").status_code == 200
    change(own, who="viewer", do="rename", name="mine")
    assert listed(cast, "viewer") == ["mine", "ours"]
    change(own, who="viewer", do="delete")
    assert listed(cast, "viewer") == ["ours"]
    change(shared, who="teammate", do="delete")
    assert listed(cast, "viewer") == []


def test_who_only_passes_by_saves_nothing(cast: Cast, change: Callable[..., str]) -> None:
    type(cast.project).objects.update(visibility=Visibility.PUBLIC)
    shared = query_of(change(do="create", name="ours", shared=True))
    assert listed(cast, "anonymous") == ["ours"]
    change(who="anonymous", status=403, do="create", name="x")
    change(shared, who="anonymous", status=403, do="update")
    change(shared, who="stranger", status=403, do="delete")
    change(who="stranger", status=403, do="create", name="mine")
    assert listed(cast, "stranger") == ["ours"]


def test_a_view_takes_on_what_is_shown_now(cast: Cast, change: Callable[..., str]) -> None:
    query = query_of(change("?group=config.lr", do="create", name="v"))
    assert change(f"{query}&q=r1&x=_timestamp", do="update") == f"{PAGE}{query}"
    html = cast.as_("owner").get(f"{PAGE}{query}").content.decode()
    assert "Name (1 group · 1 run)" in html
    assert 'data-x="_timestamp"' in html


def test_the_projects_default_is_what_its_page_and_its_api_show(cast: Cast, change: Callable[..., str]) -> None:
    owner = cast.as_("owner")
    query = query_of(change("?group=config.lr", do="create", name="v"))
    owner.post(f"{PAGE}/panels{query}", {"do": "duplicate", "panel": "acc"}, content_type="application/json")
    assert change(query, do="default") == PAGE
    html = cast.as_("viewer").get(PAGE).content.decode()
    assert "Name (2 groups · 2 runs)" in html
    assert html.count('class="panel"') == 2
    assert owner.get(f"/api{PAGE}/groups").json()["total"] == 2
    assert change("?group=", do="default", who="teammate") == PAGE
    assert "Name (2 runs)" in owner.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("", {}, 400),
        ("", {"do": "explode"}, 400),
        ("", {"do": "create"}, 400),
        ("", {"do": "create", "name": "x" * 101}, 400),
        ("", {"do": "create", "name": "a\0b"}, 400),
        ("", {"do": "create", "name": 5}, 400),
        ("", {"do": "create", "name": "x", "shared": "yes"}, 400),
        ("?sort=nonsense", {"do": "create", "name": "x"}, 400),
        ("", {"do": "delete"}, 404),
        ("?view=nonsense", {"do": "delete"}, 404),
    ],
)
def test_what_means_nothing_saves_nothing(cast: Cast, query: str, body: dict[str, object], status: int) -> None:
    response = cast.as_("owner").post(f"{VIEWS}{query}", json.dumps(body), content_type="application/json")
    assert response.status_code == status
    assert not Workspace.objects.exists()


def test_a_name_is_given_once(cast: Cast, change: Callable[..., str]) -> None:
    for shared in (True, False):
        change(do="create", name="v", shared=shared)
        other = query_of(change(do="create", name="w", shared=shared))
        assert "already" in change(status=400, do="create", name="v", shared=shared)
        assert "already" in change(other, status=400, do="rename", name="v")
    change(who="viewer", do="create", name="v")


def test_there_is_an_end_to_saving(cast: Cast, change: Callable[..., str]) -> None:
    Workspace.objects.bulk_create(
        Workspace(project=cast.project, user=cast.owner, name=f"v{number}") for number in range(MOST_VIEWS)
    )
    change(status=400, do="create", name="one more")
    change(who="teammate", do="create", name="one more")


def test_hostile_names_are_text(cast: Cast, change: Callable[..., str]) -> None:
    url = change(do="create", name="<img src=x onerror=alert(1)>", shared=True)
    for html in (cast.as_("owner").get(url), cast.as_("viewer").get(VIEWS)):
        assert "<img" not in html.content.decode()
        assert "&lt;img" in html.content.decode()


def test_addresses_as_clients_print_them_lead_to_the_page(cast: Cast, change: Callable[..., str]) -> None:
    url = change("?group=config.lr", do="create", name="by lr")
    id = url.partition("view=")[2]
    owner = cast.as_("owner")
    assert owner.get(f"{PAGE}?nw={id}&sort=name")["Location"] == f"{PAGE}?sort=name&view={id}"
    assert owner.get(f"{PAGE}/workspace?nw={id}")["Location"] == f"{PAGE}?nw={id}"
    assert owner.get(f"{PAGE}/workspace")["Location"] == PAGE
    assert owner.get(f"{PAGE}?nw=nothing", follow=True).status_code == 404
    for who in ("stranger", "anonymous"):
        assert {cast.as_(who).get(f"{PAGE}{rest}").status_code for rest in (f"?nw={id}", "/workspace")} == {404}


def test_a_view_without_automatic_panels_shows_those_that_were_added(cast: Cast) -> None:
    view = Workspace.objects.create(
        project=cast.project, name="curated", settings={"query": "", "layout": {"automatic": False}}
    )
    page = f"{PAGE}?view={view.id.hex}"
    assert "data-metric=" not in cast.as_("owner").get(page).content.decode()
    added = cast.as_("owner").post(
        f"{PAGE}/panels?view={view.id.hex}",
        json.dumps({"do": "add", "metrics": ["acc"]}),
        content_type="application/json",
    )
    assert added.status_code == 200
    assert re.findall('data-metric="([^"]*)"', cast.as_("owner").get(page).content.decode()) == ["acc"]


TABLE = "rows=job_type&across=config.lr&metric=summary.acc&cell=quartiles&best=min:summary.acc"


def of_results(cast: Cast, address: str, who: str = "owner") -> tuple[str, str, list[str], str, str]:
    response = cast.as_(who).get(address)
    assert response.status_code == 200, response.content
    asked = response.context["asked"]
    (direction,) = asked.best.values()
    return str(asked.rows), str(asked.across or ""), [str(it) for it in asked.metrics], asked.cell, direction


def test_a_view_keeps_how_the_results_table_is_set(cast: Cast, change: Callable[..., str]) -> None:
    plain = of_results(cast, f"{PAGE}/results")
    kept = ("job_type", "config.lr", ["summary.acc"], "quartiles", "min")
    # Saved on the page of the table itself, which then shows the view.
    shown = cast.as_("owner").get(f"{PAGE}/results?{TABLE}").context
    url = change(shown["views"].removeprefix(VIEWS), do="create", name="mine")
    assert url.startswith(f"{PAGE}/results?view=")
    assert of_results(cast, url) == kept
    view = url.partition("?")[2]
    # The way from the project's page, which says nothing of it, and back.
    page = cast.as_("owner").get(f"{PAGE}?{view}").context
    assert page["query"] == view
    assert cast.as_("owner").get(url).context["query"] == view
    # The address stands above what is kept, one parameter at a time, and goes along to the project's page.
    changed = f"{PAGE}/results?{view}&cell=ci95&across="
    assert of_results(cast, changed) == ("job_type", "", ["summary.acc"], "ci95", "min")
    back = cast.as_("owner").get(changed).context["query"]
    assert of_results(cast, f"{PAGE}/results?{cast.as_('owner').get(f'{PAGE}?{back}').context['query']}")[3] == "ci95"
    change(f"?{back}", do="update")
    assert of_results(cast, url) == ("job_type", "", ["summary.acc"], "ci95", "min")
    assert of_results(cast, f"{PAGE}/results") == plain
    assert cast.as_("owner").get(f"/api{PAGE}/results?{view}").json()["cell"] == "ci95"


def test_the_projects_default_keeps_the_table_for_everybody(cast: Cast, change: Callable[..., str]) -> None:
    query = cast.as_("owner").get(f"{PAGE}/results?{TABLE}").context["query"]
    assert change(f"?at=results&{query}", do="default") == f"{PAGE}/results"
    for who in ("teammate", "viewer"):
        assert of_results(cast, f"{PAGE}/results", who)[3:] == ("quartiles", "min")
    # A view that was saved before says nothing of it, and so shows what it did.
    old = Workspace.objects.create(project=cast.project, user=cast.owner, name="old", settings={"query": "q=r0"})
    assert of_results(cast, f"{PAGE}/results?view={old.id.hex}")[3] == "stddev"


def test_a_table_whose_columns_are_gone_is_the_usual_one_but_asked_for_is_refused(
    cast: Cast, change: Callable[..., str]
) -> None:
    query = "results=metric%3Dsummary.gone"
    url = change(f"?at=results&{query}", do="create", name="mine")
    assert of_results(cast, url)[2] == ["summary.acc"]
    owner = cast.as_("owner")
    assert owner.get(f"{PAGE}/results?{query}").status_code == 400
    assert owner.get(f"{PAGE}?results={'x' * 9000}").status_code == 400
    assert owner.get(f"{PAGE}?compare=pair%3D%2500").status_code == 400
    assert owner.get(f"{VIEWS}?at=elsewhere").status_code == 400


def test_a_view_keeps_baseline_and_pairing(cast: Cast, change: Callable[..., str]) -> None:
    owner = cast.as_("owner")
    page = owner.get(f"{PAGE}/compare?group=config.lr").context
    assert page["comparison"].baseline.label == "lr: 0"
    other = page["comparison"].others[0].group.id
    shown = owner.get(f"{PAGE}/compare?group=config.lr&baseline={other}&pair=").context
    url = change(shown["views"].removeprefix(VIEWS), do="create", name="ours", shared=True)
    assert url.startswith(f"{PAGE}/compare?view=")
    found = cast.as_("viewer").get(url).context
    assert (found["comparison"].baseline.id, found["pair"]) == (other, "")
    first = page["comparison"].baseline.id
    assert owner.get(f"{url}&baseline={first}").context["comparison"].baseline.id == first
    # Groups of another kind have no such baseline.
    assert owner.get(f"{url}&group=job_type").context["comparison"].baseline.id != other
    assert owner.get(f"{PAGE}/compare?group=job_type&baseline={other}").status_code == 400
