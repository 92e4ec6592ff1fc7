"""The results table: which runs are in which cell, which cell is bold, and what goes into a paper."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client

from projects.conclusions.results import MAX_METRICS, Results
from projects.models import Project
from projects.query.grouping import run_groups
from projects.query.runset import Field, Runset
from tests.factories import log_run, make_project, make_user
from tests.projects.views.asking import asking

pytestmark = pytest.mark.django_db

MODELS = ("cnn", "vit_[b]", "50% & more|\\{}~^#$<")
DEPTHS = (2, 8)
SEEDS = 4
ACC = np.random.default_rng(3).normal(0.9, 0.01, (len(MODELS), len(DEPTHS), SEEDS))


@pytest.fixture
def project() -> Project:
    made = make_project(make_user("ada"), "digits")
    for at, model in enumerate(MODELS):
        for place, depth in enumerate(DEPTHS):
            for seed, acc in enumerate(ACC[at, place].tolist()):
                config = {"model": model, "depth": depth, "seed": seed}
                log_run(
                    made, f"{at}-{depth}-{seed}", [], config=config, summary={"acc": acc, "loss": 1 - acc, "s": "x"}
                )
    return made


@pytest.fixture
def get(client: Client, project: Project) -> Callable[..., Any]:
    return asking(client, project, "results", rows="config.model", across="config.depth", metric="summary.acc")


def found(get: Callable[..., Any], **query: object) -> Results:
    shown: Results = get(**query).context["results"]
    return shown


def middles(shown: Results) -> np.ndarray:
    """(rows, columns); NaN where there is no cell."""
    return np.array([[cell.estimate.middle if cell else np.nan for cell in row.cells] for row in shown.rows], float)


def test_a_cell_holds_the_runs_of_its_row_and_column(get: Callable[..., Any]) -> None:
    shown = found(get)
    assert [row.label for row in shown.rows] == ["50% & more|\\{}~^#$<", "cnn", "vit_[b]"]
    assert [head.label for head in shown.heads] == ["2", "8"]
    order = [2, 0, 1]
    np.testing.assert_allclose(middles(shown), ACC.mean(axis=2)[order], rtol=1e-12)
    errors = [[cell.estimate.error for cell in row.cells if cell] for row in shown.rows]
    np.testing.assert_allclose(errors, ACC.std(axis=2, ddof=1)[order], rtol=1e-9)
    bold = np.array([[bool(cell and cell.best) for cell in row.cells] for row in shown.rows])
    np.testing.assert_array_equal(bold.argmax(axis=0), ACC.mean(axis=2)[order].argmax(axis=0))
    assert bold.sum() == 2
    assert shown.n == SEEDS


def test_without_columns_each_metric_is_one_with_a_direction_of_its_own(get: Callable[..., Any]) -> None:
    shown = found(get, across="", metric=["summary.acc", "summary.loss"], cell="ci95")
    assert [(head.label, head.direction) for head in shown.heads] == [("acc", "max"), ("loss", "min")]
    pooled = ACC.reshape(len(MODELS), -1).mean(axis=1)[[2, 0, 1]]
    np.testing.assert_allclose(middles(shown), np.stack([pooled, 1 - pooled], axis=1), rtol=1e-12)
    assert [cell.best for row in shown.rows for cell in row.cells[:1] if cell] == (pooled == pooled.max()).tolist()
    turned = found(get, across="", best=["min:summary.acc"])
    assert [cell.best for row in turned.rows for cell in row.cells if cell] == (pooled == pooled.min()).tolist()
    both = found(get, metric=["summary.acc", "summary.loss"])
    assert [head.label for head in both.heads] == ["2 · acc", "2 · loss", "8 · acc", "8 · loss"]


def test_what_is_hidden_filtered_or_not_finite_does_not_count(get: Callable[..., Any], project: Project) -> None:
    log_run(project, "bad", [], config={"model": "cnn", "depth": 2}, summary={"acc": float("nan")})
    log_run(project, "new", [], config={"model": "new", "depth": 32}, summary={})
    shown = found(get)
    assert (shown.left_out, shown.n) == (1, None)
    assert shown.rows[1].cells[0].runs == SEEDS + 1  # type: ignore[union-attr]
    assert shown.rows[2].cells[2].estimate.n == 0  # type: ignore[union-attr]
    assert shown.rows[0].cells[2] is None
    np.testing.assert_allclose(middles(shown)[1, 0], ACC[0, 0].mean(), rtol=1e-12)
    asked = {"f": "config.depth:=:8", "group": "config.model"}
    assert [head.label for head in found(get, **asked).heads] == ["8"]
    # A group of the table whose eye is off is in no cell, whatever the rows are.
    groups, _ = run_groups(project, Runset(fields=(Field("config", "model"),), grouped=True), 9)
    hidden = next(group.id for group in groups if group.label == "model: cnn")
    left = found(get, group="config.model", hide=hidden, rows="config.depth", across="")
    np.testing.assert_allclose(middles(left)[:2, 0], ACC[1:].mean(axis=(0, 2)), rtol=1e-12)


@pytest.mark.parametrize(
    ("query", "rows", "metrics"),
    [
        ("", "config.depth", ["summary.acc", "summary.loss"]),
        ("group=config.model", "config.model", ["summary.acc", "summary.loss"]),
        ("group=config.model&across=config.depth", "config.model", ["summary.acc"]),
        ("group=config.model&columns=summary.loss&pin=config.depth", "config.model", ["config.depth", "summary.loss"]),
    ],
)
def test_what_is_not_asked_for_is_what_the_table_shows(
    client: Client, project: Project, query: str, rows: str, metrics: list[str]
) -> None:
    client.force_login(project.entity.owner)
    context = client.get(f"/ada/digits/results?{query}").context
    assert context["rows"] == rows
    assert [str(metric) for metric, _, _ in context["metrics"]] == metrics
    assert context["results"].rows


def test_latex_holds_each_cell_escaped_and_its_rows_are_whole(get: Callable[..., Any]) -> None:
    for cell in ("stddev", "ci95", "quartiles"):
        response = get(**{"as": "latex", "cell": cell})
        assert response["Content-Disposition"] == 'attachment; filename="digits-results.tex"'
        text = b"".join(response).decode()
        body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0].strip().splitlines()
        assert len(body) == len(MODELS)
        for line in body:
            assert line.endswith(r" \\")
            assert len(re.findall(r"(?<!\\)&", line)) == len(DEPTHS)
        label = body[0].partition(" & $")[0].strip()
        expected = r"50\% \& more\textbar{}\textbackslash{}\{\}\textasciitilde{}\textasciicircum{}\#\$\textless{}"
        assert label == expected
        assert body[2].strip().startswith(r"vit\_{[}b{]} & $")
        assert text.count(r"\mathbf") == len(DEPTHS)
        assert text.count("{") == text.count("}")
        for opened in re.findall(r"\\begin{(\w+)}", text):
            assert rf"\end{{{opened}}}" in text
        assert "n = 4 runs in each cell" in text
        assert text.isascii()


def test_markdown_holds_a_table_whose_rows_are_whole(get: Callable[..., Any]) -> None:
    lines = b"".join(get(**{"as": "markdown"})).decode().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(MODELS)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {len(DEPTHS) + 2}
    assert table[0] == "| model / depth | 2 ↑ | 8 ↑ |"
    assert sum(line.count("**") for line in table) == 2 * len(DEPTHS)
    assert r"vit\_\[b\]" in table[4]


def test_csv_holds_the_numbers_themselves(get: Callable[..., Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(b"".join(get(**{"as": "csv"})).decode())))
    assert [row["model"] for row in rows] == ["50% & more|\\{}~^#$<", "cnn", "vit_[b]"]
    np.testing.assert_allclose(
        [float(row["depth: 8 mean"]) for row in rows], ACC[[2, 0, 1], 1].mean(axis=1), rtol=1e-12
    )
    assert {row["depth: 2 n"] for row in rows} == {"4"}
    quartiles = list(csv.DictReader(io.StringIO(b"".join(get(**{"as": "csv", "cell": "quartiles"})).decode())))
    lows = [float(row["depth: 2 25 %"]) for row in quartiles]
    np.testing.assert_allclose(lows, np.percentile(ACC[[2, 0, 1], 0], 25, axis=1), rtol=1e-12)


def test_a_metric_is_what_the_table_shows_of_each_run(get: Callable[..., Any], project: Project) -> None:
    for at, peak in enumerate((0.5, 0.7)):
        history = [{"acc": peak}, {"acc": 0.1}]
        log_run(project, f"peak-{at}", history, config={"model": "peak", "depth": 2}, summary={"acc": 0.1})
    asked = {"across": "", "f": "config.model:=:peak"}
    assert middles(found(get, **asked)).tolist() == [[0.1]]
    shown = found(get, show="max:summary.acc", **asked)
    np.testing.assert_allclose(middles(shown), [[0.6]])
    assert [head.label for head in shown.heads] == ["acc (max)"]


def test_names_are_text_on_the_page(get: Callable[..., Any], project: Project) -> None:
    log_run(project, "evil", [], config={"model": "<script>x</script>", "depth": 2}, summary={"acc": 1.0})
    html = get().content.decode()
    assert "<script>x" not in html
    assert "&lt;script&gt;x" in html


@pytest.mark.parametrize(
    "query",
    [
        {"rows": "nothing"},
        {"rows": "created_at"},
        {"rows": ["config.model", "config.depth"]},
        {"rows": "config.\0"},
        {"across": "config.model"},
        {"metric": "summary.s"},
        {"metric": "summary.nothing"},
        {"metric": [f"summary.{at}" for at in range(MAX_METRICS + 1)]},
        {"cell": "pie"},
        {"best": "most:summary.acc"},
        {"best": "max"},
        {"f": "no"},
    ],
)
def test_a_question_that_means_nothing_gets_a_reason(get: Callable[..., Any], query: dict[str, object]) -> None:
    assert "can’t be shown" in get(400, **query).content.decode()
    assert get(400, **query, **{"as": "csv"}).json()["error"]
    assert get(400, **{"as": "pdf"}).json()["error"]


def test_columns_have_a_limit_that_is_said(get: Callable[..., Any], project: Project) -> None:
    for at in range(70):
        log_run(project, f"many-{at}", [], config={"model": "cnn", "depth": 100 + at}, summary={"acc": 1.0})
    assert "too many columns" in get(400).content.decode()


def test_it_belongs_to_those_who_see_the_project(project: Project) -> None:
    stranger = Client()
    stranger.force_login(make_user("eve"))
    assert stranger.get("/ada/digits/results").status_code == 404


def test_it_asks_a_fixed_number_of_questions(
    get: Callable[..., Any], project: Project, django_assert_max_num_queries: Any
) -> None:
    get()
    with django_assert_max_num_queries(14):
        get()
    for at in range(20):
        log_run(project, f"more-{at}", [], config={"model": f"m{at}", "depth": 2}, summary={"acc": 1.0})
    with django_assert_max_num_queries(14):
        get()


def test_a_project_without_runs_or_numbers_says_so(client: Client) -> None:
    owner = make_user("bea")
    make_project(owner, "bare")
    client.force_login(owner)
    assert "No column has numbers yet" in client.get("/bea/bare/results").content.decode()


def test_the_export_menu_leads_here_with_the_pages_question(client: Client, get: Callable[..., Any]) -> None:
    menu = client.get("/ada/digits/export?group=config.model").content.decode()
    assert 'href="/ada/digits/results?group=config.model"' in menu
