"""Groups compared with a baseline: which runs are paired, what is said of each difference, and what is drawn of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from django.test import Client
from scipy import stats

from projects.conclusions.compare import Comparison
from projects.models import Project
from tests.factories import log_run, make_project, make_user
from tests.projects.views.asking import asking

pytestmark = pytest.mark.django_db

MODELS = ("cnn", "rnn", "vit")
ACC = np.random.default_rng(8).normal([[0.9], [0.92], [0.95]], 0.01, (3, 6))  # models, seeds


@pytest.fixture
def project() -> Project:
    made = make_project(make_user("ada"), "digits")
    for model, seeds in zip(MODELS, ACC.tolist(), strict=True):
        for seed, acc in enumerate(seeds):
            config = {"model": model, "seed": seed, "fold": seed // 2}
            log_run(made, f"{model}-{seed}", [], config=config, summary={"acc": acc, "word": "x"})
    return made


@pytest.fixture
def get(client: Client, project: Project) -> Callable[..., Any]:
    return asking(client, project, "compare", group="config.model", metric="summary.acc")


def found(get: Callable[..., Any], **query: object) -> Comparison:
    comparison: Comparison = get(**query).context["comparison"]
    return comparison


def test_runs_of_one_seed_are_paired_unless_told_otherwise(get: Callable[..., Any]) -> None:
    seen = found(get)
    assert str(seen.pair) == "config.seed"  # folds come twice in a group
    assert seen.baseline.label == "model: cnn"
    for at, other in enumerate(seen.others, 1):
        known = stats.ttest_rel(ACC[at], ACC[0])
        assert other.difference is not None
        assert other.difference.pairs == 6
        assert other.difference.value == pytest.approx((ACC[at] - ACC[0]).mean())
        assert other.difference.p == pytest.approx(known.pvalue, rel=1e-7)
        assert other.difference.high == pytest.approx(known.confidence_interval().high)
        assert other.superiority == pytest.approx(stats.mannwhitneyu(ACC[at], ACC[0]).statistic / 36)
    unpaired = found(get, pair="")
    assert unpaired.pair is None
    for at, other in enumerate(unpaired.others, 1):
        assert other.difference is not None
        assert other.difference.p == pytest.approx(stats.ttest_ind(ACC[at], ACC[0], equal_var=False).pvalue, rel=1e-7)
    assert found(get, pair="config.fold").pair is None
    ps = [other.difference.p or 0.0 for other in unpaired.others if other.difference]
    least, most = min(ps), max(ps)
    assert [other.holm for other in unpaired.others] == [2 * p if p == least else max(2 * least, most) for p in ps]


def test_any_group_can_be_the_baseline(get: Callable[..., Any]) -> None:
    answer = get(baseline=found(get).groups[2].id)
    seen = answer.context["comparison"]
    shown = str(seen.others[0].shown)
    assert shown.startswith("-")
    assert f">{shown.replace('-', '−')}<" in answer.content.decode()
    assert [other.group.label for other in seen.others] == ["model: cnn", "model: rnn"]
    first = seen.others[0].difference
    assert first is not None
    assert first.value == pytest.approx((ACC[0] - ACC[2]).mean())


def test_a_seed_that_only_some_share_pairs_those(get: Callable[..., Any], project: Project) -> None:
    for seed in (4, 5, 90):
        log_run(project, f"mlp-{seed}", [], config={"model": "mlp", "seed": seed}, summary={"acc": 0.5 + seed / 1000})
    log_run(project, "mlp-nan", [], config={"model": "mlp", "seed": 0}, summary={"acc": float("nan")})
    log_run(project, "none-1", [], config={"model": "none"}, summary={})
    response = get(baseline=found(get).groups[0].id)
    seen: Comparison = response.context["comparison"]
    by_label = {other.group.label: other for other in seen.others}
    mlp = by_label["model: mlp"]
    assert seen.baseline.label == "model: cnn"
    assert mlp.difference is not None
    assert mlp.difference.pairs == 2
    assert mlp.difference.value == pytest.approx((np.array([0.504, 0.505]) - ACC[0, 4:]).mean())
    assert (mlp.group.estimate.n, mlp.group.sample.runs, seen.left_out) == (3, 4, 1)
    assert "model: none" not in by_label
    html = response.content.decode()
    assert "model: mlp (n = 3)" in html
    assert "1 value left out" in html
    assert "3 comparisons with one baseline" in html
    assert "1 group without a number of acc: not compared" in html


def test_groups_without_a_number_are_no_baseline_unless_asked_for(get: Callable[..., Any], project: Project) -> None:
    for at in range(2):
        log_run(project, f"alone-{at}", [], config={"model": "alone", "seed": at}, summary={"word": "x"})
    everybody = found(get)
    assert [group.label for group in everybody.groups] == [f"model: {model}" for model in MODELS]
    assert (everybody.baseline.label, everybody.of_groups, everybody.empty) == ("model: cnn", 2, 1)
    alone = get(f="config.model:=:alone")
    assert alone.context["comparison"] is None
    assert "No visible run has a number" in alone.content.decode()


def test_the_figure_has_each_interval_and_a_line_at_zero(get: Callable[..., Any]) -> None:
    figure = get(**{"as": "figure"}).json()
    go.Figure(figure)
    seen = found(get)
    assert [trace["name"] for trace in figure["data"]] == ["model: rnn", "model: vit"]
    assert [trace["meta"]["group"] for trace in figure["data"]] == [other.group.id for other in seen.others]
    for at, (trace, other) in enumerate(zip(figure["data"], seen.others, strict=True)):
        difference = other.difference
        assert difference is not None
        assert (trace["x"], trace["y"]) == ([difference.value], [at])
        assert trace["x"][0] + trace["error_x"]["array"][0] == pytest.approx(difference.high)
        assert trace["x"][0] - trace["error_x"]["arrayminus"][0] == pytest.approx(difference.low)
    assert figure["layout"]["xaxis"]["zeroline"] is True
    assert figure["layout"]["yaxis"]["ticktext"] == ["model: rnn", "model: vit"]


def test_the_number_is_what_the_table_shows_of_each_run(get: Callable[..., Any], project: Project) -> None:
    for at, peak in enumerate((0.5, 0.7)):
        config = {"model": "peak", "seed": at}
        log_run(project, f"peak-{at}", [{"acc": peak}, {"acc": 0.1}], config=config, summary={"acc": 0.1})
    response = get(f="config.model:=:peak", show="max:summary.acc", pair="summary.acc")
    assert response.context["comparison"].baseline.estimate.middle == pytest.approx(0.6)
    assert response.context["metric_label"] == "acc (max)"


def test_ungrouped_runs_are_compared_by_what_varies(get: Callable[..., Any]) -> None:
    assert [group.label for group in found(get, group="").groups] == [f"model: {model}" for model in MODELS]


def test_hidden_runs_do_not_count(get: Callable[..., Any]) -> None:
    gone = found(get).groups[1].id
    assert [group.label for group in found(get, hide=gone).groups] == ["model: cnn", "model: vit"]


def test_names_are_text_on_the_page_and_in_the_figure(get: Callable[..., Any], project: Project) -> None:
    log_run(project, "evil", [], config={"model": "<b>x</b>%{y}", "seed": 1}, summary={"acc": 1.0})
    assert "<b>x" not in get().content.decode()
    figure = get(baseline=found(get).groups[-1].id, **{"as": "figure"}).json()
    assert "<b>" not in str(figure)


@pytest.mark.parametrize(
    "query",
    [
        {"metric": "summary.word"},
        {"metric": ["summary.acc", "summary.loss"]},
        {"baseline": "nothing"},
        {"pair": "nothing"},
        {"pair": "duration"},
        {"pair": "config.\0"},
        {"as": "pdf"},
        {"sort": "no"},
    ],
)
def test_a_question_that_means_nothing_gets_a_reason(get: Callable[..., Any], query: dict[str, object]) -> None:
    get(400, **query)
    assert get(400, **{"as": "figure", **query}).json()["error"]


def test_one_group_or_none_is_said(client: Client, get: Callable[..., Any]) -> None:
    assert "There is one group only" in get(f="config.model:=:cnn").content.decode()
    assert "No visible run has a number" in get(f="config.model:=:no").content.decode()
    owner = make_user("bea")
    make_project(owner, "bare")
    client.force_login(owner)
    assert "No column has numbers yet" in client.get("/bea/bare/compare").content.decode()


def test_it_belongs_to_those_who_see_the_project(project: Project) -> None:
    stranger = Client()
    stranger.force_login(make_user("eve"))
    assert stranger.get("/ada/digits/compare").status_code == 404


def test_it_asks_a_fixed_number_of_questions(
    get: Callable[..., Any], project: Project, django_assert_max_num_queries: Any
) -> None:
    get()
    with django_assert_max_num_queries(14):
        get()
    for at in range(20):
        log_run(project, f"more-{at}", [], config={"model": f"m{at}", "seed": 1}, summary={"acc": 1.0})
    with django_assert_max_num_queries(14):
        get()
