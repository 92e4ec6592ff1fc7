"""LinePlot: how one panel draws its metrics. Frozen settings, and the lists of choices that forms, docs and tests read.

A spec is a plain JSON object with the keys of the public line-plot spec where one exists (`xAxis`, `groupAgg` …); it
holds only what differs from the default.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from projects.query.fields import RUN_FIELDS, field_from, groupable
from projects.query.runset import CONFIG, RUN, SUMMARY, BadQuery, Field, Split
from projects.query.splits import group_field_from, group_field_text
from projects.query.texts import matcher
from runs.states import SHOWN_ORDER


class SpecError(ValueError):
    """A spec that can't be drawn. `errors`: spec key -> what is wrong with it, for the person who set it."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {text}" for key, text in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Choice:
    """One value a setting may have: the spec's word, the person's word, and a sentence."""

    key: str
    label: str
    hint: str


X_AXES = (
    Choice("_step", "Step", "The step the client counted."),
    Choice("_absolute_runtime", "Relative time (wall)", "Seconds by the clock since the run began, pauses included."),
    Choice("_runtime", "Relative time (process)", "Seconds that the run's own processes have counted."),
    Choice("_timestamp", "Wall time", "The clock when the point was logged."),
)
GROUP_AGGS = (
    Choice("mean", "Mean", "Each run counts once."),
    Choice("median", "Median", "Half of the runs are above. Quartiles are the shading that goes with it."),
    Choice("iqm", "IQM", "Mean of the middle half of the runs; the plain mean where there are fewer than 4."),
    Choice("min", "Min", "The lowest value of any run."),
    Choice("max", "Max", "The highest value of any run."),
)
GROUP_AREAS = (
    Choice("none", "None", "Only the line."),
    Choice("minmax", "Min–max", "From the lowest to the highest value of any run."),
    Choice("stddev", "Std dev", "Mean ± the standard deviation between runs."),
    Choice("stderr", "Std err", "Mean ± the standard error, deviation / √n."),
    Choice("ci95", "95 % CI", "Mean ± t(0.975, n − 1) standard errors."),
    Choice("bootstrap", "95 % CI (bootstrap)", "Of the mean: percentiles over 2000 draws of whole runs."),
    Choice("quartiles", "Quartiles", "The middle half of the runs, 25 % to 75 %."),
    Choice("each", "Each run", "A thin line for every run."),
)
SMOOTHINGS = (
    Choice("none", "None", "Runs as they were logged."),
    Choice("exponentialTimeWeighted", "Time-weighted EMA", "EMA by distance on the x axis. Weight from 0 to below 1."),
    Choice("exponential", "EMA", "A point weighs as much as this times the next. Weight from 0 to below 1."),
    Choice("gaussian", "Gaussian", "Weight is the standard deviation, in points."),
    Choice("average", "Running average", "Weight is how many points on either side are taken in."),
)
ALIGNS = (
    Choice("auto", "Auto", "The logged x values where runs share them and all can be shown; else bins."),
    Choice("exact", "Exact x", "Every logged x by itself, as long as all can be shown."),
    Choice("bins", "Bins", "Runs meet in bins even where they share their x values."),
    Choice("interpolate", "Interpolate", "Between its own values a run has those of a straight line."),
    Choice("last", "Last value", "Between its own values a run has the one before."),
)
EARLY_ENDS = (
    Choice("available", "Available runs", "Statistics of the runs that have a value there."),
    Choice("all", "Where all have data", "Only where every run of the group that logged the metric has a value."),
    Choice("carry", "Carry last value", "A run keeps its last value up to where the last run of its group ends."),
)
GROUP_BYS = (
    Choice("same", "Same as table", "One line per group of the runs table."),
    Choice("none", "None", "One line per run."),
    Choice("fields", "Chosen fields", "One line per group of the fields below, whatever the table shows."),
)
STATES = tuple(Choice(state.value, state.label, f"Runs that are {state.label.lower()}.") for state in SHOWN_ORDER)
LEGEND_POSITIONS = (
    Choice("north", "Top", "Above the plot."),
    Choice("south", "Bottom", "Below the plot."),
    Choice("east", "Right", "Right of the plot."),
    Choice("west", "Left", "Left of the plot."),
)
BOX_SHAPES = (
    Choice("box", "Box", "Quartiles, and whiskers to the last run within 1.5 times the box’s height."),
    Choice("violin", "Violin", "How densely the runs lie, around a narrow box."),
)
TOOLTIP_VARIABLES = ("x", "y", "mean", "median", "stddev", "stderr", "min", "max", "count")
# What all panels together, or a section, can't say.
OF_ONE_PANEL = frozenset({"metrics", "metricRegex", "xColumn", "yColumn", "columns"})
VARIABLE = re.compile(r"\$\{([^{}]*)\}")
MAX_FIELDS = 8
MAX_LINES = 1000
MAX_METRICS = 100
MAX_COLUMNS = 20
MAX_SMOOTHING = 100
MOST_RUNS = 100_000


