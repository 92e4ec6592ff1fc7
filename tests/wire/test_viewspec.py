"""Views <-> what the wandb-workspaces package says of them, by the package's own objects; no server, no database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Container
from dataclasses import replace
from typing import Any

import pytest
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
from graphql import GraphQLError
from hypothesis import given, settings
from hypothesis import strategies as st
from wandb_workspaces.workspaces import internal

from projects.layout import Added, Layout, Panel
from projects.query.from_url import filter_texts, query_string
from projects.query.operators import OPERATORS
from projects.query.runset import CONFIG, RUN, SUMMARY, Branch, Condition, Field, Filter, Runset, Sort, Split
from projects.query.typed import token_of, unquoted
from projects.saved_views import Content
from tracker.wire.viewspec.filters import conditions_from, filters_said
from tracker.wire.viewspec.merge import carried
from tracker.wire.viewspec.spec import content_changed, content_new, spec_told
from tracker.wire.viewspec.words import Names

KEYS = {"lr", "opt.name", "settings.value"}
METRICS = ["epoch", "loss", "val/acc", "val/loss"]
RUNS = {uuid.UUID(int=number).hex: f"r{number}" for number in range(3)}
NAMES = Names(
    run_id=lambda name: next((id for id, it in RUNS.items() if it == name), uuid.uuid5(uuid.NAMESPACE_URL, name).hex),
    run_names=RUNS,
    metrics=METRICS,
    config_keys=lambda keys: KEYS.intersection(keys),
)

FIELDS = [
    *(Field(CONFIG, key) for key in sorted(KEYS)),
    Field(SUMMARY, "val/loss"),
    Field(RUN, "group"),
    Field(RUN, "tags"),
    Field(RUN, "state"),
    Field(RUN, "git_commit"),
]
VALUES = ["0.1", "-3", "true", "null", '"0.1"', "adam", "a b", "[8, 16]", '{"a": 1}', ""]


def conditions(operators: tuple[str, ...] = tuple(OPERATORS)) -> st.SearchStrategy[Condition]:
    def of(field: Field, operator: str) -> st.SearchStrategy[Condition]:
        if operator == "within":
            spans = st.sampled_from(["8d", "90m", "5s"])
            return st.builds(lambda span: Condition(Field(RUN, "created_at"), operator, (span,)), spans)
        quoted = st.sampled_from(VALUES[:-1]).map(lambda text: f'"{text.strip(chr(34))}"')
        if operator in ("<", "<=", ">", ">="):
            numbers = st.sampled_from(["0.1", "-3", "1e-05"])
            return numbers.map(lambda number: Condition(Field(CONFIG, "lr"), operator, (number,)))
        value = quoted if field.scope == RUN and operator not in ("contains", "regex") else st.sampled_from(VALUES)
        least, most = {0: (0, 0), 1: (1, 1), None: (1, 3)}[OPERATORS[operator].values]
        many = st.lists(value, min_size=least, max_size=most, unique=True)
        return many.map(lambda values: Condition(field, operator, tuple(values)))

    return st.tuples(st.sampled_from(FIELDS), st.sampled_from(operators)).flatmap(lambda it: of(*it))


def trees(leaf: st.SearchStrategy[Condition]) -> st.SearchStrategy[Filter]:
    def branch(parts: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        joins = st.sampled_from(["all", "any", "none"])
        return st.builds(
            lambda join, them: Branch(join, tuple(them)), joins, st.lists(parts, min_size=1, max_size=3, unique=True)
        )

    return st.recursive(leaf, branch, max_leaves=6)


def holds(filter: Filter, true: Container[str]) -> bool:
    """By which positive conditions do; the complements of "=" and the like are exact."""
    if isinstance(filter, Branch):
        parts = [holds(part, true) for part in filter.parts]
        return all(parts) if filter.join == "all" else any(parts) if filter.join == "any" else not any(parts)
    positive = {"!=": "=", "not in": "in", "not set": "set"}.get(filter.operator, filter.operator)
    if positive not in ("=", "in"):
        found = f"{filter.field} {positive} {filter.values}" in true
    else:
        read = unquoted if filter.field.scope == RUN else token_of
        found = any(f"{filter.field} = {read(value)}" in true for value in filter.values)
    return found != (positive != filter.operator)


class Asked:
    """Holds nothing, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def __contains__(self, text: object) -> bool:
        self.texts.add(str(text))
        return False


@given(st.lists(trees(conditions()), min_size=1, max_size=3), st.randoms())
def test_filters_told_and_read_again_hold_for_the_same_runs(filters: list[Filter], lot: Any) -> None:
    before = tuple(filters)
    after = conditions_from(json.loads(json.dumps(filters_said(before))), NAMES)
    asked = Asked()
    for filter in (*before, *after):
        holds(filter, asked)
    known = sorted(asked.texts)
    for _ in range(8):
        true = frozenset(it for it in known if lot.random() < 0.5)
        assert all(holds(it, true) for it in before) == all(holds(it, true) for it in after), (before, after)


