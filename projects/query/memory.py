"""Columns of runs, kept in the process from one request to the next, and never out of date.

Every request first lists the runs it is about with their versions (Run.changed_at, which every transaction that changes
anything of a run moves on). What was read of a run under another version is read again before it is used. As versions
are listed before values are read, a value is at least as new as its version; if it is newer, the next listing tells. So
nothing is trusted for a time, and any number of processes may write.

A run has a slot: its place in all arrays, by the order in which runs were first seen. Arrays that were handed out are
never changed; what changes is a copy.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from projects.models import Project
from projects.query.everything import Everything
from projects.query.pairs import PAIR_BYTES, Pairs
from projects.query.reading import Ids, Versions, uuids
from projects.query.runset import Field, Reduced, Searched
from projects.query.sources import Part, reduced, searched, some, whole
from projects.query.statistics import Counts, Floats
from projects.query.text_order import TextOrder

# What a process keeps at most; what was not asked for the longest goes first.
MAX_BYTES = 64 * 2**20
# Runs that are read one by one; if more are to be read, whole columns are.
FEW = 500
_SHARE = 8  # or as many as one in so many


@dataclass(frozen=True, slots=True)
class Column:
    """By slot the code of the run's value, 0 where it is not set; by code the value.

    A value is its number, if that says it all; else it has a Pair, and the number is NaN unless it has a finite one.
    Several codes may stand for one value.
    """

    codes: NDArray[np.unsignedinteger]
    numbers: Floats
    pairs: Pairs
    text_order: TextOrder

    @property
    def bytes(self) -> int:
        return self.codes.nbytes + self.numbers.nbytes + PAIR_BYTES * len(self.pairs)


def _empty() -> Column:
    return Column(np.zeros(0, dtype=np.uint8), np.array([np.nan]), Pairs.of([], []), TextOrder())


class Memory:
    """What is kept of one project."""

    def __init__(self, project: Project) -> None:
        self.bytes = 0
        self.everything = Everything(project)
        self._project = project
        self._lock = Lock()
        self._ids: Ids = np.empty(0, dtype="S16")
        self._index: tuple[Counts, Ids] = np.empty(0, dtype=np.int64), self._ids  # slots in order of id, and the ids
        self._versions: Versions | None = None
        self._columns: OrderedDict[Field, Column] = OrderedDict()
        self._fresh: dict[Field, NDArray[np.bool_]] = {}  # by slot: read under the version that the run has

    def columns(self, ids: Ids, versions: Versions, fields: Sequence[Field]) -> tuple[Counts, dict[Field, Column]]:
        """The slots of the listed runs, and columns that are as new as the listing, at least for these runs."""
        with self._lock:
            slots = self._slots(ids, versions)
            stale = {field: self._stale(field, slots) for field in fields}
            for field in fields:
                if len(stale[field]) and (part := _derived(self._project, field, self._ids[stale[field]])):
                    self._put(field, stale[field], part)
            own = [field for field in fields if not isinstance(field, Reduced | Searched)]
            few = max(FEW, len(self._ids) // _SHARE)
            many = [field for field in own if len(stale[field]) > few or self._overgrown(field)]
            for field, part in whole(self._project, many):
                self._columns[field] = _empty()
                self._put(field, np.arange(len(self._ids)), part)
            rest = [field for field in own if field not in many and len(stale[field])]
            if rest:
                again = np.unique(np.concatenate([stale[field] for field in rest]))
                for field, part in some(self._project, rest, uuids(self._ids[again])):
                    self._put(field, again, part)
            found = {field: self._columns[field] for field in fields}
            for field in fields:
                self._columns.move_to_end(field)
            while (size := self._size()) > MAX_BYTES and self._columns:
                field, _ = self._columns.popitem(last=False)
                del self._fresh[field]
            self.bytes = size
            return slots, found

    def _size(self) -> int:
        versions = 0 if self._versions is None else self._versions.nbytes
        columns = sum(column.bytes for column in self._columns.values())
        return columns + versions + self.everything.bytes + 3 * self._ids.nbytes + len(self._ids) * len(self._fresh)

    def _slots(self, ids: Ids, versions: Versions) -> Counts:
        slots = self.find(ids)
        new = slots < 0
        if new.any() or self._versions is None:
            slots[new] = len(self._ids) + np.arange(np.count_nonzero(new))
            self._versions = np.concatenate([versions[:0] if self._versions is None else self._versions, versions[new]])
            self._ids = np.concatenate([self._ids, ids[new]])
            order = np.argsort(self._ids)
            self._index = order, self._ids[order]
            for field, fresh in self._fresh.items():
                self._fresh[field] = np.concatenate([fresh, np.zeros(np.count_nonzero(new), dtype=bool)])
        moved = self._versions[slots] != versions
        if moved.any():
            self._versions[slots[moved]] = versions[moved]
            for fresh in self._fresh.values():
                fresh[slots[moved]] = False
        return slots

    def find(self, ids: Ids) -> Counts:
        """The slots of runs; -1 where one was never listed."""
        order, ordered = self._index
        if not len(ordered):
            return np.full(len(ids), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
        return np.where(ordered[place] == ids, order[place], -1)

    def _stale(self, field: Field, slots: Counts) -> Counts:
        if field not in self._columns or (isinstance(field, Reduced | Searched) and self._overgrown(field)):
            self._columns[field] = _empty()
            self._fresh[field] = np.zeros(len(self._ids), dtype=bool)
        return slots[~self._fresh[field][slots]]

    def _overgrown(self, field: Field) -> bool:
        """Whether most of its values are no run's any more."""
        return len(self._columns[field].numbers) > 2 * len(self._ids) + FEW

    def _put(self, field: Field, slots: Counts, part: Part) -> None:
        """All that there is of these runs, in place of what was known of them."""
        column = self._columns[field]
        at = self.find(part.ids)
        known = at >= 0
        # Of runs that were never asked for nothing is kept.
        used, given = np.unique(part.codes[known], return_inverse=True)
        base = len(column.numbers)
        numbers = np.concatenate([column.numbers, part.numbers[used]])
        codes = np.zeros(len(self._ids), dtype=np.min_scalar_type(len(numbers)))
        codes[: len(column.codes)] = column.codes
        codes[slots] = 0
        codes[at[known]] = base + given
        places = np.searchsorted(used, list(part.pairs)).tolist()
        pairs = {
            base + place: pair
            for place, (code, pair) in zip(places, part.pairs.items(), strict=True)
            if place < len(used) and used[place] == code
        }
        more = Pairs.of(list(pairs), list(pairs.values()))
        self._columns[field] = Column(codes, numbers, column.pairs.joined(more), column.text_order)
        self._fresh[field][slots] = True


def _derived(project: Project, field: Field, ids: Ids) -> Part | None:
    match field:
        case Reduced():
            return reduced(project, field, uuids(ids))
        case Searched():
            return searched(project, field, ids)
        case _:
            return None


_memories: OrderedDict[tuple[str, uuid.UUID], Memory] = OrderedDict()
_lock = Lock()


def memory_of(project: Project) -> Memory:
    with _lock:
        key = (connection.alias, project.id)
        found = _memories.pop(key, None) or Memory(project)
        _memories[key] = found
        while len(_memories) > 1 and sum(memory.bytes for memory in _memories.values()) > MAX_BYTES:
            _memories.popitem(last=False)
        return found


def forget() -> None:
    """What a new process knows."""
    with _lock:
        _memories.clear()
