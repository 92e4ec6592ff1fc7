"""The pairs of a column's codes, in little room: most texts are said by their tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from projects.query.sources import Pair
from projects.query.statistics import Counts
from runs.columns import text_of

# About, of a token of a dozen letters, its code and its rank.
PAIR_BYTES = 100


class Pairs:
    """In ascending order of code, each at a place from 0. Never changed."""

    __slots__ = ("_texts", "_tokens", "codes")

    def __init__(self, codes: Counts, tokens: list[str], texts: dict[int, str]) -> None:
        """`texts`: by place those that their tokens do not say."""
        self.codes, self._tokens, self._texts = codes, tokens, texts

    @classmethod
    def of(cls, codes: Sequence[int], pairs: Sequence[Pair]) -> Pairs:
        """The codes ascend."""
        texts = {place: text for place, (token, text) in enumerate(pairs) if text_of(token) != text}
        return cls(np.array(codes, dtype=np.int64), [token for token, _ in pairs], texts)

    def __len__(self) -> int:
        return len(self._tokens)

    def at(self, place: int) -> Pair:
        token, text = self._tokens[place], self._texts.get(place)
        return token, (text_of(token) or "") if text is None else text

    def token(self, place: int) -> str:
        return self._tokens[place]

    def having(self, codes: Counts) -> NDArray[np.bool_]:
        """Which of the codes have a pair."""
        return np.isin(codes, self.codes)

    def places(self, codes: Counts) -> Counts:
        """Of codes that have a pair."""
        found: Counts = np.searchsorted(self.codes, codes)
        return found

    def joined(self, others: Pairs) -> Pairs:
        """With others, of greater codes, behind them."""
        if not len(others):
            return self
        base = len(self)
        return Pairs(
            np.concatenate([self.codes, others.codes]),
            self._tokens + others._tokens,
            self._texts | {base + place: text for place, text in others._texts.items()},
        )