@pytest.mark.parametrize(
    ("said", "conditions"),
    [
        ("Config('lr') == 0.1 and Metric('State') == 'Finished'", ('config.lr:=:0.1', 'state:=:finished')),
        ("Config('lr') <= 1 or Summary('val/loss') >= 2 and Tags() in ['a']",
         ("any(", "config.lr:<=:1", "all(", "summary.val/loss:>=:2", 'tags:in:a', ")", ")")),
        ("Metric('CreatedTimestamp') within_last 14 days", ("created_at:within:14d",)),
        ("Metric('Name') != 'x'", ('display_name:!=:x',)),
        ("Config('opt.name') not in ['adam', 'sgd']", ('config.opt.name:not in:adam:sgd',)),
        ("Config('lr') == None", ("any(", "config.lr:not set", "config.lr:=:null", ")")),
    ],
)  # fmt: skip
def test_filters_as_people_write_them(said: str, conditions: tuple[str, ...]) -> None:
    made = ws.Workspace(entity="e", project="p", runset_settings=ws.RunsetSettings(filters=said))
    filters = spec_of(made)["section"]["runSets"][0]["filters"]
    assert tuple(filter_texts(conditions_from(filters, NAMES))) == conditions


def test_the_older_form_of_filters_is_read_too() -> None:
    def leaf(**more: Any) -> dict[str, Any]:
        return {"key": {"section": "config", "name": "lr.value"}, "op": "=", "value": 1} | more

    tree = {"op": "OR", "filters": [{"op": "AND", "filters": [leaf(), leaf(disabled=True), leaf(op="!=", value=2)]}]}
    lr = Field(CONFIG, "lr")
    assert conditions_from(tree, NAMES) == (Condition(lr, "=", ("1",)), Condition(lr, "!=", ("2",)))


SPECS = {
    "title": ["Loss"], "xAxis": ["epoch", "_runtime", "_step"], "xMin": [1.0], "xMax": [5.5], "yMin": [0.5],
    "xLogScale": [True], "yLogScale": [True, False], "smoothingType": ["gaussian", "exponential", "none"],
    "smoothingWeight": [0.3, 0.9], "ignoreOutliers": [True], "limit": [3], "xTitle": ["x"], "yTitle": ["y"],
    "legendPosition": ["east"], "legendTemplate": ["${group}"], "groupAgg": ["median", "iqm"], "showLegend": [True],
    "groupArea": ["none", "ci95", "each", "stddev"], "align": ["bins"], "minRuns": [2], "lineWidth": [1.5],
    "sampleDeviation": [False],
}  # fmt: skip
specs = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in SPECS.items()})
groupings = st.sampled_from(
    [{}, {"groupBy": "none"}, {"groupBy": "fields", "groupFields": ["config.lr"]},
     {"groupBy": "fields", "groupFields": ["config.lr:log:4", "group"]}]
)  # fmt: skip
queries = st.builds(
    lambda search, filters, fields, grouped, sort, pinned, hidden, statistics: query_string(
        Runset(
            search=search, conditions=tuple(filters), fields=tuple(fields), grouped=grouped and bool(fields),
            sort=tuple(sort), pinned=tuple(pinned), hidden=frozenset(hidden), columns=statistics,
        ),
        Runset(),
    ),
    st.sampled_from(["", "run", "/^a.*/", "two words"]),
    st.lists(trees(conditions()), max_size=2, unique=True),
    st.lists(st.sampled_from([*FIELDS, Split(CONFIG, "lr", "log", (4.0,))]), max_size=3, unique=True),
    st.booleans(),
    st.lists(st.builds(Sort, st.sampled_from(FIELDS), st.booleans()), max_size=2, unique_by=lambda it: it.field),
    st.lists(st.sampled_from(FIELDS), max_size=2, unique=True),
    st.lists(st.sampled_from([*RUNS, "0123456789abcdef"]), max_size=3),
    st.sampled_from([None, "differ"]),
)  # fmt: skip


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Any view of ours: with what the package can say, and what it can't."""
    panels: dict[str, Any] = {}
    added = []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(["line", "bar", "box", "scatter", "parallel"])))):
        key, section = uuid.UUID(int=number + 100).hex, draw(st.sampled_from(["val", "Charts", "Mine"]))
        metric = "summary.val/loss" if kind in ("scatter", "parallel") else draw(st.sampled_from(METRICS))
        added.append(Added(Panel(key, metric, kind), section))
        panels[key] = draw(specs) | draw(groupings)
        if kind == "scatter":
            panels[key] |= {"xColumn": "config.lr"}
    for metric in draw(st.lists(st.sampled_from(METRICS), unique=True)):
        panels[metric] = draw(specs) | draw(groupings)
    of_metrics = st.sampled_from(METRICS)
    return Content(
        query="&".join(
            filter(None, [draw(queries), draw(st.sampled_from(["", "x=epoch", "smoothing=gaussian:2&sync=zoom"]))])
        ),
        layout=Layout(
            removed=frozenset(draw(st.lists(of_metrics, max_size=2))),
            moved=draw(st.dictionaries(st.just("loss"), st.just("Mine"))),
            added=tuple(added),
            automatic=draw(st.booleans()),
        ),
        spec=draw(specs),
        sections=draw(st.dictionaries(st.sampled_from(["val", "Mine"]), specs.filter(bool), max_size=2)),
        panels={key: spec for key, spec in panels.items() if spec},
    )


