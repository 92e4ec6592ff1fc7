"""Numbers of a column beside another column's in the same lines: x axes that are not the step."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence

import numpy as np

from runs.history import codec
from runs.history.database import bare, kept, listed
from runs.history.pieces import ALL, Asked, Piece, Pieces, gathered, joined
from runs.history.sealed import chunk_pieces
from runs.history.unsealed import tail_pieces
from runs.models import HistoryChunk

log = logging.getLogger(__name__)


def _tails(slot: str, asked: Asked, other: Asked) -> list[Pieces]:
    """The unsealed numbers of both: in a snapshot read once, however many parts of the runs are asked for."""
    return kept(slot, (asked.column, other.column, asked.runs), lambda: tail_pieces(asked, other))


def values(asked: Asked, other: Asked, of: Sequence[int]) -> Pieces:
    """The values of lines that have both, with the other's values in place of steps; of the runs at these places."""
    unsealed, other_unsealed = ({run: part[run] for run in of if run in part} for part in _tails("pairs", asked, other))
    pieces = joined(gathered(chunk_pieces(asked, *ALL, of=of)), unsealed)
    others = joined(gathered(chunk_pieces(other, *ALL, of=sorted(pieces))), other_unsealed)
    found: Pieces = {}
    for run, of_run in pieces.items():
        by_place = {piece.at: piece for piece in others.get(run, [])}
        for piece in of_run:
            match = by_place.get(piece.at)
            if match is None:
                continue
            if piece.lines is match.lines or np.array_equal(piece.lines, match.lines):
                both = Piece(piece.at, piece.lines, match.values, piece.values)
            else:
                lines, left, right = np.intersect1d(piece.lines, match.lines, assume_unique=True, return_indices=True)
                both = Piece(piece.at, lines, match.values[right], piece.values[left])
            found.setdefault(run, []).append(both)
    return found


def starts(clock: Asked, counted: Asked, of: Sequence[int]) -> dict[int, float]:
    """When each of the runs at these places began by its own clock: `_timestamp` − `_runtime` of its first line; of
    writers the earliest.

    Later lines do not tell: `_runtime` leaves out the time between a stop and a resume.
    """
    heads: list[dict[tuple[int, str], Piece]] = []
    for asked, unsealed in zip((clock, counted), _tails("starts", clock, counted), strict=True):
        found = {(run, piece.at[0]): piece for run in of for piece in unsealed.get(run, ()) if piece.at[1] == 0}
        rows = HistoryChunk.objects.filter(
            column_id=asked.column, run_id__in=listed(asked.runs.text(of)), first_line=0
        ).values_list("run_id", "writer", "data")
        for run, writer, data in bare(*rows.query.sql_with_params()):
            place = asked.runs.places[run]
            try:
                found[place, writer] = Piece((writer, 0), *codec.decode(data).series())
            except codec.Corrupt as error:
                log.error("A chunk of run %s, column %s is left out: %s", asked.runs[place], asked.column, error)
        heads.append(found)
    starts: dict[int, float] = {}
    for at, times in heads[0].items():
        runtimes = heads[1].get(at, times._replace(values=np.zeros(len(times.values))))
        _, left, right = np.intersect1d(times.lines, runtimes.lines, assume_unique=True, return_indices=True)
        began = times.values[left] - runtimes.values[right]
        began = began[np.isfinite(began)]
        if began.size:
            starts[at[0]] = min(float(began[0]), starts.get(at[0], math.inf))
    return starts


def since(pieces: Pieces, starts: Mapping[int, float]) -> Pieces:
    """The pieces by the time since their run began."""
    return {
        run: [piece._replace(steps=piece.steps - starts[run]) for piece in of_run]
        for run, of_run in pieces.items()
        if run in starts
    }
