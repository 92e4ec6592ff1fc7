"""The natural order of a column's texts, found once and kept while values are added to the column."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from itertools import islice, pairwise

import numpy as np

from projects.query.natural import natural
from projects.query.sources import Pair
from projects.query.statistics import Counts

_FEW = 8  # one in so many is put in its place; of more, all are sorted again


class Ranking:
    """Of the pairs of a column by code, and of those of its successors, which add more behind them.

    What is kept is replaced at once: threads that ask at the same time do the same work, no more.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        none = np.empty(0, dtype=np.int64)
        self._kept: tuple[Counts, Counts | None] = none, none

    def ranks(self, pairs: Mapping[int, Pair]) -> Counts | None:
        """By code, as far as there are pairs; -1 where there is none. None if a value has several texts: which of them
        it goes by hangs on which runs are asked about."""
        order, ranks = self._kept
        if len(order) < len(pairs):
            order = _extended(order, pairs)
            ranks = _ranked(order, pairs)
            self._kept = order, ranks
        return ranks


def _extended(order: Counts, pairs: Mapping[int, Pair]) -> Counts:
    def place(code: int) -> tuple[object, ...]:
        return natural(*pairs[code])

    new = list(islice(pairs, len(order), None))
    if len(new) > len(order) // _FEW:
        return np.array(sorted(pairs, key=place), dtype=np.int64)
    new.sort(key=place)
    return np.insert(order, [bisect(order, place(code), key=place) for code in new], new)


def _ranked(order: Counts, pairs: Mapping[int, Pair]) -> Counts | None:
    found = [pairs[code] for code in order.tolist()]
    steps = [one != other for one, other in pairwise(found)]
    if len({token for token, _ in found}) < 1 + sum(steps):
        return None
    ranks = np.full(int(order.max()) + 1, -1, dtype=np.int64)
    ranks[order] = np.cumsum([0, *steps])
    return ranks