def workspace_of(spec: dict[str, Any]) -> ws.Workspace:
    """As the package opens what it is told."""
    model = internal.WorkspaceViewspec.model_validate_json(json.dumps(spec))
    view = internal.View(entity="e", project="p", display_name="d", name="n", id="i", spec=model)
    return ws.Workspace._from_model(view)


def spec_of(workspace: ws.Workspace) -> dict[str, Any]:
    """As the package sends it."""
    return dict(json.loads(workspace._to_model().spec.model_dump_json(by_alias=True, exclude_none=True)))


@settings(max_examples=25)
@given(contents())
def test_a_view_that_the_package_opens_and_saves_is_as_it_was(content: Content) -> None:
    sent = spec_of(workspace_of(spec_told(content, NAMES)))
    after = content_changed(content, sent, NAMES)
    assert replace(after, kept=None, query="") == replace(content, query="")
    assert set((after.query or "").split("&")) == set((content.query or "").split("&"))
    # And again, from what it said then.
    again = spec_of(workspace_of(spec_told(after, NAMES)))
    assert again == sent
    assert replace(content_changed(after, again, NAMES), kept=None) == replace(after, kept=None)


@settings(max_examples=15)
@given(contents(), st.sampled_from(["median", "max"]))
def test_what_the_package_changes_is_changed_and_nothing_else(content: Content, agg: str) -> None:
    workspace = workspace_of(spec_told(content, NAMES))
    workspace.runset_settings.query, workspace.runset_settings.regex_query = "changed", False
    lines = [panel for section in workspace.sections for panel in section.panels if isinstance(panel, wr.LinePlot)]
    for panel in lines:
        panel.groupby_aggfunc = agg
    after = content_changed(content, spec_of(workspace), NAMES)
    assert "q=changed" in (after.query or "")
    assert after.layout == content.layout
    keys = [
        panel.key for section in content.layout.sections(METRICS) for panel in section.panels if panel.kind == "line"
    ]
    for key in keys:
        assert after.panels[key] == content.panels.get(key, {}) | {"groupAgg": agg}
    others = {key: spec for key, spec in content.panels.items() if key not in keys and key not in METRICS}
    assert {key: after.panels[key] for key in others} == others


def test_panels_removed_moved_and_added_by_the_package() -> None:
    content = Content(query="", layout=Layout(), panels={"loss": {"align": "bins"}, "val/acc": {"align": "bins"}})
    workspace = workspace_of(spec_told(content, NAMES))
    charts, val = workspace.sections
    assert [panel.y[0].name for panel in charts.panels] == ["epoch", "loss"]
    val.panels = [wr.BarPlot(metrics=["loss"]), charts.panels[1], *val.panels[1:]]
    charts.panels = charts.panels[:1]
    after = content_changed(content, spec_of(workspace), NAMES)
    assert (after.layout.removed, after.layout.moved, after.layout.automatic) == ({"val/acc"}, {"loss": "val"}, True)
    assert [it.panel.kind for it in after.layout.added] == ["bar"]
    assert after.panels == {"loss": {"align": "bins"}}


def test_what_is_changed_here_reaches_the_package_beside_what_it_alone_can_say() -> None:
    made = ws.Workspace(
        entity="e",
        project="p",
        sections=[
            ws.Section(
                name="A", panels=[wr.MarkdownPanel(markdown="hi"), wr.LinePlot(y=["loss"], plot_type="pct-area")]
            ),
            ws.Section(name="Empty"),
        ],
        runset_settings=ws.RunsetSettings(run_settings={"r1": ws.RunSettings(color="#ff0000")}),
    )
    content = content_new(spec_of(made), NAMES)
    ((key, spec),) = [(it.panel.key, content.panels.get(it.panel.key, {})) for it in content.layout.added]
    here = replace(
        content,
        query="group=group",
        panels={key: spec | {"title": "T"}},
        layout=content.layout.with_copy(key, copy="a" * 32),
    )
    again = workspace_of(spec_told(here, NAMES))
    markdown, line, copy = again.sections[0].panels
    assert (markdown.markdown, line.title, line.plot_type, copy.plot_type) == ("hi", "T", "pct-area", None)
    assert [section.name for section in again.sections] == ["A", "Empty"]
    assert again.runset_settings.run_settings["r1"].color == "#ff0000"
    assert [it.name for it in again.runset_settings.groupby] == ["Group"]


