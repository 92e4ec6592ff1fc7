"""The selected runs in memory: what grouping, sorting and statistics need of them, as arrays of one entry a run.

A run is a position: its rank by (created_at, id).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from django.db.models.functions import Coalesce
from django.utils import timezone
from numpy.typing import NDArray

from projects.models import Project
from projects.query.everything import Everything, Listing
from projects.query.fields import numeric_fields
from projects.query.labels import Labels, exploded, label_counts, labels_from, labels_of, tags
from projects.query.memory import memory_of
from projects.query.reading import ids_of, listed, moments, uuids
from projects.query.runset import RUN, Field, Runset, Searched
from projects.query.selection import pattern_of, selected
from projects.query.sources import run_pair
from projects.query.statistics import Counts, Floats
from projects.query.texts import matcher
from runs.models import Run, State
from runs.states import AFTER_SILENCE, alive_since

STATE = Field(RUN, "state")
TAGS = Field(RUN, "tags")
DURATION = Field(RUN, "duration")
HEARTBEAT = Field(RUN, "heartbeat_at")

# What goes on without a new version of the run: asked for each time.
_LIVE = (DURATION, HEARTBEAT)

_END = Coalesce("ended_at", "heartbeat_at")

_AT_ONCE = 100


class Frame:
    """`keys` have labels; each of `columns` has numbers if it is numeric, else labels.

    `shown` is what the runset shows of each of `columns`: itself, or its numbers from the history.
    """

    def __init__(
        self,
        project: Project,
        runset: Runset,
        *,
        keys: Iterable[Field],
        columns: Iterable[Field] = (),
        listing: Listing | None = None,
    ) -> None:
        """One query if all is in memory, two with `columns`. `listing`: what the runset selects, if that is known."""
        keys, columns = tuple(keys), tuple(columns)
        pattern = pattern_of(runset.search)
        self._project = project
        # A pattern is matched once with each version of a run, and not by each question.
        self._runs = selected(project, runset if pattern is None else replace(runset, search=""))
        self._memory = memory_of(project)
        self._ids, versions = (listing.ids, listing.versions) if listing else listed(self._runs)
        if pattern is not None:
            matcher(pattern)
            meant = Searched(RUN, "name", pattern)
            slots, found = self._memory.columns(self._ids, versions, [meant])
            known = np.isfinite(found[meant].numbers)[found[meant].codes[slots]]
            self._ids, versions = self._ids[known], versions[known]
        self.numeric = frozenset(numeric_fields(project, columns)) if columns else frozenset()
        self.shown = {field: runset.shown(field) if field in self.numeric else field for field in columns}
        asked = dict.fromkeys(field for field in (*keys, *self.shown.values()) if field not in _LIVE)
        self._slots, self._columns = self._memory.columns(self._ids, versions, tuple(asked))
        self._versions = versions
        self._labels: dict[Field, Labels] = {}
        self._seconds: dict[Field, Floats] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def id(self, position: int) -> uuid.UUID:
        return uuids(self._ids[position : position + 1])[0]

    @property
    def everything(self) -> Everything:
        return self._memory.everything

    def created(self, position: int) -> int:
        """The place of a run in the order of creation of all of the project's."""
        return int(self._listing.places(self._ids[position : position + 1])[0])

    @cached_property
    def _listing(self) -> Listing:
        return self.everything.listing()

    def ids(self, positions: Counts) -> list[uuid.UUID]:
        return uuids(self._ids[positions])

    def changed(self, positions: Counts) -> bytes:
        """Of these runs: other bytes whenever one of them has changed."""
        return self._versions[positions].tobytes()

    def having(self, ids: Collection[uuid.UUID]) -> NDArray[np.bool_]:
        """Which of the runs are among these."""
        slots = self._memory.find(ids_of(ids))
        wanted = np.zeros(max(self._slots.max(initial=-1), slots.max(initial=-1)) + 1, dtype=bool)
        wanted[slots[slots >= 0]] = True
        return wanted[self._slots]

    def numbers(self, field: Field) -> Floats:
        """NaN: no finite number, or not set."""
        if field in _LIVE:
            if field not in self._seconds:
                self._seconds[field] = self._live(field)
            return self._seconds[field]
        column = self._columns[field]
        found: Floats = column.numbers[column.codes[self._slots]]
        return found

    def labels(self, field: Field) -> Labels:
        found = self._labels.get(field)
        if found is None:
            if field == STATE:
                found = self.states
            elif field == HEARTBEAT:
                found = self._heartbeats()
            else:
                found = labels_of(self._columns[field], self._slots)
            self._labels[field] = found
        return found

    def label_counts(self, fields: Sequence[Field]) -> Iterator[tuple[Field, int, int]]:
        """How many distinct values of each field the runs have, and how many runs have one. A few columns at a time,
        as a project may have thousands."""
        for start in range(0, len(fields), _AT_ONCE):
            some = fields[start : start + _AT_ONCE]
            slots, columns = self._memory.columns(self._ids, self._versions, some)
            self._columns |= {field: columns[field] for field in some if field.scope == RUN}
            for field in some:
                if field == STATE:
                    yield field, len(np.unique(self.states.codes)), len(self)
                elif field == TAGS:
                    labels = self.labels(TAGS)
                    yield field, len(exploded(labels, tags)[0]), int(np.count_nonzero(labels.codes < len(labels)))
                else:
                    yield field, *label_counts(columns[field], slots)

    @cached_property
    def states(self) -> Labels:
        """As of now, silence reckoned. A query or two."""
        column = self._columns.get(STATE)
        if column is None:
            _, found = self._memory.columns(self._ids, self._versions, [STATE])
            column = found[STATE]
        stored = labels_of(column, self._slots)
        names = [stored.pair(rank)[1] for rank in range(len(stored))]
        now = {name: str(AFTER_SILENCE.get(State(name), name)) for name in names}
        every = list(dict.fromkeys((*names, *now.values())))
        codes = stored.codes
        if any(state != name for name, state in now.items()):
            fallen = np.array([every.index(now[name]) for name in names])
            codes = np.where(self._silent, fallen[codes], codes)
        return labels_from(codes, [(f"s:{name}", name) for name in every])

    @cached_property
    def _silent(self) -> NDArray[np.bool_]:
        since = alive_since(timezone.now())
        runs = Run.objects.filter(project=self._project, deleted_at=None, state__in=AFTER_SILENCE)
        return self.having(list(runs.filter(heartbeat_at__lt=since).values_list("id", flat=True)))

    def _heartbeats(self) -> Labels:
        moments, codes = np.unique(self.numbers(HEARTBEAT), return_inverse=True)
        pairs = [run_pair(HEARTBEAT, datetime.fromtimestamp(moment, UTC)) for moment in moments if moment == moment]
        return labels_from(np.where(codes < len(pairs), codes, -1), [pair for pair in pairs if pair])

    def _live(self, field: Field) -> Floats:
        """Seconds, of moments since 1970; NaN where a run was deleted meanwhile."""
        if field == HEARTBEAT:
            ids, (until,) = moments(self._runs, "heartbeat_at")
            since = np.zeros_like(until)
        else:
            # Not the expression of the field: SQLite has none for the time between moments but a Python function.
            ids, (since, until) = moments(self._runs.annotate(until=_END), "created_at", "until")
        if not len(ids):
            return np.full(len(self), np.nan)
        order = np.argsort(ids)
        place = order[np.minimum(np.searchsorted(ids, self._ids, sorter=order), len(ids) - 1)]
        return np.where(ids[place] == self._ids, (until - since)[place] / 1e6, np.nan)
