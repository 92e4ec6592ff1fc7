"""A view's panels and the settings of many <-> ours (projects.layout.Panel, the spec keys of line_plot.LinePlot).

As ours: {"panel": key, "section", "kind", "metric", "spec"}. A kind of panel that is not here has no counterpart.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from projects.charts.line_plot import X_AXES, LinePlot, SpecError
from projects.panel_kinds import KINDS
from projects.query.fields import field_from
from projects.query.runset import BadQuery
from projects.query.splits import group_field_from, group_field_text
from projects.query.texts import matcher
from tracker.wire.viewspec.words import (
    Names,
    column_from,
    column_text,
    group_from,
    group_text,
    metric_from,
    objects,
    said,
    texts,
)

Spec = dict[str, Any]
Panel = dict[str, Any]

OWN = "metric:"  # before the name of a metric: the id of the panel it has by itself

_IDS = uuid.UUID("0b6f7f0e-54b5-5a0c-8c31-5d3f0b6c0d57")
_OF_US = re.compile("[0-9a-f]{32}")
_AXES = {"xAxisMin": "xMin", "xAxisMax": "xMax", "yAxisMin": "yMin", "yAxisMax": "yMax"}
_SAME = {name: name for name in ("xLogScale", "yLogScale", "ignoreOutliers", "showOriginalAfterSmoothing", "limit")}
_TITLES = {"xAxisTitle": "xTitle", "yAxisTitle": "yTitle"}
_BARS = {"xAxisMin": "yMin", "xAxisMax": "yMax", "barLimit": "limit"}
_AREAS = {"samples": "each", "minmax": "minmax", "stddev": "stddev", "stderr": "stderr", "none": "none"}
_AGGS = ("mean", "median", "min", "max")
_STEP = X_AXES[0].key


@dataclass(frozen=True, slots=True)
class _Kind:
    """`plain`: settings that differ by their names alone, theirs -> ours. `read` and `say`: the others, and the metric
    and what else the panel is of."""

    view_type: str
    plain: Mapping[str, str]
    read: Callable[[Mapping[str, Any], Names], tuple[str, Spec]]
    say: Callable[[str, Spec], dict[str, Any]]


def panel_key(id: str) -> str:
    """Ours, of a panel's id there."""
    return id if _OF_US.fullmatch(id) else uuid.uuid5(_IDS, id).hex


def panel_from(panel: Mapping[str, Any], section: str, names: Names, *, own: bool) -> Panel | None:
    """None for one of a kind that is not ours. `own`: whether metrics have panels of their own. Raises GraphQLError."""
    kind = next((key for key, it in _KINDS.items() if it.view_type == panel.get("viewType")), None)
    if kind is None:
        return None
    of, id, config = _KINDS[kind], said(panel, "__id__", str, ""), said(panel, "config", dict, {})
    try:
        metric, spec = of.read(config, names)
        spec = {ours: config[theirs] for theirs, ours in of.plain.items() if config.get(theirs) is not None} | spec
        LinePlot.from_spec(spec)
    except (SpecError, BadQuery, GraphQLError) as error:
        raise GraphQLError(f"panel {said(config, 'chartTitle', str, '') or id!r} in {section!r}: {error}") from None
    key = panel_key(id)
    if own and kind == "line" and id.startswith(OWN) and (name := id.removeprefix(OWN)):
        if metric != name and "metrics" not in spec:
            spec["metrics"] = texts(config, "metrics")
        key = metric = name
    return {"panel": key, "section": section, "kind": kind, "metric": metric, "spec": spec}


def panel_said(panel: Panel, id: str) -> dict[str, Any]:
    of, spec = _KINDS[panel["kind"]], panel["spec"]
    config = {theirs: spec[ours] for theirs, ours in of.plain.items() if spec.get(ours) not in (None, "")}
    return {"__id__": id, "viewType": of.view_type, "config": config | of.say(panel["metric"], spec)}


def settings_from(settings: Mapping[str, Any]) -> Spec:
    """What many panels share: x axis and smoothing, as a spec; whole numbers of an EMA's weight are per cent."""
    spec = _axis(said(settings, "xAxis", str, "")) | _smoothing(settings)
    return spec | {
        ours: settings[theirs]
        for theirs, ours in _AXES.items()
        if theirs[0] == "x" and settings.get(theirs) is not None
    }


