"""What can be chosen is said somewhere: every operator, statistic and setting has a heading."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from projects.charts import line_plot
from projects.conclusions import estimates
from projects.forms import settings_tabs
from projects.query.operators import JOINS, OPERATORS
from projects.query.reductions import REDUCTIONS
from projects.query.splits import WAYS
from projects.query.statistics import STATISTICS
from tests.live import ROOT

TABS = settings_tabs(line_plot.LinePlot(), metric="loss", metrics=[], default_axis="_step")
CHOSEN = {
    "statistics.md": {
        "The x axis": line_plot.X_AXES,
        "Alignment": line_plot.ALIGNS,
        "Smoothing": line_plot.SMOOTHINGS,
        "Line": line_plot.GROUP_AGGS,
        "Shading": line_plot.GROUP_AREAS,
        "Runs that ended early": line_plot.EARLY_ENDS,
    },
    "panels.md": {tab.label: tab.settings for tab in TABS},
    "table.md": {
        "What a column shows of a group": STATISTICS.values(),
        "What a column shows of a run": REDUCTIONS.values(),
        "Filter": [*JOINS.values(), *OPERATORS.values()],
    },
    "grouping.md": {"Bins": WAYS.values()},
}


def headings(page: str) -> dict[str, list[str]]:
    """Heading of a section -> those inside it."""
    found: dict[str, list[str]] = {}
    for level, text in re.findall(r"^(##|###) (.+?)(?: \{#.*\})?$", (ROOT / "docs" / page).read_text(), re.MULTILINE):
        if level == "##":
            inside = found.setdefault(text, [])
        else:
            inside.append(text)
    return found


@pytest.mark.parametrize(("page", "section", "choices"), [(p, s, c) for p, of in CHOSEN.items() for s, c in of.items()])
def test_each_choice_has_a_heading_in_its_section(page: str, section: str, choices: Iterable) -> None:
    assert {choice.label for choice in choices} <= set(headings(page)[section])


def test_each_kind_of_cell_of_a_results_table_has_a_heading() -> None:
    assert {cell.label for cell in estimates.CELLS.values()} <= set(headings("conclusions.md")["Results table"])
