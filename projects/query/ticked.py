"""What is ticked in the runs table -> runs, those of pages that were never loaded included."""

from __future__ import annotations

import uuid
from collections.abc import Collection

import numpy as np

from projects.models import Project
from projects.query.runset import Runset
from projects.query.tree import Node, Tree

EVERYTHING = "*"


def ticked_runs(project: Project, runset: Runset, on: Collection[str], off: Collection[str]) -> list[uuid.UUID]:
    """In order of creation. `on` and `off` hold ids of groups (Group.id) and of runs (hex), or EVERYTHING; what stands
    further in counts."""
    tree = Tree(project, runset)
    ticked = np.zeros(len(tree.frame), dtype=bool)

    def mark(node: Node) -> None:
        id = node.id if node.parent else EVERYTHING
        if id in on or id in off:
            ticked[node.positions] = id in on
        for child in node.children:
            mark(child)

    mark(tree.root)
    ticked |= tree.frame.having(_runs(on))
    ticked &= ~tree.frame.having(_runs(off))
    return tree.frame.ids(np.flatnonzero(ticked))


def _runs(ids: Collection[str]) -> list[uuid.UUID]:
    return [uuid.UUID(id) for id in ids if len(id) == 32]
