"""Runs that differ in nothing but their seed: by which columns to group so that each group holds such runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from projects.models import Project
from projects.query.columns import Candidate
from projects.query.runset import CONFIG, Field, Runset
from projects.query.tree import Tree

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SEEDS = frozenset({"seed", "fold", "kfold", "replicate", "replica", "repetition", "repeat", "rng"})
_STATE = ("random", "state")


@dataclass(frozen=True, slots=True)
class Varying:
    """`excepted`: it tells only replicates apart, by its name."""

    field: Field
    distinct: int
    excepted: bool


def varying(candidates: Iterable[Candidate]) -> tuple[Varying, ...]:
    """The config columns that differ between the runs, the client's own left out."""
    return tuple(
        Varying(it.field, it.distinct, seed_like(it.field.key))
        for it in candidates
        if it.field.scope == CONFIG and it.varies and not it.field.key.startswith("_")
    )


def group_sizes(project: Project, runset: Runset) -> str:
    """ "20 groups of 5 runs", "3 groups of 1 to 5 runs": what the runset's grouping makes of its runs; "" ungrouped."""
    if not runset.grouping:
        return ""
    sizes = [len(leaf.positions) for leaf in Tree(project, runset).root.leaves()]
    least, most = min(sizes), max(sizes)
    runs = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    return f"{len(sizes):,} group{'s' if len(sizes) != 1 else ''} of {runs} run{'s' if most != 1 else ''}"


def seed_like(key: str) -> bool:
    """seed, random_state, data.cvFold … at any depth, in any case; not n_folds, which is no fold."""
    for part in key.split("."):
        words = [word.lower() for word in _WORDS.findall(part)]
        if not _SEEDS.isdisjoint(words) or any(pair == _STATE for pair in zip(words, words[1:], strict=False)):
            return True
    return False
