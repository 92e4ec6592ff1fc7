"""Groups compared with one of them, the baseline, by a number of each run.

    metric=summary.val/acc   the number; by default the table's first
    baseline=ID              the id of a group (Group.id); by default the table's first group that has numbers
    pair=config.seed         pairs the runs of two groups that share its value; `pair=` none; by default the first
                             seed-like config column that can pair any

The groups are the innermost of the table that have a number; ungrouped, those of samples.default_field. The other
parameters ask for the runs, as on the project page; those that it hides from charts do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.http import QueryDict

from projects.conclusions.comparison import Difference, holm, paired, superiority, welch
from projects.conclusions.estimates import Estimate, Shown, estimates, shown
from projects.conclusions.samples import Sample, Samples, default_field, numeric_checked
from projects.looking import Looking
from projects.models import Project
from projects.query.columns import every_column, table_columns
from projects.query.fields import numeric_fields
from projects.query.from_url import column_fields_from, group_fields_from
from projects.query.grouping import path_label
from projects.query.replicates import seed_like
from projects.query.runset import CONFIG, BadQuery, Field, Runset
from projects.query.tree import Node

FEW = 5
MAX_GROUPS = 100
_MAX_KEYS = 8  # seed-like columns looked at


@dataclass(frozen=True, slots=True)
class Asked:
    """`pair` is None when the key is to be found; an empty tuple for no pairs. `usual`: the baseline if none is asked
    for and there is such a group."""

    metric: Field | None
    baseline: str
    pair: tuple[Field, ...] | None
    usual: str = ""


@dataclass(frozen=True, slots=True)
class GroupSaid:
    """A group by itself."""

    id: str
    label: str
    colour: str
    sample: Sample
    estimate: Estimate
    shown: Shown

    @property
    def few(self) -> bool:
        return self.estimate.n < FEW


@dataclass(frozen=True, slots=True)
class Compared:
    """A group against the baseline; without a number on either side there is no `difference`. `superiority` is
    P(a run of the group > one of the baseline)."""

    group: GroupSaid
    difference: Difference | None = None
    superiority: float | None = None
    holm: float | None = None

    @property
    def p(self) -> float | None:
        return None if self.difference is None else self.difference.p

    @property
    def shown(self) -> Shown:
        of = self.difference
        if of is None:
            return Shown("–")
        return shown(Estimate(0, of.value, low=of.low, high=of.high))


@dataclass(frozen=True, slots=True)
class Comparison:
    """`groups`: all that may be the baseline; `others`: the first MAX_GROUPS of the `of_groups` others; `empty`: how
    many groups have no number and so are neither; `pair`: the key that pairs some of them."""

    groups: tuple[GroupSaid, ...]
    baseline: GroupSaid
    others: tuple[Compared, ...]
    pair: Field | None
    of_groups: int
    empty: int

    @property
    def tests(self) -> int:
        """How many of the others have a p."""
        return sum(1 for other in self.others if other.holm is not None)

    @property
    def few(self) -> tuple[GroupSaid, ...]:
        """Groups of fewer than FEW runs with a number."""
        return tuple(group for group in (self.baseline, *(other.group for other in self.others)) if group.few)

    @property
    def left_out(self) -> int:
        return sum(group.sample.left_out for group in (self.baseline, *(other.group for other in self.others)))


def compare_asked(looking: Looking, query: QueryDict) -> Asked:
    """What the query or the view asks for. Raises BadQuery."""
    baseline, usual = query.get("baseline", ""), QueryDict(looking.overall.compare).get("baseline", "")
    asked = looking.concluded("compare", query, partial(_asked, looking))
    return replace(asked, baseline=baseline, usual=usual)


def _asked(looking: Looking, query: QueryDict) -> Asked:
    project = looking.project
    metrics = column_fields_from(query, "metric", 1)
    if metrics:
        numeric_checked(project, metrics)
    else:
        columns = table_columns(project, looking.runset)
        numeric = numeric_fields(project, columns)
        metrics = tuple(column for column in columns if column in numeric)[:1]
    pair = group_fields_from(query, "pair", 1)
    plain = None if pair is None else tuple(field.plain for field in pair)
    return Asked(next(iter(metrics), None), "", plain)


def compared(project: Project, runset: Runset, asked: Asked) -> Comparison | None:
    """None if there are no groups, or no numbers. At most eight queries, however many groups. Raises BadQuery."""
    if asked.metric is None:
        return None
    keys = _seeds(project) if asked.pair is None else asked.pair
    fields = runset.grouping or (default_field(project, runset),)
    samples = Samples(project, runset, fields, (asked.metric, *keys))
    every = _said(samples, samples.leaves(), asked.metric)
    said = [group for group in every if group.estimate.n or group.id == asked.baseline]
    if not said:
        return None
    baseline = next((group for group in said if group.id == asked.baseline), None)
    if asked.baseline and baseline is None:
        raise BadQuery("baseline: there is no such group among those shown")
    baseline = baseline or next((group for group in said if group.id == asked.usual), said[0])
    groups = [group for group in said if group is not baseline][:MAX_GROUPS]
    pair = next((key for key in keys if any(_pairs(samples, group, baseline, key) for group in groups)), None)
    others = [_compared(samples, group, baseline, pair) for group in groups]
    adjusted = holm([other.p for other in others])
    return Comparison(
        groups=tuple(said),
        baseline=baseline,
        others=tuple(
            Compared(other.group, other.difference, other.superiority, p)
            for other, p in zip(others, adjusted, strict=True)
        ),
        pair=pair,
        of_groups=len(said) - 1,
        empty=len(every) - len(said),
    )


def _seeds(project: Project) -> tuple[Field, ...]:
    """Config columns that tell replicates apart by their name. One query."""
    found = (field for field in every_column(project) if field.scope == CONFIG and seed_like(field.key))
    return tuple(found)[:_MAX_KEYS]


def _said(samples: Samples, leaves: Sequence[Node], metric: Field) -> list[GroupSaid]:
    drawn = [samples.of(leaf, metric) for leaf in leaves]
    found = estimates("stddev", [sample.values for sample in drawn])
    return [
        GroupSaid(leaf.id, path_label(leaf), samples.tree.colour(leaf), sample, estimate, shown(estimate))
        for leaf, sample, estimate in zip(leaves, drawn, found, strict=True)
    ]


def _compared(samples: Samples, group: GroupSaid, baseline: GroupSaid, pair: Field | None) -> Compared:
    ours, theirs = group.sample.values, baseline.sample.values
    if not (ours.size and theirs.size):
        return Compared(group)
    places = _pairs(samples, group, baseline, pair) if pair else None
    difference = paired(ours[places[0]], theirs[places[1]]) if places else welch(ours, theirs)
    return Compared(group, difference, superiority(ours, theirs))


def _pairs(samples: Samples, group: GroupSaid, baseline: GroupSaid, key: Field) -> tuple[list[int], list[int]] | None:
    """The places, among the values of each, of the runs that share a value of the key: two pairs or more, and every run
    of either group has a value that no other run of its group has."""
    labels = samples.labels(key)
    of_group, of_baseline = (labels.codes[said.sample.positions].tolist() for said in (group, baseline))
    for codes in (of_group, of_baseline):
        if len(labels) in codes or len(set(codes)) < len(codes):
            return None
    shared = sorted(set(of_group) & set(of_baseline))
    if len(shared) < 2:
        return None
    places = ({code: at for at, code in enumerate(codes)} for codes in (of_group, of_baseline))
    ours, theirs = ([place[code] for code in shared] for place in places)
    return ours, theirs