def test_one_panel_in_two_sections_is_two_panels() -> None:
    panel = wr.LinePlot(y=["loss"])
    made = ws.Workspace(
        entity="e", project="p", sections=[ws.Section(name=name, panels=[panel]) for name in ("A", "B")]
    )
    content = content_new(spec_of(made), NAMES)
    assert [it.section for it in content.layout.added] == ["A", "B"]
    assert len({it.panel.key for it in content.layout.added}) == 2
    assert content_changed(content, spec_of(workspace_of(spec_told(content, NAMES))), NAMES).layout == content.layout


@pytest.mark.parametrize(
    ("panel", "word"),
    [
        (wr.LinePlot(y=["loss"], groupby_aggfunc="sum"), "groupAgg"),
        (wr.LinePlot(metric_regex="nothing-so-called"), "nothing-so-called"),
        (wr.LinePlot(y=["loss"], range_x=(5, 1)), "xMax"),
        (wr.BarPlot(metrics=["a", "b"]), "one metric"),
        (wr.ScatterPlot(x="run.createdAt", y="loss"), "column"),
        (wr.LinePlot(title="T", y=["loss"], smoothing_type="gaussian", smoothing_factor=1000), "'T' in 'A'"),
    ],
)
def test_what_cant_be_drawn_is_refused_by_name(panel: Any, word: str) -> None:
    made = ws.Workspace(entity="e", project="p", sections=[ws.Section(name="A", panels=[panel])])
    with pytest.raises(GraphQLError, match=word):
        content_new(spec_of(made), NAMES)


@pytest.mark.parametrize(
    "spec",
    [
        {"section": 1}, {"section": {"runSets": [1]}}, {"section": {"runSets": [{"filters": {"filters": 3}}]}},
        {"section": {"panelBankConfig": {"sections": [{"name": ""}]}}},
        {"section": {"panelBankConfig": {"sections": [{"name": "a"}, {"name": "a"}]}}},
        {"section": {"panelBankConfig": {"sections": [{"name": "a", "panels": [{"__id__": 3}]}]}}},
        {"section": {"runSets": [{"grouping": [{"section": "keys_info", "name": "x"}]}]}},
        {"section": {"runSets": [{"selections": {"root": 0}}]}},
        {"section": {"runSets": [{"search": {"query": "(", "isRegex": True}}]}},
        {"section": {"runSets": [{"runFeed": {"columnPinned": {"nowhere": True}}}]}},
        {"section": {"settings": {"smoothingType": "gaussian", "smoothingWeight": 1e9}}},
        {"section": {"settings": {"smoothingType": "x" * 600, "smoothingWeight": 1}}},
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(GraphQLError):
        content_new(spec, NAMES)


json_values = st.recursive(
    st.none() | st.integers(0, 2) | st.text("ab", max_size=1),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "__id__"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values, json_values)
def test_a_merge_carries_all_of_a_change_and_nothing_of_none(base: Any, other: Any) -> None:
    assert carried(base, base, other) == other
    assert carried(base, other, base) == other


def test_the_order_of_panels_is_kept_with_what_the_package_changes_besides_and_is_the_packages_to_change() -> None:
    content = Content(query="", layout=Layout().with_order("Charts", ["loss", "epoch"], METRICS))
    workspace = workspace_of(spec_told(content, NAMES))
    charts, val = workspace.sections
    assert [panel.y[0].name for panel in charts.panels] == ["loss", "epoch"]
    val.panels = [*val.panels, wr.BarPlot(metrics=["loss"])]
    after = content_changed(content, spec_of(workspace), NAMES)
    assert [it.panel.kind for it in after.layout.added] == ["bar"]
    (shown, *_) = after.layout.sections(METRICS)
    assert [panel.key for panel in shown.panels] == ["loss", "epoch"]
    assert after.layout.order == content.layout.order
    workspace = workspace_of(spec_told(after, NAMES))
    workspace.sections[0].panels = workspace.sections[0].panels[::-1]
    workspace.sections[1].panels = workspace.sections[1].panels[::-1]
    again = content_changed(after, spec_of(workspace), NAMES)
    charts, val = again.layout.sections(METRICS)
    assert [panel.key for panel in charts.panels] == ["epoch", "loss"]
    assert [panel.kind for panel in val.panels][0] == "bar"
    assert "Charts" not in again.layout.order
