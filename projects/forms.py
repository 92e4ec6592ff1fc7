"""The form of a line plot's settings, as data: which tab holds which setting, and what its spec key may be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import orjson

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
    TOOLTIP_VARIABLES,
    X_AXES,
    Choice,
    LinePlot,
    SpecError,
)
from projects.charts.multiples import MOST_CHARTS

_PER_ROW = 5
_INPUTS = 3  # of a list, to be filled in, at least


@dataclass(frozen=True, slots=True)
class Option:
    key: str
    label: str
    hint: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """`kind`: segmented, select, number, range, text, flag, checks (any of several) or list (several texts, in order).

    `key`: its spec key, of a range that of its lower end. `value` of a list: pairs of a text and its input's name.
    """

    kind: str
    key: str
    label: str
    value: object = None
    hint: str = ""
    rows: tuple[tuple[Option, ...], ...] = ()
    high_key: str = ""
    high_value: object = None
    placeholder: str = ""
    suggests: str = ""  # what, as one types: "fields" or "metrics"


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    label: str
    settings: tuple[Setting, ...]


def settings_tabs(plot: LinePlot, *, metric: str, metrics: Iterable[str], default_axis: str) -> tuple[Tab, ...]:
    """The tabs of the settings dialog, in order, filled with what `plot` says.

    `metrics`: what may be an x axis. `default_axis`: what is one unless another is chosen.
    """
    logged = (Choice(name, name, "A logged metric.") for name in metrics if name != metric)
    default = next((choice.label for choice in X_AXES if choice.key == default_axis), default_axis)
    axes = (Choice("", f"Default: {default}", "What the runs defined for this metric."), *X_AXES, *logged)
    data = (
        _list(
            "metrics",
            "Y: metrics",
            plot.metrics,
            hint="A line for each group and metric.",
            placeholder=metric,
            suggests="metrics",
            each="Metric {}",
        ),
        Setting(
            "text",
            "metricRegex",
            "Y: metrics that match",
            plot.metric_regex,
            hint="A regular expression, found anywhere in the name.",
            placeholder="^val/",
        ),
        Setting(
            "number",
            "metricLimit",
            "Metrics drawn at most",
            plot.metric_limit,
            hint="Where there are several, dashes tell them apart.",
        ),
        Setting("text", "xColumn", "X axis", plot.x_column, placeholder="config.lr", suggests="columns"),
        Setting("text", "yColumn", "Y axis", plot.y_column, placeholder=metric, suggests="columns"),
        _list(
            "columns",
            "Columns",
            plot.columns,
            hint="An axis for each, from left to right.",
            placeholder="config.lr",
            suggests="columns",
            each="Column {}",
        ),
        Setting(
            "text",
            "colourBy",
            "Colour by",
            plot.colour_by,
            hint="A column in place of the groups.",
            placeholder="summary.val/acc",
            suggests="columns",
        ),
        _select("xAxis", "X axis", axes, plot.x_axis),
        Setting("range", "xMin", "X range", plot.x_min, high_key="xMax", high_value=plot.x_max),
        Setting("range", "yMin", "Y range", plot.y_min, high_key="yMax", high_value=plot.y_max),
        Setting("flag", "xLogScale", "Logarithmic x axis", plot.x_log_scale),
        Setting("flag", "yLogScale", "Logarithmic y axis", plot.y_log_scale),
        _select("smoothingType", "Smoothing", SMOOTHINGS, plot.smoothing_type),
        Setting(
            "number",
            "smoothingWeight",
            "Smoothing weight",
            plot.smoothing_weight,
            hint="EMA: 0 to below 1. Gaussian: standard deviation in points. Running average: points on either side.",
        ),
        Setting(
            "flag",
            "showOriginalAfterSmoothing",
            "Show original",
            plot.show_original_after_smoothing,
            hint="A thin line of what was logged, beneath the smoothed one.",
        ),
        Setting(
            "flag",
            "ignoreOutliers",
            "Ignore outliers when scaling",
            plot.ignore_outliers,
            hint="The y axis shows the middle 90 % and half as much around it. A double click shows everything.",
        ),
        Setting(
            "number",
            "limit",
            "Groups drawn at most",
            plot.limit,
            hint="In table order; ungrouped, runs. A group always averages all of its runs.",
        ),
    )
    display = (
        _segmented("boxShape", "Shape", BOX_SHAPES, plot.box_shape),
        Setting("text", "title", "Title", plot.title, placeholder=metric),
        Setting("text", "xTitle", "X axis title", plot.x_title),
        Setting("text", "yTitle", "Y axis title", plot.y_title),
        Setting("number", "lineWidth", "Line width", plot.line_width, hint="In pixels."),
        Setting("flag", "markPoints", "Mark points", plot.mark_points),
        Setting(
            "text",
            "chartsBy",
            "One chart per value of",
            plot.charts_by,
            hint=f"A column: its first {MOST_CHARTS} values, side by side, each with the runs that have it.",
            placeholder="config.optimizer",
            suggests="fields",
        ),
        Setting(
            "text",
            "dashBy",
            "Dash by",
            plot.dash_by,
            hint="A column: each of its values has a dash of its own. Groups whose runs differ in it stay solid.",
            placeholder="config.optimizer",
            suggests="fields",
        ),
    )
    legend = (
        Setting("flag", "showLegend", "Show a legend", plot.show_legend),
        _segmented("legendPosition", "Position", LEGEND_POSITIONS, plot.legend_position),
        Setting(
            "text",
            "legendTemplate",
            "Names of lines",
            plot.legend_template,
            hint="With ${group}, ${run:displayName}, ${config:key}, ${summary:key}.",
            placeholder="${group}",
        ),
        Setting(
            "text",
            "tooltipTemplate",
            "Tooltip",
            plot.tooltip_template,
            hint="With " + ", ".join(f"${{{name}}}" for name in TOOLTIP_VARIABLES) + ".",
            placeholder="${mean} ± ${stddev} (${count} runs)",
        ),
    )
    advanced = (
        _segmented("groupAgg", "Line", GROUP_AGGS, plot.group_agg),
        _segmented("groupArea", "Shading", GROUP_AREAS, plot.group_area),
        Setting(
            "flag",
            "groupMeans",
            "Group means",
            plot.group_means,
            hint="A mark at the mean of each group’s runs; the shading is its error bars.",
        ),
        _segmented("groupBy", "Group this panel by", GROUP_BYS, plot.group_by),
        _list(
            "groupFields",
            "Chosen fields",
            plot.group_fields,
            hint="The outermost first.",
            placeholder="config.lr",
            suggests="fields",
            each="Field {} to group by",
        ),
        _segmented("align", "Align", ALIGNS, plot.align),
        _segmented("endedEarly", "Runs that ended early", EARLY_ENDS, plot.ended_early),
        Setting(
            "checks",
            "states",
            "Include states",
            hint="None ticked: runs of every state count.",
            rows=(tuple(Option(it.key, it.label, it.hint, it.key in plot.states) for it in STATES),),
        ),
        Setting("number", "minRuns", "Hide where fewer runs than", plot.min_runs, hint="Of a group, at that x."),
        Setting(
            "flag",
            "sampleDeviation",
            "Std dev of a sample (n − 1)",
            plot.sample_deviation,
            hint="Off: of the population (n). Standard errors and intervals are always of a sample.",
        ),
    )
    return (
        Tab("data", "Data", data),
        Tab("display", "Display", display),
        Tab("legend", "Legend", legend),
        Tab("advanced", "Advanced", advanced),
    )


def only(tabs: Iterable[Tab], keys: Collection[str]) -> tuple[Tab, ...]:
    """The tabs with these settings alone, those left empty out."""
    kept = (replace(tab, settings=tuple(it for it in tab.settings if it.key in keys)) for tab in tabs)
    return tuple(tab for tab in kept if tab.settings)


def line_plot_from_json(text: bytes | str) -> LinePlot:
    """The settings a browser sent. Raises SpecError; what is not a JSON object is an error of the key ""."""
    try:
        spec = orjson.loads(text)
    except orjson.JSONDecodeError:
        spec = None
    if not isinstance(spec, dict):
        raise SpecError({"": "The settings are not a JSON object."})
    return LinePlot.from_spec(spec)


def _list(
    key: str, label: str, values: Sequence[str], *, each: str, hint: str, placeholder: str, suggests: str
) -> Setting:
    """At least one input is empty. `each`: what one is called, "{}" its number."""
    texts = (*values, *[""] * max(1, _INPUTS - len(values)))
    inputs = tuple((text, each.format(number)) for number, text in enumerate(texts, 1))
    return Setting("list", key, label, inputs, hint, placeholder=placeholder, suggests=suggests)


def _options(choices: Sequence[Choice], value: str) -> tuple[Option, ...]:
    return tuple(Option(choice.key, choice.label, choice.hint, choice.key == value) for choice in choices)


def _select(key: str, label: str, choices: Sequence[Choice], value: str) -> Setting:
    known = value in {choice.key for choice in choices}
    own = () if known else (Choice(value, value, "Not logged in this project."),)
    return Setting("select", key, label, value, rows=(_options((*choices, *own), value),))


def _segmented(key: str, label: str, choices: Sequence[Choice], value: str) -> Setting:
    """One row, or two when they are too many for one; the hint is the chosen one's."""
    options = _options(choices, value)
    half = (len(options) + 1) // 2
    rows = (options,) if len(options) <= _PER_ROW else (options[:half], options[half:])
    hint = next(option.hint for option in options if option.chosen)
    return Setting("segmented", key, label, value, hint, rows)
