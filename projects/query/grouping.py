"""Runs -> groups. Groups are found in SQL over typed tokens; statistics have the run as their unit."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from projects.models import Project
from projects.query.runset import Field, Runset


@dataclass(frozen=True, slots=True)
class Key:
    """A group's value of one field. `token` tells types apart ("1" is not 1); None: the run has no such value."""

    field: Field
    token: str | None
    text: str  # as shown; "(not set)" when the token is None, "null" for an explicit null


@dataclass(frozen=True, slots=True)
class Cell:
    """One column over a group's runs. Numbers: n, mean, std (None when n < 2), low, high. Else: `text` when all share it, or distinct > 1."""

    n: int
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    text: str | None = None
    distinct: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the table at some depth. `id` is short, URL-safe, and a function of the path of keys alone."""

    id: str
    path: tuple[Key, ...]
    runs: int
    states: dict[str, int]  # state -> runs, derived states included
    cells: dict[Field, Cell]
    colour: str  # hex; a leaf group's line has the same


@dataclass(frozen=True, slots=True)
class RunGroup:
    """What a chart needs of one leaf group (or, ungrouped, of one run): all its visible runs, in a fixed order."""

    id: str
    label: str  # "lr: 0.1 · job_type: train"
    colour: str
    run_ids: tuple[uuid.UUID, ...]


def default_fields(project: Project) -> tuple[Field, ...]:
    """Group, then Job type, if any run of the project has a group; else ()."""
    raise NotImplementedError


def groups(project: Project, runset: Runset, parent: tuple[Key, ...] = ()) -> list[Group]:
    """The groups one level below `parent`, sorted as the runset says (by default naturally: 8, 16, 128)."""
    raise NotImplementedError


def run_groups(project: Project, runset: Runset, limit: int) -> tuple[list[RunGroup], int]:
    """The first `limit` visible leaf groups in table order (ungrouped: runs), and how many there are. A group always has all its visible runs."""
    raise NotImplementedError
