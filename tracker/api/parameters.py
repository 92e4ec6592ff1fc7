"""The parameters of the API, each described once."""

from __future__ import annotations

from collections.abc import Iterable

from drf_spectacular.utils import OpenApiParameter

from projects.charts.line_plot import X_AXES
from projects.conclusions.estimates import CELLS
from projects.query.from_url import MAX_PAGE
from projects.query.operators import OPERATORS
from projects.query.reductions import REDUCTIONS
from projects.query.statistics import STATISTICS

MOST = 1000


def text(
    name: str, said: str, *, many: bool = False, enum: Iterable[str] | None = None, required: bool = False
) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, description=said, many=many, enum=list(enum) if enum else None, required=required
    )


def whole(name: str, said: str, *, least: int | None = None, most: int | None = None) -> OpenApiParameter:
    bounds = {"minimum": least, "maximum": most}
    return OpenApiParameter(
        name,
        {"type": "integer", **{key: bound for key, bound in bounds.items() if bound is not None}},
        description=said,
    )


def format_of(formats: Iterable[str], otherwise: str) -> OpenApiParameter:
    return text("as", f"The form of the answer; without it, {otherwise}.", enum=formats)


VIEW = text("view", "The id of a saved view; without it the project's default. What else is said differs from it.")
SWEEP = text("sweep", "The id of a sweep: only its runs.")
WITHIN = text("within", "Only the runs of this group, by default in subgroups by job type.")
GROUP = text(
    "group",
    "A field to group by; several nest, the outermost first. `config.lr:log:4` groups by bins, `tags:explode` by items;"
    " empty: by nothing.",
    many=True,
)
GROUPED = text("grouped", "0 keeps the fields and shows the runs ungrouped.", enum=("0", "1"))
SEARCH = text("q", "Each word is in the run's name or id; `/…/` is a regular expression.")
FILTER = text(
    "f",
    "A condition `field:operator:value`, with the operators "
    + ", ".join(f"`{key}`" for key in OPERATORS)
    + "; all must hold. Brackets are conditions of their own: `any(`, `all(`, `none(`, each closed by `)`.",
    many=True,
)
SORT = text("sort", "A column to sort by, descending after a `-`; the first sorts first.", many=True)
COLUMNS = text("columns", "The table's columns; `*` the default ones, `differ` those that differ.", many=True)
PIN = text("pin", "Columns that come first.", many=True)
STAT = text(
    "stat",
    f"`statistic:column`, what a column shows of groups and sorts them by: {', '.join(STATISTICS)}.",
    many=True,
)
SHOW = text("show", f"`value:column`, what a summary column shows of each run: {', '.join(REDUCTIONS)}.", many=True)
HIDE = text("hide", "Ids of groups and runs that charts leave out, with commas between them.")
OPEN = text("open", "Ids of groups that the page shows open. It changes no answer.")

# Which runs there are, and in which order.
RUNS_ASKED = (VIEW, SWEEP, WITHIN, SEARCH, FILTER, SORT)
GROUPING = (GROUP, GROUPED, HIDE, OPEN)
SHOWN = (COLUMNS, PIN, STAT, SHOW)
RUNSET = (*RUNS_ASKED, *GROUPING, *SHOWN)

PAGE = whole("page", "Which page, from 1.", least=1, most=MAX_PAGE)
SIZE = whole("size", "How many a page.", least=1, most=MOST)
AFTER = text("after", "Where the page begins; of the `next` of the page before.")
BELOW = text("below", "The id of a group: only what is inside it.")

METRIC_DRAWN = text("metric", "The metric whose panel it is.", required=True)
PANEL = text("panel", "The key of a panel that was added.")
SETTINGS = text("settings", "Panel settings as a JSON object, in place of those that were saved.")
SCOPE = text("scope", "The metric is one of the machine.", enum=("system",))
X = text(
    "x", f"The x axis of panels that have none of their own: {', '.join(f'`{it.key}`' for it in X_AXES)}, or a metric."
)
SMOOTHING = text("smoothing", "The smoothing of panels that have none of their own, as `type:weight`.")
RANGE = (
    OpenApiParameter("lo", float, description="The lower end of x, in the units of the axis."),
    OpenApiParameter("hi", float, description="The upper end of x."),
    whole("cells", "For how many pixels: charts of more x values than fit are binned.", least=1),
)

RESULT_ROWS = text("rows", "A row for each value of this field; as `group`, bins and items too.")
ACROSS = text("across", "A column for each value of this field; empty: a column for each metric.")
METRICS = text("metric", "Numeric columns, whose numbers stand in the cells.", many=True)
CELL = text("cell", "What a cell says of the numbers of its runs.", enum=CELLS)
BEST = text("best", "`max:column`, `min:column` or `none:column`: what is in bold.", many=True)
_PAGE_SAID = "How the page is set, as its own query string; what is asked of it by itself stands above it."
RESULTS = text("results", _PAGE_SAID)

METRIC_COMPARED = text("metric", "The numeric column to compare; by default the table's first.")
BASELINE = text("baseline", "The id of the group that the others are compared with; by default the table's first.")
PAIR = text("pair", "Pairs the runs of two groups that share the value of this column; empty: no pairs.")
COMPARE = text("compare", _PAGE_SAID)

SHEET_ROWS = text("rows", "Runs, or the innermost groups with their statistics.", enum=("runs", "groups"))

KEYS = text("key", "Dotted keys; without any, all. Rows that have none of them are left out.", many=True)
STREAM = text("stream", "What was logged, or what the client measured of its machine.", enum=("history", "system"))
STEPS = (whole("min_step", "The first step."), whole("max_step", "The step before which to end."))