def _one_of(choices: Iterable[Choice]) -> Callable[[object], str]:
    keys = [choice.key for choice in choices]

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in keys:
            raise ValueError(f"Must be one of {', '.join(keys)}.")
        return value

    return check


def _several_of(choices: Iterable[Choice]) -> Callable[[object], tuple[str, ...]]:
    keys = [choice.key for choice in choices]

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not all(item in keys for item in value):
            raise ValueError(f"Must be a list of some of {', '.join(keys)}.")
        return tuple(key for key in keys if key in value)

    return check


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 500:
        raise ValueError("Must be a text of at most 500 characters.")
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("Has characters that can't be stored.")
    return value


def legend_field(variable: str) -> Field | None:
    """What `${variable}` stands for in a legend: `run:displayName`, `config:key`, `summary:key`; None for `group`.

    Raises ValueError.
    """
    scope, _, key = variable.partition(":")
    if variable == "group":
        return None
    if scope in (CONFIG, SUMMARY) and key:
        return Field(scope, key)
    name = re.sub("[A-Z]", lambda found: "_" + found[0].lower(), key)
    if scope != RUN or name not in RUN_FIELDS or not groupable(Field(RUN, name)):
        raise ValueError(
            f"${{{variable}}} is not known: ${{group}}, ${{run:displayName}}, ${{config:…}}, ${{summary:…}}."
        )
    return Field(RUN, name)


def _legend_template(value: object) -> str:
    text = _text(value)
    for found in VARIABLE.finditer(text):
        legend_field(found[1])
    return text


def _tooltip_template(value: object) -> str:
    text = _text(value)
    for found in VARIABLE.finditer(text):
        if found[1] not in TOOLTIP_VARIABLES:
            raise ValueError(f"{found[0]} is not known: {', '.join(f'${{{name}}}' for name in TOOLTIP_VARIABLES)}.")
    return text


def _field(value: object) -> str:
    """A field whose values tell runs apart, as text; "" is none."""
    text = _text(value)
    if text and isinstance(group_field_from(text), Split):
        raise ValueError("Must be a field by itself.")
    return text


def _column(value: object) -> str:
    """A config or summary column, as text; "" is none."""
    text = _text(value)
    if text and field_from(text).scope == RUN:
        raise ValueError("Must be a config or a summary column.")
    return text


