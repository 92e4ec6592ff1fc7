"""All runs of a project in order of creation, and ranks among them, kept in the process and brought up to date by what
changed last."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import TypeAlias

import numpy as np

from projects.models import Project
from projects.query.reading import Ids, Versions, ids_of, listed
from projects.query.runset import Field
from projects.query.statistics import Counts
from runs.models import Run

# The latest changes that are asked for. Up to so many may be new: the rest, which was known, is more than changes in
# the time a transaction takes to commit.
_LATEST, _NEW = 256, 192

_GROUPINGS = 8  # whose ranks are kept
_RANK_BYTES = 400  # about, of a rank and its group's steps

Fields: TypeAlias = tuple[Field, ...]
# (field, token) from the outermost group inwards.
Steps: TypeAlias = tuple[tuple[Field, str | None], ...]
# Of groups by first appearance in the project, from 0 (projects.query.ranks).
Ranks: TypeAlias = dict[Steps, int]

# Run -> when it changed last.
_Latest = dict[uuid.UUID, datetime]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    ids: Ids
    versions: Versions
    _order: Counts  # the runs' places in order of id

    @classmethod
    def of(cls, ids: Ids, versions: Versions) -> Listing:
        return cls(ids, versions, np.argsort(ids))

    @property
    def bytes(self) -> int:
        return self.ids.nbytes + self.versions.nbytes + self._order.nbytes

    def places(self, ids: Ids) -> Counts:
        """Of runs that are listed, by creation; -1 of others."""
        if not len(self.ids):
            return np.full(len(ids), -1, dtype=np.int64)
        at = self._order[np.minimum(np.searchsorted(self.ids, ids, sorter=self._order), len(self.ids) - 1)]
        return np.where(self.ids[at] == ids, at, -1)


class Everything:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = Lock()
        self._latest: _Latest = {}
        self._listing: Listing | None = None
        self._ranks: OrderedDict[Fields, tuple[Listing, Ranks]] = OrderedDict()

    @property
    def bytes(self) -> int:
        ranks = sum(len(found) for _, found in list(self._ranks.values()))
        return (self._listing.bytes if self._listing else 0) + _RANK_BYTES * ranks

    def ranks(self, fields: Fields, make: Callable[[Listing], Ranks]) -> Ranks:
        """The ranks of the groups by these fields: what `make` made of this listing, if anything has changed now."""
        listing = self.listing()
        kept, found = self._ranks.get(fields, (None, {}))
        if kept is not listing:
            found = make(listing)
            with self._lock:
                self._ranks.pop(fields, None)
                self._ranks[fields] = listing, found
                if len(self._ranks) > _GROUPINGS:
                    self._ranks.popitem(last=False)
        return found

    def listing(self) -> Listing:
        """As of this snapshot; the same object as long as nothing has changed. One query, another if something has."""
        runs = Run.objects.filter(project=self._project)
        latest = dict(runs.order_by("-changed_at", "-id").values_list("id", "changed_at")[:_LATEST])
        with self._lock:
            found = self._listing
            if found is None or latest != self._latest:
                found = (found and self._updated(found, latest)) or Listing.of(*listed(runs.filter(deleted_at=None)))
            self._listing, self._latest = found, latest
            return found

    def _updated(self, known: Listing, latest: _Latest) -> Listing | None:
        """None where one must be listed that was not, or no longer is."""
        changed = [run for run, at in latest.items() if self._latest.get(run) != at]
        oldest = min(latest.values(), default=None)
        # What is newer than this snapshot is not to be taken for known in it.
        gone = any(oldest is None or at >= oldest for run, at in self._latest.items() if run not in latest)
        if gone or len(changed) > _NEW or not len(known.ids):
            return None
        asked = {*changed, uuid.UUID(bytes=known.ids[-1:].tobytes())}
        ids, versions = listed(Run.objects.filter(pk__in=asked, deleted_at=None))
        at, before = known.places(ids), known.places(ids_of(asked))
        still = at[at >= 0]
        # The last of all is among them: what is new has to come after it.
        if len(still) < (before >= 0).sum() or (np.diff(still) < 0).any() or (at[: len(still)] < 0).any():
            return None
        then = known.versions.copy()
        then[still] = versions[: len(still)]
        if len(still) == len(ids):
            return replace(known, versions=then)
        new = slice(len(still), None)
        return Listing.of(np.concatenate([known.ids, ids[new]]), np.concatenate([then, versions[new]]))
