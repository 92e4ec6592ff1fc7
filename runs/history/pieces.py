"""What the readers of a column speak in: who is asked for, and the pieces that are found."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from runs.history.codec import Floats, Ints
from runs.history.database import Ids

ALL = (-(2**63), 2**63 - 1)  # steps


class Piece(NamedTuple):
    """Numbers of one column in one stretch or tail row, in order of line."""

    at: tuple[str, int]  # writer and first line: the order of pieces
    lines: Ints  # (n,) counted from the first line
    steps: NDArray[Any]  # (n,) int64; or float64, where another column's values stand in their place
    values: Floats  # (n,)

    def within(self, low: int, high: int) -> Piece:
        """What is in low ≤ step ≤ high."""
        inside = (self.steps >= low) & (self.steps <= high)
        if inside.all():
            return self
        return Piece(self.at, self.lines[inside], self.steps[inside], self.values[inside])


Pieces = dict[int, list[Piece]]  # of each run, by its place among those asked for; in order


@dataclass(frozen=True, slots=True)
class Asked:
    """The series asked for: a column and the runs, in the order of the answer."""

    column: uuid.UUID
    key: str
    stream: str
    runs: Ids


def gathered(pieces: Iterable[tuple[int, Piece]]) -> Pieces:
    """Pieces by run."""
    found: Pieces = {}
    for run, piece in pieces:
        found.setdefault(run, []).append(piece)
    return found


def within(pieces: Pieces, low: int, high: int) -> Pieces:
    return {run: [piece.within(low, high) for piece in of_run] for run, of_run in pieces.items()}


def joined(sealed: Pieces, tails: Pieces) -> Pieces:
    """Pieces of both, in order."""
    return {
        run: sorted(sealed.get(run, []) + tails.get(run, []), key=lambda piece: piece.at)
        for run in sealed.keys() | tails.keys()
    }
