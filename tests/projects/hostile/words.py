"""Bad inputs, and good ones to spoil: what is put into addresses, forms and JSON that doors for people get."""

from __future__ import annotations

from projects.bulk import ACTS
from projects.charts import line_plot
from projects.charts.line_plot import LinePlot

# ruff: noqa: E501

# Texts that broke something somewhere.
HOSTILE = (
    "", " ", "0", "-0", "-1", "1e999", "-1e999", "NaN", "Infinity", "1e-400", "9" * 400, "9223372036854775808",
    "-9223372036854775809", "1_000", "0x10", "٣", "½", "1,5", "true", "null", "None", "undefined", "[]", "{}", '""', '"',
    "\0", "a\0b", "\x7f", "\x1b[31m", "\r\nSet-Cookie: a=b", "\u2028", "\ufeff", "\u202eabc", "e\u0301", "ﬀ", "İ", "ß",
    "😀", "\U0010ffff", "�", "%00", "%", "%s%n", "{0}", "${x}", "{{ 7*7 }}", "<script>alert(1)</script>",
    "' OR 1=1 --", "\\", "\\:", ":", "::", ",", "(", ")", "all(", ")(", "../../etc/passwd", "//evil.example/", "javascript:x",
    "http://[::1", "/", "?", "#", "&", "=", "+", "*", ".", "..", "a" * 5000, "a:" * 300, "(" * 300, "/(a+)+$/", "/[/", "/\\p{L}{1000}/",
    "__class__", "config.__class__", "pk", "id", "project__entity__name", "2026-02-30", "0000-00-00", "99999-01-01",
    "2026-01-01T25:00:00Z", "00000000-0000-0000-0000-000000000000", "f" * 32, "1" * 16, "NULL", "constructor", "__proto__",
)  # fmt: skip

FIELDS = (
    "config.lr", "config.seed", "config.name", "config.odd\\:key", "config.layers", "summary.loss", "summary.acc", "group",
    "job_type", "tags", "state", "name", "created", "user", "host", "created_day", "sweep", "config.none", "config.", "summary.",
    "history.loss", "x", "config.missing",
)  # fmt: skip
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "matches", "set", "unset", "within", "≠")
HOWS = (
    "equal",
    "log",
    "quantile",
    "edges",
    "explode",
    "whole",
    "median",
    "mean",
    "min",
    "max",
    "std",
    "latest",
    "first",
    "n",
)
NUMBERS = ("0.1", "3e-3", "2", "100", "101", "-5", "1e308", "1e-320", "0")

# Parameters of addresses and fields of forms, with values that mean something to some of them.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "q": ("r", "/r.*/"),
    "f": ("config.lr:>=:0.1", "any(", ")", "none("),
    "group": ("config.lr", "config.lr:log:4", "tags:whole"),
    "grouped": ("0", "1"),
    "sort": ("-summary.loss", "name"),
    "columns": ("*", "differ", "config.lr"),
    "pin": ("config.lr",),
    "stat": ("median:summary.loss",),
    "show": ("max:summary.loss",),
    "hide": ("a,b",),
    "open": ("a,b",),
    "page": ("1", "2"),
    "view": ("ffffffffffffffffffffffffffffffff",),
    "sweep": (),
    "within": ("g", ""),
    "x": ("_step", "_runtime", "count"),
    "smoothing": ("exponential:0.6",),
    "sync": ("1", "0"),
    "metric": ("loss", "count", "summary.loss"),
    "panel": ("loss", "ffffffffffffffffffffffffffffffff"),
    "kind": ("bar", "box", "scatter", "parallel"),
    "lo": ("0", "1.5"),
    "hi": ("3",),
    "cells": ("1000", "2000"),
    "settings": ("{}",),
    "of": ("panel", "section", "all"),
    "rows": ("group", "groups", "runs", "config.lr"),
    "cell": ("stddev", "ci95", "quartiles"),
    "best": ("summary.loss:min", "summary.loss:max"),
    "baseline": ("a",),
    "pair": ("config.seed",),
    "as": ("csv", "json", "parquet", "latex", "markdown"),
    "tab": ("overview", "charts", "console", "files"),
    "before": ("5",),
    "after": ("1",),
    "writer": ("",),
    "level": ("warn",),
    "from": ("1",),
    "field": FIELDS,
    "text": ("a",),
    "choose": ("config.lr",),
    "below": ("ffffffffffffffff",),
    "act": ("add:0",),
    "type": ("dataset",),
    "except": ("config.seed",),
    "replicates": ("1", "sizes"),
    "operator": OPERATORS,
    "value": ("0.1",),
    "join": ("any", "all", "none"),
    "end": ("",),
    "do": (
        "create",
        "rename",
        "delete",
        "add",
        "move",
        "duplicate",
        "remove",
        "reset",
        "update",
        "default",
        "hide",
        "undo",
        *ACTS,
    ),
    "name": ("mine",),
    "id": ("ffffffffffffffffffffffffffffffff",),
    "state": ("PAUSED",),
    "theme": ("dark",),
    "next": ("/lab/digits",),
    "username": ("olga",),
    "password": ("long enough a word",),
    "metrics": ("loss",),
    "section": ("Charts", "val"),
    "shared": ("true",),
    "on": ("ffffffffffffffff", "*"),
    "off": ("ffffffffffffffff",),
    "against": ("config.lr",),
    "by": ("config.lr",),
    "top": ("3",),
    "visibility": ("public",),
    "role": ("admin",),
    "email": ("a@b.example",),
    "format": ("json", "api"),
    "line": ("1",),
    "path": ("a.txt",),
}

_CHOICES = {
    "groupAgg": line_plot.GROUP_AGGS, "groupArea": line_plot.GROUP_AREAS, "smoothingType": line_plot.SMOOTHINGS,
    "align": line_plot.ALIGNS, "endedEarly": line_plot.EARLY_ENDS, "groupBy": line_plot.GROUP_BYS,
    "legendPosition": line_plot.LEGEND_POSITIONS, "boxShape": line_plot.BOX_SHAPES, "xAxis": line_plot.X_AXES,
}  # fmt: skip
_OF_TYPE: dict[type, tuple[object, ...]] = {
    bool: (True, False),
    int: (0, 1, 2, 5, 1000),
    float: (0, 0.5, 0.99, 1, 3, -1, 1e300),
    type(None): (None, 0, -1, 2.5, 1e300),
    str: ("", "config.lr", "count", "loss", "summary.acc", "^l", "${run:displayName} ${config:lr} ${mean}"),
    list: ([], ["config.lr"], ["loss", "count"], ["group", "config.layers:explode"], ["summary.loss", "config.lr"]),
}
# Each setting of panels, with values that it may have.
SETTINGS: dict[str, tuple[object, ...]] = {
    key: tuple(choice.key for choice in _CHOICES[key]) if key in _CHOICES else _OF_TYPE[type(value)]
    for key, value in LinePlot().to_spec(whole=True).items()
}
