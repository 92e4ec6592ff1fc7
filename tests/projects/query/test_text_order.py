"""The order that is kept while a column grows is the one that sorting all of it anew gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from projects.query.labels import _labels_of_several_texts, _present, labels_of
from projects.query.memory import Column
from projects.query.pairs import Pairs
from projects.query.text_order import TextOrder
from runs.columns import typed

_values = st.one_of(
    st.sampled_from(["run-2", "run-10", "Run-2", "", "a", "1", 1, 1.0, True, None, [1], [1.0], 2**53, 1e308, 10**400]),
    st.integers(0, 40).map(lambda number: f"run-{number}"),
    st.floats(),
)
_batches = st.lists(st.lists(_values, max_size=12), min_size=1, max_size=4)


@given(_batches, st.data())
def test_ranks_are_those_of_all_values_sorted_anew(batches: list[list[Any]], data: st.DataObject) -> None:
    text_order, pairs = TextOrder(), Pairs.of([], [])
    numbers = [np.nan]
    for batch in batches:
        for value in batch:
            made = typed(value)
            numbers.append(np.nan if made.number is None or made.kind != typed(1).kind else made.number)
            # As memory keeps them: of small numbers the number says it all.
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
                pairs = pairs.joined(Pairs.of([len(numbers) - 1], [(made.token, made.text)]))
        column = Column(np.arange(len(numbers), dtype=np.uint8), np.array(numbers), pairs, text_order)
        slots = np.array(data.draw(st.lists(st.integers(0, len(numbers) - 1))), dtype=np.int64)
        codes = column.codes[slots]
        known, slow = labels_of(column, slots), _labels_of_several_texts(column, codes, _present(codes))
        assert known.codes.tolist() == slow.codes.tolist()
        assert [known.pair(rank) for rank in range(len(known))] == [slow.pair(rank) for rank in range(len(slow))]


def test_a_value_of_several_texts_has_no_rank_of_its_own() -> None:
    large, again = ("n:9007199254740992", "9007199254740992"), ("n:9007199254740992", "9007199254740992.0")
    assert TextOrder().ranks(Pairs.of([1, 2], [large, again])) is None
    ranks = TextOrder().ranks(Pairs.of([1, 2, 5], [large, large, ("s:a", "a")]))
    assert ranks is not None
    assert ranks.tolist() == [0, 0, 1]
    none = TextOrder().ranks(Pairs.of([], []))
    assert none is not None
    assert none.tolist() == []
