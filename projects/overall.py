"""What the query string says about all panels of a page at once, and of how its conclusions are set.

x=_runtime               the x axis of panels that have none of their own; `x=` each panel's default
smoothing=gaussian:2     their smoothing, as type:weight; `smoothing=` each panel's own
sync=zoom,hover          what panels of one x axis do together
results=rows%3Dtags      what the page of the results table is asked for by itself, as its own query string
compare=pair%3Dtags      the same of the comparison of groups
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import unquote, urlencode

from django.http import QueryDict

from projects.charts.line_plot import LinePlot, SpecError
from projects.query.runset import BadQuery

SYNCS = ("zoom", "hover")
# The parameters of each page of conclusions.
CONCLUSIONS = {"results": ("rows", "across", "metric", "cell", "best"), "compare": ("metric", "baseline", "pair")}
MAX_CONCLUSION = 8000


@dataclass(frozen=True, slots=True)
class Overall:
    """ "" where the query says nothing."""

    x: str = ""
    smoothing: str = ""
    sync: tuple[str, ...] = ()
    results: str = ""
    compare: str = ""

    @property
    def spec(self) -> dict[str, object]:
        """Settings of a line plot."""
        spec: dict[str, object] = {"xAxis": self.x} if self.x else {}
        if self.smoothing:
            spec["smoothingType"], _, weight = self.smoothing.partition(":")
            spec["smoothingWeight"] = _number(weight)
        return spec

    def concluding(self, page: str, query: QueryDict) -> Overall:
        """With what the query asks of this page of CONCLUSIONS above what is said of it here."""
        if page == "results":
            return replace(self, results=_said(page, QueryDict(self.results), query))
        return replace(self, compare=_said(page, QueryDict(self.compare), query))


def overall_from_query(query: QueryDict, *, defaults: Overall) -> Overall:
    """Raises BadQuery, its text naming the parameter."""
    sync = query.get("sync")
    found = Overall(
        x=query.get("x", defaults.x),
        smoothing=query.get("smoothing", defaults.smoothing),
        sync=defaults.sync if sync is None else tuple(filter(None, sync.split(","))),
        results=_conclusion(query, "results", defaults.results),
        compare=_conclusion(query, "compare", defaults.compare),
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
    pairs += [("results", overall.results, defaults.results), ("compare", overall.compare, defaults.compare)]
    return urlencode([(name, value) for name, value, default in pairs if value != default], safe=",:/")


def _said(page: str, *queries: QueryDict) -> str:
    """What a page of CONCLUSIONS is asked for, each parameter by the last of the queries that names it."""
    pairs: list[tuple[str, str]] = []
    for name in CONCLUSIONS[page]:
        said = next((query.getlist(name) for query in reversed(queries) if name in query), None)
        if said is not None:
            pairs += [(name, text) for text in said if text] or [(name, "")]
    return urlencode(pairs, safe=",:/")


def _conclusion(query: QueryDict, page: str, default: str) -> str:
    text = query.get(page)
    if text is None:
        return default
    if len(text) > MAX_CONCLUSION or text.count("&") > MAX_CONCLUSION // 100 or "\0" in unquote(text):
        raise BadQuery(f"{page}: the query string of that page, of at most {MAX_CONCLUSION:,} characters")
    return _said(page, QueryDict(text))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
