"""The numbers of groups of runs, as conclusions are drawn from them: a run counts once, and only if charts show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from projects.models import Project
from projects.query.columns import group_candidates
from projects.query.fields import label, numeric_fields
from projects.query.frame import DURATION
from projects.query.grouping import NOT_SET, ordered_leaves, visible_runs
from projects.query.labels import Labels
from projects.query.replicates import varying
from projects.query.runset import RUN, BadQuery, Field, Reduced, Runset
from projects.query.statistics import Counts
from projects.query.tree import Node, Tree

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """`values`: the finite ones, in order of the runs' creation; `left_out` runs have another value (NaN, infinite, no
    number), the rest of the `runs` none."""

    values: Floats
    positions: Counts  # of the runs of the values
    runs: int
    left_out: int


class Samples:
    """The visible runs of a runset in groups of these fields, whatever groups the runset makes itself.

    At most six queries.
    """

    def __init__(self, project: Project, runset: Runset, fields: Sequence[Field], metrics: Sequence[Field]) -> None:
        asked = replace(runset, fields=tuple(fields), grouped=True, hidden=frozenset(), open=frozenset())
        self.tree = Tree(project, asked, metrics)
        self._shown = self.tree.frame.having(visible_runs(project, runset)) if runset.hidden else None

    def groups(self) -> list[Node]:
        """The topmost groups that have visible runs, in table order."""
        return [node for node in self.tree.ordered(self.tree.root.children) if len(self.positions(node))]

    def leaves(self) -> list[Node]:
        """The innermost groups that have visible runs, in table order."""
        return [leaf for leaf in ordered_leaves(self.tree, self.tree.root) if len(self.positions(leaf))]

    def positions(self, node: Node) -> Counts:
        return node.positions if self._shown is None else node.positions[self._shown[node.positions]]

    def of(self, node: Node, metric: Field) -> Sample:
        positions = self.positions(node)
        values = self.tree.frame.numbers(self.tree.frame.shown[metric])[positions]
        finite = np.isfinite(values)
        left_out = 0
        if metric != DURATION:
            labels = self.labels(metric)
            left_out = int(np.count_nonzero(labels.codes[positions[~finite]] < len(labels)))
        return Sample(values[finite], positions[finite], len(positions), left_out)

    def labels(self, field: Field) -> Labels:
        """Of one of the metrics, as the runset shows it."""
        return self.tree.frame.labels(self.tree.frame.shown[field])

    def text(self, node: Node) -> str:
        return NOT_SET if node.text is None else node.text


def metric_label(runset: Runset, metric: Field) -> str:
    """ "val.acc", or "val.acc (max)" where the runset shows that of each run."""
    shown = runset.shown(metric)
    return f"{label(metric)} ({shown.how})" if isinstance(shown, Reduced) else label(metric)


def default_field(project: Project, runset: Runset) -> Field:
    """What the table is grouped by first; if by nothing, the first config column that varies."""
    if runset.fields:
        return runset.fields[0]
    return next((it.field for it in varying(group_candidates(project, runset)) if not it.excepted), Field(RUN, "group"))


def numeric_checked(project: Project, fields: Sequence[Field]) -> None:
    """Raises BadQuery for one without numbers. One query."""
    numeric = numeric_fields(project, fields)
    for field in fields:
        if field not in numeric:
            raise BadQuery(f"metric: {label(field)[:100]} has no numbers")
