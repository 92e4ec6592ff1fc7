"""What the query string says about all panels of a page at once.

x=_runtime               the x axis of panels that have none of their own; `x=` each panel's default
smoothing=gaussian:2     their smoothing, as type:weight; `smoothing=` each panel's own
sync=zoom,hover          what panels of one x axis do together
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from projects.charts.line_plot import LinePlot, SpecError
from projects.query.runset import BadQuery

SYNCS = ("zoom", "hover")


@dataclass(frozen=True, slots=True)
class Overall:
    """ "" where the query says nothing."""

    x: str = ""
    smoothing: str = ""
    sync: tuple[str, ...] = ()

    @property
    def spec(self) -> dict[str, object]:
        """Settings of a line plot."""
        spec: dict[str, object] = {"xAxis": self.x} if self.x else {}
        if self.smoothing:
            spec["smoothingType"], _, weight = self.smoothing.partition(":")
            spec["smoothingWeight"] = _number(weight)
        return spec


def overall_from_query(query: QueryDict, *, defaults: Overall) -> Overall:
    """Raises BadQuery, its text naming the parameter."""
    sync = query.get("sync")
    found = Overall(
        x=query.get("x", defaults.x),
        smoothing=query.get("smoothing", defaults.smoothing),
        sync=defaults.sync if sync is None else tuple(filter(None, sync.split(","))),
    )
    try:
        LinePlot.from_spec(found.spec)
    except SpecError as error:
        key, text = next(iter(error.errors.items()))
        raise BadQuery(f"{'x' if key == 'xAxis' else 'smoothing'}: {text}") from None
    if any(word not in SYNCS for word in found.sync):
        raise BadQuery(f"sync: any of {', '.join(SYNCS)}")
    return found


def overall_query(overall: Overall, defaults: Overall) -> str:
    """What differs from the defaults, without the `?`; overall_from_query gives it back."""
    pairs = [("x", overall.x, defaults.x), ("smoothing", overall.smoothing, defaults.smoothing)]
    pairs.append(("sync", ",".join(overall.sync), ",".join(defaults.sync)))
    return urlencode([(name, value) for name, value, default in pairs if value != default], safe=",:/")


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
