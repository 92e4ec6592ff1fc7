"""The natural order of a column's texts, found once and kept while values are added to the column."""

from __future__ import annotations

from bisect import bisect
from itertools import pairwise

import numpy as np

from projects.query.natural import Order, natural
from projects.query.pairs import Pairs
from projects.query.statistics import Counts

_FEW = 8  # one in so many is put in its place; of more, all are sorted again


class TextOrder:
    """Of the pairs of a column by place, and of those of its successors, which add more behind them.

    What is kept is replaced at once: threads that ask at the same time do the same work, no more.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        none = np.empty(0, dtype=np.int64)
        self._kept: tuple[Counts, Counts | None] = none, none

    def ranks(self, pairs: Pairs) -> Counts | None:
        """By place. None if a value has several texts: which of them it goes by hangs on which runs are asked about."""
        order, ranks = self._kept
        if len(order) < len(pairs):
            order = _extended(order, pairs)
            ranks = _ranked(order, pairs)
            self._kept = order, ranks
        return ranks


def _extended(order: Counts, pairs: Pairs) -> Counts:
    def key(place: int) -> Order:
        return natural(*pairs.at(place))

    new = range(len(order), len(pairs))
    if len(new) > len(order) // _FEW:
        return np.array(sorted(range(len(pairs)), key=key), dtype=np.int64)
    added = sorted(new, key=key)
    return np.insert(order, [bisect(order, key(place), key=key) for place in added], added)


def _ranked(order: Counts, pairs: Pairs) -> Counts | None:
    found = [pairs.at(place) for place in order.tolist()]
    steps = [one != other for one, other in pairwise(found)]
    if len({token for token, _ in found}) < 1 + sum(steps):
        return None
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.cumsum([0, *steps])
    return ranks