def settings_said(spec: Spec) -> dict[str, Any]:
    kind, weight = spec.get("smoothingType") or "none", spec.get("smoothingWeight")
    weight = LinePlot().smoothing_weight if weight is None else weight
    percent = 100 if kind.startswith("exponential") else 1
    said: dict[str, Any] = {
        "xAxis": spec.get("xAxis") or _STEP,
        "smoothingType": kind,
        "smoothingWeight": 0 if kind == "none" or not weight else max(1, round(weight * percent)),
    }
    said |= {theirs: spec[ours] for theirs, ours in _AXES.items() if theirs[0] == "x" and spec.get(ours) is not None}
    smoothed, moved = said["smoothingWeight"] > 0, said["xAxis"] != _STEP or len(said) > 3
    return said | {"smoothingActive": smoothed, "xAxisActive": moved}


def _axis(text: str) -> Spec:
    """Their Step is what is used unless something else is said, too."""
    name = metric_from(text)
    return {} if name in ("", _STEP) else {"xAxis": name}


def _smoothing(config: Mapping[str, Any]) -> Spec:
    kind, weight = said(config, "smoothingType", str, ""), said(config, "smoothingWeight", float, None)
    if not kind:
        return {} if not weight else {"smoothingType": "exponentialTimeWeighted", "smoothingWeight": _ema(weight)}
    if kind == "none" or weight == 0:
        return {}
    if weight is None:
        return {"smoothingType": kind}
    return {"smoothingType": kind, "smoothingWeight": _ema(weight) if kind.startswith("exponential") else weight}


def _ema(weight: float) -> float:
    return weight / 100 if weight >= 1 else weight


def _groups(config: Mapping[str, Any], names: Names) -> Spec:
    spec: Spec = {}
    if (text := said(config, "groupBy", str, "")) == "None":
        spec["groupBy"] = "none"
    elif text:
        spec |= {"groupBy": "fields", "groupFields": [group_field_text(group_from(text, names))]}
    agg, area = said(config, "groupAgg", str, ""), said(config, "groupArea", str, "")
    if area:
        spec["groupArea"] = _AREAS.get(area, area)
    if agg == "samples":
        spec |= {"groupArea": "each"}
    elif agg:
        spec["groupAgg"] = agg
    return spec


def _groups_said(spec: Spec) -> dict[str, Any]:
    areas = {ours: theirs for theirs, ours in _AREAS.items()}
    found: dict[str, Any] = {}
    if spec.get("groupBy") == "none":
        found["groupBy"] = "None"
    elif spec.get("groupBy") == "fields" and (text := group_text(group_field_from(spec["groupFields"][0]).plain)):
        found |= {"groupBy": text, "aggregate": True}
    if spec.get("groupAgg") in _AGGS:
        found["groupAgg"] = spec["groupAgg"]
    if spec.get("groupArea") in areas:
        found["groupArea"] = areas[spec["groupArea"]]
    return found


def _legend(config: Mapping[str, Any]) -> Spec:
    """One in words that are not ours is theirs alone."""
    spec = {"legendTemplate": said(config, "legendTemplate", str, "")}
    try:
        LinePlot.from_spec(spec)
    except SpecError:
        return {}
    return spec if spec["legendTemplate"] else {}


def _legend_said(spec: Spec) -> dict[str, Any]:
    return {"legendTemplate": spec["legendTemplate"]} if spec.get("legendTemplate") else {}


def _line(config: Mapping[str, Any], names: Names) -> tuple[str, Spec]:
    metrics = list(dict.fromkeys(metric_from(text) for text in texts(config, "metrics")))
    spec = _axis(said(config, "xAxis", str, "")) | _smoothing(config) | _groups(config, names) | _legend(config)
    if position := said(config, "legendPosition", str, ""):
        spec |= {"legendPosition": position}
    pattern = said(config, "metricRegex", str, "") if config.get("useMetricRegex") is not False else ""
    logged = set(names.metrics)
    matching: list[str] = []
    if pattern:
        spec["metricRegex"] = pattern
        matches = matcher(pattern)
        matching = [name for name in names.metrics if matches(name)]
    if not metrics and not matching:
        raise GraphQLError(f"no metric is called for that has been logged{f' ({pattern})' if pattern else ''}")
    if metrics and (len(metrics) > 1 or pattern):
        spec["metrics"] = metrics
    # A panel is shown once the metric it is called by is there.
    return next((name for name in metrics if name in logged), (metrics or matching)[0]), spec