def _columns(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MAX_COLUMNS:
        raise ValueError(f"Must be a list of at most {MAX_COLUMNS} columns.")
    return tuple(dict.fromkeys(text for item in value if (text := _column(item))))


def _group_field(value: object) -> str:
    """A field that runs can be grouped by, as text; "" is none."""
    text = _text(value)
    return group_field_text(group_field_from(text)) if text else ""


def _fields(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MAX_FIELDS:
        raise ValueError(f"Must be a list of at most {MAX_FIELDS} fields.")
    return tuple(dict.fromkeys(text for item in value if (text := _group_field(item))))


def _x_axis(value: object) -> str:
    """A built-in axis, any logged metric, or "": the client keeps names that start with "_" to itself."""
    key = _text(value)
    if key.startswith("_") and key not in {choice.key for choice in X_AXES}:
        raise ValueError(f"Must be one of {', '.join(choice.key for choice in X_AXES)}, or a logged metric.")
    return key


def _metrics(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MAX_METRICS:
        raise ValueError(f"Must be a list of at most {MAX_METRICS} metric names.")
    return tuple(dict.fromkeys(text for item in value if (text := _text(item))))


def _regex(value: object) -> str:
    text = _text(value)
    try:
        matcher(text)
    except BadQuery as error:
        raise ValueError(f"{error}.") from None
    return text


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Must be true or false.")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1e300:
        raise ValueError("Must be a number.")
    return float(value)


def _bound(value: object) -> float | None:
    return None if value is None else _number(value)


def _line_width(value: object) -> float:
    width = _number(value)
    if not 0.25 <= width <= 20:
        raise ValueError("Must be a number from 0.25 to 20.")
    return width


def _smoothing_weight(value: object) -> float:
    weight = _number(value)
    if not 0 <= weight <= MAX_SMOOTHING:
        raise ValueError(f"Must be a number from 0 to {MAX_SMOOTHING}.")
    return weight


def _whole(most: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        count = _number(value)
        if not 1 <= count <= most or count != math.floor(count):
            raise ValueError(f"Must be a whole number from 1 to {most}.")
        return int(count)

    return check


def _setting(default: Any, check: Callable[[object], object]) -> Any:
    return field(default=default, metadata={"check": check})


def _spec_key(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Settings of a line plot. Made by `from_spec`, which checks; the defaults are a valid plot."""

    metrics: tuple[str, ...] = _setting((), _metrics)  # drawn in place of the panel's own
    metric_regex: str = _setting("", _regex)  # and every other whose name it matches anywhere; "": none
    metric_limit: int = _setting(10, _whole(MAX_METRICS))  # how many metrics are drawn
    x_column: str = _setting("", _column)  # of a scatter plot
    y_column: str = _setting("", _column)  # "": what the panel is called by
    columns: tuple[str, ...] = _setting((), _columns)  # axes of parallel coordinates; (): what the panel is called by
    colour_by: str = _setting("", _column)  # of parallel coordinates; "": the group
    group_means: bool = _setting(False, _flag)  # of a scatter plot, with the shading as error bars
    box_shape: str = _setting("box", _one_of(BOX_SHAPES))
    x_axis: str = _setting("", _x_axis)  # "": the step metric that the runs defined for the metric, else the step
    x_min: float | None = _setting(None, _bound)  # in the units of the x axis; seconds for times
    x_max: float | None = _setting(None, _bound)
    y_min: float | None = _setting(None, _bound)
    y_max: float | None = _setting(None, _bound)
    x_log_scale: bool = _setting(False, _flag)
    y_log_scale: bool = _setting(False, _flag)
    smoothing_type: str = _setting("none", _one_of(SMOOTHINGS))
    smoothing_weight: float = _setting(0.6, _smoothing_weight)  # in the unit of the type
    show_original_after_smoothing: bool = _setting(False, _flag)
    ignore_outliers: bool = _setting(False, _flag)  # when the y axis is scaled; an end that is given holds
    limit: int = _setting(10, _whole(MAX_LINES))  # how many groups (ungrouped: runs) are drawn
    title: str = _setting("", _text)
    x_title: str = _setting("", _text)
    y_title: str = _setting("", _text)
    line_width: float = _setting(2.0, _line_width)
    mark_points: bool = _setting(False, _flag)
    charts_by: str = _setting("", _field)  # a field: each of its values has a small chart
    dash_by: str = _setting("", _field)  # a field: each of its values has a dash of its own
    show_legend: bool = _setting(False, _flag)
    legend_position: str = _setting("north", _one_of(LEGEND_POSITIONS))
    legend_template: str = _setting("", _legend_template)  # names of lines; "": the group, or the run's name
    tooltip_template: str = _setting("", _tooltip_template)  # "": the statistic, its band, n of N runs
    group_agg: str = _setting("mean", _one_of(GROUP_AGGS))
    group_area: str = _setting("stddev", _one_of(GROUP_AREAS))
    group_by: str = _setting("same", _one_of(GROUP_BYS))
    group_fields: tuple[str, ...] = _setting((), _fields)  # for "fields", the outermost first
    align: str = _setting("auto", _one_of(ALIGNS))
    ended_early: str = _setting("available", _one_of(EARLY_ENDS))
    min_runs: int = _setting(1, _whole(MOST_RUNS))  # a group is drawn where it has at least as many
    states: tuple[str, ...] = _setting((), _several_of(STATES))  # runs of these only; (): of all
    sample_deviation: bool = _setting(True, _flag)  # n − 1; else n

    @classmethod
    def from_spec(cls, spec: Mapping[str, object]) -> LinePlot:
        """Raises SpecError naming every unknown key and every wrong value."""
        settings = {_spec_key(item.name): item for item in fields(cls)}
        values: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for key, value in spec.items():
            if key not in settings:
                errors[str(key)] = "Is not a setting of a line plot."
                continue
            try:
                values[settings[key].name] = settings[key].metadata["check"](value)
            except ValueError as error:
                errors[key] = str(error)
        plot = cls(**values)
        errors |= {key: text for key, text in plot._errors_together().items() if key not in errors}
        if errors:
            raise SpecError(errors)
        return plot

    def to_spec(self, *, whole: bool = False) -> dict[str, object]:
        """Only what differs from the default, or all; `from_spec` gives the same plot back."""
        values = {item: getattr(self, item.name) for item in fields(self)}
        return {
            _spec_key(item.name): list(value) if isinstance(value, tuple) else value
            for item, value in values.items()
            if whole or value != item.default
        }

    def heeding(self, keys: Collection[str]) -> LinePlot:
        """With these settings alone; the others have their defaults."""
        return LinePlot.from_spec({key: value for key, value in self.to_spec().items() if key in keys})

    @property
    def smoothed(self) -> bool:
        return self.smoothing_type != "none" and self.smoothing_weight > 0

    def _errors_together(self) -> dict[str, str]:
        """Of settings that are right by themselves and wrong with another."""
        errors = {}
        if self.group_by == "fields" and not self.group_fields:
            errors["groupFields"] = "Choose a field to group by."
        if self.smoothing_type.startswith("exponential") and self.smoothing_weight >= 1:
            errors["smoothingWeight"] = "Must be below 1 for an EMA."
        for axis, low, high, log in (
            ("x", self.x_min, self.x_max, self.x_log_scale),
            ("y", self.y_min, self.y_max, self.y_log_scale),
        ):
            if low is not None and high is not None and low >= high:
                errors[f"{axis}Max"] = "Must be above the minimum."
            for end, value in (("Min", low), ("Max", high)):
                if log and value is not None and value <= 0:
                    errors[f"{axis}{end}"] = "Must be above 0 on a log axis."
        return errors


def settings_keys() -> frozenset[str]:
    """Of all settings there are."""
    return frozenset(LinePlot().to_spec(whole=True))
