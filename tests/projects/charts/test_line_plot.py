import json

import pytest

from projects.charts.line_plot import (
    ALIGNS,
    BOX_SHAPES,
    EARLY_ENDS,
    GROUP_AGGS,
    GROUP_AREAS,
    GROUP_BYS,
    LEGEND_POSITIONS,
    SMOOTHINGS,
    STATES,
    X_AXES,
    LinePlot,
    SpecError,
)

EVERYTHING = {
    "metrics": ["train/loss", "val/loss"],
    "metricRegex": "^val/",
    "metricLimit": 7,
    "xColumn": "config.lr",
    "yColumn": "summary.val/acc",
    "groupMeans": True,
    "boxShape": "violin",
    "columns": ["config.lr", "summary.val/acc"],
    "colourBy": "config.optimizer",
    "xAxis": "_runtime",
    "xMin": 1.0,
    "xMax": 2.5,
    "yMin": 0.5,
    "yMax": 10.0,
    "xLogScale": True,
    "yLogScale": True,
    "smoothingType": "exponential",
    "smoothingWeight": 0.9,
    "showOriginalAfterSmoothing": True,
    "ignoreOutliers": True,
    "limit": 37,
    "title": "Loss",
    "xTitle": "t",
    "yTitle": "nats",
    "lineWidth": 1.5,
    "markPoints": True,
    "chartsBy": "config.optimizer",
    "dashBy": "config.optimizer",
    "legendTemplate": "${run:displayName} ${config:lr} ${summary:acc} ${group}",
    "tooltipTemplate": "${mean} ± ${stddev}",
    "showLegend": True,
    "legendPosition": "east",
    "groupAgg": "median",
    "groupArea": "quartiles",
    "groupBy": "fields",
    "groupFields": ["config.lr", "job_type"],
    "align": "interpolate",
    "endedEarly": "carry",
    "minRuns": 3,
    "states": ["running", "crashed"],
    "sampleDeviation": False,
}


def test_an_empty_spec_is_the_default_plot() -> None:
    plot = LinePlot.from_spec({})
    assert plot == LinePlot()
    assert plot.to_spec() == {}
    assert (plot.group_agg, plot.group_area, plot.x_axis, plot.limit) == ("mean", "stddev", "", 10)


def test_every_setting_survives_the_way_to_json_and_back() -> None:
    plot = LinePlot.from_spec(EVERYTHING)
    assert plot.to_spec() == EVERYTHING
    assert LinePlot.from_spec(json.loads(json.dumps(plot.to_spec()))) == plot
    assert len(EVERYTHING) == len(LinePlot.__dataclass_fields__)


def test_a_spec_holds_only_what_differs_from_the_default() -> None:
    assert LinePlot.from_spec({"groupAgg": "mean", "limit": 10, "groupArea": "minmax"}).to_spec() == {
        "groupArea": "minmax"
    }


def test_the_labels_are_those_of_the_settings_dialog() -> None:
    assert [choice.label for choice in GROUP_AGGS] == ["Mean", "Median", "IQM", "Min", "Max"]
    assert [choice.label for choice in GROUP_AREAS] == [
        "None",
        "Min–max",
        "Std dev",
        "Std err",
        "95 % CI",
        "95 % CI (bootstrap)",
        "Quartiles",
        "Each run",
    ]
    assert [choice.label for choice in X_AXES] == [
        "Step",
        "Relative time (wall)",
        "Relative time (process)",
        "Wall time",
    ]


@pytest.mark.parametrize(
    "choices",
    [ALIGNS, BOX_SHAPES, EARLY_ENDS, GROUP_AGGS, GROUP_AREAS, GROUP_BYS, LEGEND_POSITIONS, SMOOTHINGS, STATES, X_AXES],
)
def test_choices_have_different_keys_and_labels(choices: tuple) -> None:
    assert len({choice.key for choice in choices}) == len({choice.label for choice in choices}) == len(choices)
    assert all(choice.hint.endswith(".") for choice in choices)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "red"),
        ("metrics", ["a"] * 101),
        ("metricRegex", "("),
        ("xColumn", "state"),
        ("columns", ["config.lr"] * 21),
        ("columns", "config.lr"),
        ("colourBy", "state"),
        ("yColumn", 5),
        ("group_agg", "mean"),
        ("groupAgg", "average"),
        ("groupAgg", None),
        ("groupAgg", ["mean"]),
        ("groupArea", "Std dev"),
        ("groupBy", "lr"),
        ("groupFields", "config.lr"),
        ("groupFields", ["lr"]),
        ("groupFields", ["config.lr"] * 9),
        ("dashBy", "duration"),
        ("chartsBy", "config.lr:log:4"),
        ("dashBy", "optimizer"),
        ("legendTemplate", "${lr}"),
        ("legendTemplate", "${run:runs}"),
        ("legendTemplate", "${config:}"),
        ("tooltipTemplate", "${mode}"),
        ("states", "running"),
        ("states", ["sleeping"]),
        ("states", [["running"]]),
        ("ignoreOutliers", 1),
        ("xAxis", "_steps"),
        ("xAxis", 3),
        ("xAxis", "a\0b"),
        ("metrics", "loss"),
        ("metrics", [1]),
        ("limit", 0),
        ("limit", 1.5),
        ("limit", True),
        ("limit", "10"),
        ("limit", 1001),
        ("xMin", "0"),
        ("xMin", float("nan")),
        ("yMax", float("inf")),
        ("xLogScale", 1),
        ("title", "\ud800"),
        ("title", "x" * 501),
        ("lineWidth", 0),
        ("lineWidth", 10**400),
        ("legendPosition", "top"),
        ("endedEarly", "Available runs"),
        ("align", "Auto"),
        ("minRuns", 0),
        ("minRuns", 2.5),
        ("smoothingType", "ema"),
        ("smoothingWeight", -0.1),
        ("smoothingWeight", 101),
    ],
)
def test_wrong_settings_are_named(key: str, value: object) -> None:
    with pytest.raises(SpecError) as caught:
        LinePlot.from_spec({key: value, "title": value if key == "title" else "fine"})
    assert list(caught.value.errors) == [key]
    assert caught.value.errors[key].endswith(".")


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        LinePlot.from_spec({"limit": -1, "nonsense": 1, "xMin": 5, "xMax": 4, "yMin": 0, "yLogScale": True})
    assert set(caught.value.errors) == {"limit", "nonsense", "xMax", "yMin"}


def test_an_exponential_average_needs_a_weight_below_1_and_the_others_do_not() -> None:
    for kind in ("exponential", "exponentialTimeWeighted"):
        with pytest.raises(SpecError) as caught:
            LinePlot.from_spec({"smoothingType": kind, "smoothingWeight": 1})
        assert list(caught.value.errors) == ["smoothingWeight"]
    assert LinePlot.from_spec({"smoothingType": "gaussian", "smoothingWeight": 1}).smoothing_weight == 1


def test_a_panel_of_its_own_grouping_needs_a_field() -> None:
    with pytest.raises(SpecError) as caught:
        LinePlot.from_spec({"groupBy": "fields"})
    assert list(caught.value.errors) == ["groupFields"]
    assert LinePlot.from_spec({"groupFields": ["config.lr", "", "config.lr"]}).group_fields == ("config.lr",)


def test_any_logged_metric_may_be_the_x_axis() -> None:
    assert LinePlot.from_spec({"xAxis": "epoch"}).x_axis == "epoch"