def _line_said(metric: str, spec: Spec) -> dict[str, Any]:
    config: dict[str, Any] = {"xAxis": spec.get("xAxis") or _STEP, "metrics": list(spec.get("metrics") or ())}
    if pattern := spec.get("metricRegex"):
        config |= {"metricRegex": pattern, "useMetricRegex": True}
    elif not config["metrics"]:
        config["metrics"] = [metric]
    if "smoothingType" in spec or "smoothingWeight" in spec:
        config["smoothingType"] = spec.get("smoothingType") or "none"
        config["smoothingWeight"] = spec.get("smoothingWeight", LinePlot().smoothing_weight)
    if spec.get("legendPosition"):
        config["legendPosition"] = spec["legendPosition"]
    return config | _groups_said(spec) | _legend_said(spec)


def _one_metric(config: Mapping[str, Any]) -> str:
    metrics = [metric_from(text) for text in texts(config, "metrics")]
    if len(metrics) != 1:
        raise GraphQLError("this server draws the bars of one metric on a chart")
    return metrics[0]


def _bar(config: Mapping[str, Any], names: Names) -> tuple[str, Spec]:
    """Bars that lie have their values on the x axis."""
    x, y = ("xTitle", "yTitle") if said(config, "vertical", bool, False) else ("yTitle", "xTitle")
    titles = {x: said(config, "xAxisTitle", str, ""), y: said(config, "yAxisTitle", str, "")}
    spec = _groups(config, names) | {name: text for name, text in titles.items() if text}
    if config.get("barLimit") is None and config.get("limit") is not None:
        spec["limit"] = config["limit"]
    return _one_metric(config), spec


def _bar_said(metric: str, spec: Spec) -> dict[str, Any]:
    titles = {"xAxisTitle": spec.get("xTitle"), "yAxisTitle": spec.get("yTitle")}
    shown = {name: text for name, text in titles.items() if text}
    return {"metrics": [metric], "vertical": True} | _groups_said(spec) | shown


def _box(config: Mapping[str, Any], names: Names) -> tuple[str, Spec]:
    shape = said(config, "boxShape", str, "")
    return _one_metric(config), _groups(config, names) | ({"boxShape": shape} if shape else {})


def _box_said(metric: str, spec: Spec) -> dict[str, Any]:
    shape = {"boxShape": spec["boxShape"]} if spec.get("boxShape") else {}
    return {"metrics": [metric]} | _groups_said(spec) | shape


def _scatter(config: Mapping[str, Any], names: Names) -> tuple[str, Spec]:
    x, y = (str(column_from(said(config, axis, str, ""), names)) for axis in ("xAxis", "yAxis"))
    return y, {"xColumn": x, "yColumn": y} | _legend(config)


def _scatter_said(metric: str, spec: Spec) -> dict[str, Any]:
    x, y = (field_from(spec.get(axis) or metric) for axis in ("xColumn", "yColumn"))
    return {"xAxis": column_text(x), "yAxis": column_text(y)} | _legend_said(spec)


def _parallel(config: Mapping[str, Any], names: Names) -> tuple[str, Spec]:
    columns = [str(column_from(said(it, "accessor", str, ""), names)) for it in objects(config, "columns")]
    if not columns:
        raise GraphQLError("parallel coordinates need columns")
    return columns[-1], {"columns": list(dict.fromkeys(columns))}


def _parallel_said(metric: str, spec: Spec) -> dict[str, Any]:
    return {"columns": [{"accessor": column_text(field_from(it))} for it in spec.get("columns") or [metric]]}


_LOGS = {"xAxisLogScale": "xLogScale", "yAxisLogScale": "yLogScale"}
_TITLE = {"chartTitle": "title"}
_KINDS = {
    "line": _Kind("Run History Line Plot", _TITLE | _AXES | _SAME | _TITLES, _line, _line_said),
    "bar": _Kind("Bar Chart", _TITLE | _BARS, _bar, _bar_said),
    "box": _Kind("Box Plot", _TITLE | _BARS, _box, _box_said),
    "scatter": _Kind("Scatter Plot", _TITLE | _AXES | _LOGS, _scatter, _scatter_said),
    "parallel": _Kind("Parallel Coordinates Plot", _TITLE, _parallel, _parallel_said),
}
assert _KINDS.keys() == KINDS.keys()
