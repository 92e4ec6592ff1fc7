"""What stands above the panels: x axis, smoothing, what panels do together, and the view that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from projects.access import Person, may_change
from projects.charts.line_plot import SMOOTHINGS, X_AXES, Choice
from projects.looking import Looking
from projects.overall import SYNCS

_SYNC_LABELS = {"zoom": "Zoom panels of one x axis together", "hover": "Hover panels of one x axis together"}


@dataclass(frozen=True, slots=True)
class PanelsBar:
    """`syncs`: word, label, whether on. `may_change`: the panels of the view shown."""

    axes: tuple[Choice, ...]
    x: str
    smoothings: tuple[Choice, ...]
    smoothing: str
    weight: str
    syncs: tuple[tuple[str, str, bool], ...]
    view: str
    may_change: bool
    signed_in: bool


def panels_bar(person: Person, looking: Looking, metrics: Sequence[str]) -> PanelsBar:
    kind, _, weight = looking.overall.smoothing.partition(":")
    logged = tuple(Choice(name, name, "A logged metric.") for name in metrics)
    return PanelsBar(
        axes=(*X_AXES, *logged),
        x=looking.overall.x,
        smoothings=SMOOTHINGS,
        smoothing=kind,
        weight=weight,
        syncs=tuple((word, _SYNC_LABELS[word], word in looking.overall.sync) for word in SYNCS),
        view=looking.workspace.name,
        may_change=may_change(person, looking.workspace),
        signed_in=person.is_authenticated,
    )
