"""Numbers in bins. The edges come from the runs selected, or are given.

A bin holds its lower edge and not its upper one; the last one holds both: [0, 1), [1, 2]. Edges that are worked out are
rounded to a hundredth of the bins beside them, the outermost outwards, and bins are by the rounded ones: what a label
says is exactly what is in the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

import numpy as np

from projects.query.labels import Labels
from projects.query.runset import Split
from projects.query.splits import EDGES
from projects.query.statistics import Floats
from runs.columns import typed


def binned(labels: Labels, numbers: Floats, split: Split) -> Labels:
    """The bins, then each value that is no finite number by itself. `numbers`: one a run, as the labels' codes."""
    finite = np.isfinite(numbers)
    edges = _edges(numbers[finite], split)
    names = _names(edges, split)
    others = np.unique(labels.codes[~finite])
    others = others[others < len(labels)]
    pairs = [*((f"r:{place}", name) for place, name in enumerate(names)), *map(labels.pair, others.tolist())]
    ranks = np.full(len(labels) + 1, len(pairs), dtype=np.int64)
    ranks[others] = len(names) + np.arange(len(others))
    places = np.searchsorted(edges, numbers, side="right")
    if len(edges) > 1:
        places[numbers == edges[-1]] -= 1
    return Labels.of_pairs(np.where(finite, places, ranks[labels.codes]), pairs)


def _names(edges: Floats, split: Split) -> list[str]:
    """Below the edges, between them, above them."""
    texts = [typed(edge).text for edge in edges.tolist()]
    below = "≤ 0" if split.how == "log" else f"< {texts[0]}" if texts else ""
    if len(texts) < 2:
        return [below, *(f"≥ {text}" if split.how == EDGES else text for text in texts)]
    between = [f"[{low}, {high})" for low, high in zip(texts[:-1], texts[1:], strict=True)]
    between[-1] = f"{between[-1][:-1]}]"
    return [below, *between, f"> {texts[-1]}"]


def _edges(values: Floats, split: Split) -> Floats:
    """Ascending. None where there is nothing to be binned."""
    if split.how == EDGES:
        return np.array(split.numbers)
    if split.how == "log":
        values = values[values > 0]
    if not values.size:
        return np.empty(0)
    low, high, count = values.min(), values.max(), int(split.numbers[0]) + 1
    with np.errstate(all="ignore"):  # Between the largest floats of both signs there is no float.
        match split.how:
            case "equal":
                found = np.linspace(low, high, count)
            case "log":
                found = np.geomspace(low, high, count)
            case _:
                found = np.quantile(values, np.linspace(0, 1, count))
    inner = found[np.isfinite(found) & (found > low) & (found < high)]
    return np.array(_rounded(np.unique([low, *inner, high]).tolist()))


def _rounded(edges: Sequence[float]) -> list[float]:
    exact = [Decimal(repr(edge)) for edge in edges]
    if len(exact) < 2:
        return list(edges)
    gaps = [after - before for before, after in zip(exact[:-1], exact[1:], strict=True)]
    roundings = [ROUND_FLOOR, *[ROUND_HALF_EVEN] * (len(exact) - 2), ROUND_CEILING]
    found = []
    for place, (edge, rounding) in enumerate(zip(exact, roundings, strict=True)):
        size = min(number.adjusted() for number in (*gaps[max(0, place - 1) : place + 1], edge) if number)
        rounded = float(edge.quantize(Decimal((0, (1,), size - 2)), rounding=rounding))
        found.append(rounded if np.isfinite(rounded) else edges[place])
    return found
