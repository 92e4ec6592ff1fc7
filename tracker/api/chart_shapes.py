"""What the API answers of charts, results tables and comparisons, as shapes.py does of all else."""

from __future__ import annotations

from typing import Any, TypedDict

from tracker.api.shapes import Numbers


class SeriesLine(TypedDict):
    """All lists have an entry for each x. `lower`, `upper`: the ends of the shading. `n`: runs with a value there."""

    id: str
    label: str
    metric: str
    chart: str
    runs: int
    x: Numbers
    line: Numbers
    lower: Numbers
    upper: Numbers
    n: list[int]


class NonFinite(TypedDict):
    """At each `x` how many `runs` of the group have NaN or an infinity."""

    id: str
    label: str
    metric: str
    chart: str
    x: Numbers
    runs: list[int]


class SeriesAnswer(TypedDict):
    """`settings`: those that are not the default. `x_axis`: the one in force. `bin_width`: null if x is exact."""

    metric: str
    settings: dict[str, Any]
    x_axis: str
    bin_width: float | None
    groups_drawn: int
    groups_total: int
    groups: list[SeriesLine]
    nonfinite: list[NonFinite]


class ResultsColumn(TypedDict):
    """`best`: which of its cells are in bold, "max", "min" or "none"."""

    label: str
    metric: str
    best: str


class ResultsCell(TypedDict):
    """`middle` is what `cell` says (a mean or median), of `n` runs that have a number; `error` is what stands after the
    ±, `low` and `high` what stands in brackets. `text`: as shown. `left_out`: runs whose value is no finite number."""

    text: str
    n: int
    runs: int
    left_out: int
    middle: float | None
    error: float | None
    low: float | None
    high: float | None
    best: bool


class ResultsRow(TypedDict):
    label: str
    cells: list[ResultsCell | None]


class ResultsAnswer(TypedDict):
    """A row for each value of the field `rows`, a cell for each of `columns`; null where no run has both values."""

    rows_field: str
    across_field: str
    cell: str
    caption: str
    columns: list[ResultsColumn]
    rows: list[ResultsRow]
    of_rows: int
    left_out: int


class GroupSaid(TypedDict):
    """A group by itself: mean and sample deviation over its `n` runs that have a number. `few`: fewer than five."""

    id: str
    label: str
    n: int
    runs: int
    left_out: int
    mean: float | None
    std: float | None
    few: bool


class GroupCompared(GroupSaid):
    """The group's mean less the baseline's, with its 95 % interval, two-sided p and degrees of freedom; over `pairs` if
    paired. `superiority`: P(a run of the group > one of the baseline). `holm`: p, corrected for all comparisons."""

    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    freedom: float | None
    pairs: int | None
    superiority: float | None
    holm: float | None


class CompareAnswer(TypedDict):
    """`pair`: the key by which runs are paired, if they are. `baseline`: null if no group has runs. Of more than the
    first hundred `others`, `of_others` says how many there are."""

    metric: str | None
    pair: str | None
    baseline: GroupSaid | None
    others: list[GroupCompared]
    of_others: int
