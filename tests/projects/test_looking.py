import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict

from projects.access import NotFound
from projects.charts.line_plot import LinePlot
from projects.looking import Looking, looking
from projects.models import Project, User, Workspace
from projects.overall import Overall, overall_from_query, overall_query
from projects.query.runset import BadQuery, Field
from projects.saved_views import default_set, view_create
from projects.workspaces import overall_plot, overall_plot_save, panel_plot, panel_plot_save
from tests.factories import log_run, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user("ada")


@pytest.fixture
def project(ada: User) -> Project:
    made = make_project(ada, "digits")
    log_run(made, "a", [{"train/loss": 1.0, "train/acc": 0.5}], group="one", config={"lr": 0.1})
    return made


@pytest.mark.parametrize(
    "text",
    ["", "x=_runtime", "x=train/loss&smoothing=gaussian:2.5", "smoothing=none:0", "sync=zoom,hover", "sync=hover"],
)
def test_what_a_query_says_of_all_panels_comes_back_as_the_same_query(text: str) -> None:
    overall = overall_from_query(QueryDict(text), defaults=Overall())
    assert overall_query(overall, Overall()) == text


def test_an_empty_parameter_takes_a_default_back() -> None:
    saved = Overall(x="_runtime", smoothing="gaussian:2", sync=("zoom",))
    plain = overall_from_query(QueryDict("x=&smoothing=&sync="), defaults=saved)
    assert plain == Overall()
    assert overall_from_query(QueryDict(overall_query(plain, saved)), defaults=saved) == plain


@pytest.mark.parametrize(
    "text", ["x=_nothing", "smoothing=box:1", "smoothing=gaussian", "smoothing=exponential:1", "sync=all", "x=a%00b"]
)
def test_what_means_nothing_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadQuery, match=f"^{text.partition('=')[0]}: "):
        overall_from_query(QueryDict(text), defaults=Overall())


def test_a_view_is_what_was_saved_and_the_query_what_differs(ada: User, project: Project) -> None:
    seen = looking(ada, project, QueryDict("group=config.lr&q=a&x=_runtime&page=3"))
    view = view_create(project=project, user=ada, name="mine", query=seen.saved_query, like=seen.workspace)
    again = looking(ada, project, QueryDict(f"view={view.id}"))
    assert again.runset.fields == (Field("config", "lr"),)
    assert (again.runset.search, again.runset.page, again.overall.x) == ("a", 1, "_runtime")
    assert again.query == f"view={view.id.hex}"
    changed = looking(ada, project, QueryDict(f"view={view.id.hex}&q=&x="))
    assert (changed.runset.search, changed.overall.x) == ("", "")
    assert QueryDict(changed.query) == QueryDict(f"q=&view={view.id.hex}&x=")


def test_a_view_stays_the_same_when_the_projects_default_changes(ada: User, project: Project) -> None:
    seen = looking(ada, project, QueryDict(""))
    assert seen.runset.grouping
    view = view_create(project=project, user=None, name="v", query=seen.saved_query, like=seen.workspace)
    default_set(like=seen.workspace, query=looking(ada, project, QueryDict("group=")).saved_query)
    assert not looking(ada, project, QueryDict("")).runset.grouping
    assert looking(ada, project, QueryDict(f"view={view.id.hex}")).runset.grouping


def test_another_persons_view_is_as_little_there_as_none(ada: User, project: Project) -> None:
    view = view_create(project=project, user=ada, name="v", query="", like=Workspace(project=project))
    other = make_project(ada, "other")
    for person, owner, id in (
        (make_user("bob"), project, view.id.hex),
        (AnonymousUser(), project, view.id.hex),
        (ada, other, view.id.hex),
        (ada, project, uuid.uuid4().hex),
        (ada, project, "nonsense"),
        (ada, project, "%00"),
    ):
        with pytest.raises(NotFound):
            looking(person, owner, QueryDict(f"view={id}"))


def test_a_query_of_another_release_gives_the_plain_default(ada: User, project: Project) -> None:
    Workspace.objects.create(project=project, settings={"query": "group=no_such_field"})
    assert [str(field) for field in looking(ada, project, QueryDict("")).runset.fields] == ["group", "job_type"]


def see(ada: User, project: Project, query: str = "") -> Looking:
    return looking(ada, project, QueryDict(query))


def test_settings_go_from_all_panels_to_the_section_to_the_panel(ada: User, project: Project) -> None:
    overall_plot_save(see(ada, project), None, LinePlot(group_agg="median", limit=5))
    overall_plot_save(see(ada, project), "train", LinePlot(group_agg="median", limit=7))
    panel_plot_save(see(ada, project), "train/loss", LinePlot(group_agg="max", limit=7))
    shown = see(ada, project)
    assert (overall_plot(shown).group_agg, overall_plot(shown).limit) == ("median", 5)
    assert (panel_plot(shown, "train/acc").group_agg, panel_plot(shown, "train/acc").limit) == ("median", 7)
    assert (panel_plot(shown, "train/loss").group_agg, panel_plot(shown, "train/loss").limit) == ("max", 7)
    # Only what differs was kept: the section's new limit reaches the panel.
    overall_plot_save(see(ada, project), "train", LinePlot(group_agg="median", limit=9))
    assert panel_plot(see(ada, project), "train/loss").limit == 9


def test_the_address_says_it_of_all_panels_but_those_that_say_otherwise(ada: User, project: Project) -> None:
    panel_plot_save(see(ada, project, "x=_runtime"), "train/loss", LinePlot(x_axis="_step"))
    shown = see(ada, project, "x=_runtime&smoothing=gaussian:3")
    assert panel_plot(shown, "train/acc").x_axis == "_runtime"
    assert panel_plot(shown, "train/loss").x_axis == "_step"
    assert panel_plot(shown, "train/loss").smoothing_weight == 3
    # Saved again where it makes no difference, it is still the panel's own word.
    panel_plot_save(see(ada, project), "train/loss", LinePlot(x_axis="_step", limit=3))
    assert panel_plot(see(ada, project, "x=_runtime"), "train/loss").x_axis == "_step"
