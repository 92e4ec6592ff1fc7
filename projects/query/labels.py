"""The distinct values of a column over some runs, in natural order."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projects.query.memory import Column
from projects.query.natural import Order, natural
from projects.query.pairs import Pairs
from projects.query.sources import SEPARATOR, Pair
from projects.query.statistics import Counts, Floats
from runs.columns import typed

# Numbers that say all of their token come as floats; the others that are below them come before.
_BEFORE: Order = (0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Labels:
    """`codes`, one a run: the rank of its value, or `len(labels)` where it is not set."""

    codes: Counts
    _pairs: Sequence[Pair]
    _floats: Floats
    _before: int  # how many pairs rank before the floats

    @classmethod
    def of_pairs(cls, codes: Counts, pairs: list[Pair]) -> Labels:
        """In the order given."""
        return cls(codes, pairs, np.empty(0), len(pairs))

    def __len__(self) -> int:
        return len(self._pairs) + len(self._floats)

    def pair(self, rank: int) -> Pair:
        if rank < self._before:
            return self._pairs[rank]
        rank -= self._before
        if rank < len(self._floats):
            value = typed(float(self._floats[rank]))
            return value.token, value.text
        return self._pairs[rank - len(self._floats) + self._before]


class _Placed(Sequence[Pair]):
    """The pairs at these places, each made when it is asked for."""

    def __init__(self, places: Counts, pairs: Pairs) -> None:
        self._places, self._of = places, pairs

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: Any) -> Any:
        return self._of.at(int(self._places[place]))


def labels_of(column: Column, slots: Counts) -> Labels:
    codes = column.codes[slots]
    present = _present(codes)
    if (ranks := column.text_order.ranks(column.pairs)) is None:
        return _labels_of_several_texts(column, codes, present)
    having = column.pairs.having(present)
    plain, coded = present[~having], present[having]
    at = column.pairs.places(coded)
    _, first, places = np.unique(ranks[at], return_index=True, return_inverse=True)
    pairs = _Placed(at[first], column.pairs)
    before = bisect_left(pairs, _BEFORE, key=lambda pair: natural(*pair))
    floats, above = np.unique(column.numbers[plain], return_inverse=True)
    rank_of = np.full(len(column.numbers), len(pairs) + len(floats), dtype=np.int64)
    rank_of[plain] = before + above
    rank_of[coded] = np.where(places < before, places, places + len(floats))
    return Labels(rank_of[codes], pairs, floats, before)


def _labels_of_several_texts(column: Column, codes: NDArray[np.unsignedinteger], present: Counts) -> Labels:
    having = column.pairs.having(present)
    plain, coded = present[~having], present[having]
    said = [column.pairs.at(place) for place in column.pairs.places(coded).tolist()]
    pairs = _ordered(_texts(said))
    before = sum(1 for token, text in pairs if natural(token, text) < _BEFORE)
    floats, ranks = np.unique(column.numbers[plain], return_inverse=True)
    rank_of = np.full(len(column.numbers), len(pairs) + len(floats), dtype=np.int64)
    rank_of[plain] = before + ranks
    places = {token: rank if rank < before else rank + len(floats) for rank, (token, _) in enumerate(pairs)}
    rank_of[coded] = [places[token] for token, _ in said]
    return Labels(rank_of[codes], pairs, floats, before)


def label_counts(column: Column, slots: Counts) -> tuple[int, int]:
    """How many distinct values the runs have, and how many runs have one."""
    codes = column.codes[slots]
    present = _present(codes)
    having = column.pairs.having(present)
    tokens = {column.pairs.token(place) for place in column.pairs.places(present[having]).tolist()}
    return len(tokens) + len(np.unique(column.numbers[present[~having]])), int(np.count_nonzero(codes))


def labels_from(codes: Counts, pairs: Iterable[Pair]) -> Labels:
    """Of values that are no numbers: `codes` are places in the distinct `pairs`, or -1."""
    pairs = list(pairs)
    ordered = _ordered(dict(pairs))
    places = {pair[0]: rank for rank, pair in enumerate(ordered)}
    ranks = np.array([*(places[token] for token, _ in pairs), len(ordered)], dtype=np.int64)
    return Labels.of_pairs(ranks[codes], ordered)


def tags(pair: Pair) -> list[Pair]:
    """Of a set of tags, each."""
    return [(token, token[2:]) for token in pair[0].split(SEPARATOR)]


def items(pair: Pair) -> list[Pair]:
    """Of a list, each item once; any other value, an empty list, and a list too long for its text, as it is."""
    if not pair[0].startswith("l:"):
        return [pair]
    try:
        values = map(typed, json.loads(pair[1]))
        return list({value.token: (value.token, value.text) for value in values}.values()) or [pair]
    except (ValueError, RecursionError):
        return [pair]


def exploded(labels: Labels, parts: Callable[[Pair], Sequence[Pair]]) -> tuple[Labels, list[NDArray[np.int64]]]:
    """The labels of the parts of the values (their codes empty), and by code of a value the codes of its parts."""
    sets = [parts(labels.pair(rank)) for rank in range(len(labels))]
    pairs = _ordered(_texts(pair for found in sets for pair in found))
    places = {token: rank for rank, (token, _) in enumerate(pairs)}
    codes = [np.array([places[token] for token, _ in found], dtype=np.int64) for found in sets]
    single = Labels.of_pairs(np.empty(0, dtype=np.int64), pairs)
    return single, [*codes, np.array([len(pairs)], dtype=np.int64)]


def _present(codes: NDArray[np.unsignedinteger]) -> Counts:
    """The codes in use, 0 left out."""
    found: Counts = np.flatnonzero(np.bincount(codes, minlength=1)[1:]) + 1
    return found


def _texts(pairs: Iterable[Pair]) -> dict[str, str]:
    """Token -> text. Equal values may be shown in several ways: which one must not hang on their order."""
    texts: dict[str, str] = {}
    for token, text in pairs:
        texts[token] = min(texts.get(token, text), text, key=lambda text: (len(text), text))
    return texts


def _ordered(texts: dict[str, str]) -> list[Pair]:
    return sorted(texts.items(), key=lambda pair: natural(*pair))
