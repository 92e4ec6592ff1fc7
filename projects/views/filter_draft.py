"""The filter as its form holds it: a tree that may be unfinished, read from the form's fields in their order.

join=all                               opens a branch, the first one the root
field=config.lr&operator=<&value=0.1   a condition; several `value` for operators that take several
end=                                   closes a branch
act=add:PATH, branch:PATH, remove:PATH, more:PATH, show:PATH
                                       what to change before the form is shown again; PATH is 0.2.1, "" the root
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, TypeAlias

from projects.models import Project
from projects.query import from_url
from projects.query.from_url import MAX_CONDITIONS, condition_text, filters_from
from projects.query.operators import JOINS, OPERATORS, Operator, filter_label
from projects.query.runset import BadQuery, Branch, Condition, Field, Filter, Runset
from projects.query.selection import selected

# How deep the form offers to put branches into the root.
MAX_DEPTH = 3


@dataclasses.dataclass(slots=True)
class ConditionDraft:
    is_branch: ClassVar[bool] = False
    field: str = ""
    operator: str = "="
    values: list[str] = dataclasses.field(default_factory=list)
    error: str = ""
    path: str = ""
    operators: Sequence[tuple[Operator, bool]] = ()  # to choose from, and whether they fit the column
    read: Condition | None = None

    @property
    def takes(self) -> int | None:
        return OPERATORS[self.operator].values

    @property
    def hint(self) -> str:
        return OPERATORS[self.operator].hint or "Value"

    @property
    def suggests(self) -> bool:
        return bool(self.field) and OPERATORS[self.operator].suggests

    @property
    def inputs(self) -> list[str]:
        """The texts of the value fields to show: of those that take several, one more to be filled."""
        if self.takes is None:
            return [*self.values, ""]
        return (self.values or [""])[:1]

    @property
    def label(self) -> str:
        return filter_label(self.read) if self.read else self.field


@dataclasses.dataclass(slots=True)
class BranchDraft:
    is_branch: ClassVar[bool] = True
    join: str = "all"
    parts: list[Draft] = dataclasses.field(default_factory=list)
    path: str = ""

    @property
    def depth(self) -> int:
        return self.path.count(".") + 1 if self.path else 0

    @property
    def may_branch(self) -> bool:
        return self.depth < MAX_DEPTH


Draft: TypeAlias = ConditionDraft | BranchDraft


def draft_from_filters(filters: Sequence[Filter]) -> BranchDraft:
    root = filters[0] if len(filters) == 1 and isinstance(filters[0], Branch) else Branch("all", tuple(filters))
    draft = _branch_draft(root)
    draft.parts = draft.parts or [ConditionDraft()]
    return draft


def _branch_draft(branch: Branch) -> BranchDraft:
    return BranchDraft(
        branch.join,
        [
            _branch_draft(part)
            if isinstance(part, Branch)
            else ConditionDraft(str(part.field), part.operator, [value or '""' for value in part.values])
            for part in branch.parts
        ],
    )


def draft_from_pairs(pairs: Iterable[tuple[str, str]]) -> BranchDraft:
    """Anything that is no field of the form is passed over, and so is what stands in no branch."""
    root: BranchDraft | None = None
    open_branches: list[BranchDraft] = []
    condition = ConditionDraft()
    for name, text in pairs:
        if name == "join" and len(open_branches) <= from_url.MAX_DEPTH:
            branch = BranchDraft(text if text in JOINS else "all")
            if open_branches:
                open_branches[-1].parts.append(branch)
            root = root or branch
            open_branches.append(branch)
        elif name == "end" and len(open_branches) > 1:
            open_branches.pop()
        elif name == "field" and open_branches:
            condition = ConditionDraft(text.strip())
            open_branches[-1].parts.append(condition)
        elif name == "operator":
            condition.operator = text if text in OPERATORS else "="
        elif name == "value" and text:
            condition.values.append(text)
    return root or BranchDraft()


def change(root: BranchDraft, act: str) -> str:
    """Does what a button of the form says. Returns the path of what is to be typed next; what there
    is not is passed over."""
    what, _, path = act.partition(":")
    place = _find(root, path)
    if place is None:
        return path
    parent, at = place
    part = parent if at is None else parent.parts[at]
    if what == "add" and isinstance(part, BranchDraft):
        return _added(part, path, ConditionDraft())
    if what == "branch" and isinstance(part, BranchDraft) and part.depth < MAX_DEPTH:
        return _added(part, path, BranchDraft("any", [ConditionDraft()])) + ".0"
    if what == "remove" and at is not None:
        del parent.parts[at]
        before = path.rpartition(".")[0]
        return _join(before, max(0, at - 1)) if parent.parts else before
    return path


def finish(root: BranchDraft, project: Project, fields: Mapping[str, Field]) -> tuple[Filter, ...] | None:
    """What the draft says, empty lines left out; None when a line has an error, which it then holds.

    `fields`: by the texts, in lower case, that a column may be called by.
    """
    filters = _finished(root, project, fields)
    if any(True for _ in errors(root)):
        return None
    if root.join == "all" or not filters:
        return filters
    return (Branch(root.join, filters),)


def errors(branch: BranchDraft) -> Iterable[str]:
    for part in branch.parts:
        if isinstance(part, BranchDraft):
            yield from errors(part)
        elif part.error:
            yield part.error


def conditions(branch: BranchDraft) -> list[ConditionDraft]:
    found: list[ConditionDraft] = []
    for part in branch.parts:
        found += conditions(part) if isinstance(part, BranchDraft) else [part]
    return found


def number(branch: BranchDraft) -> None:
    """Gives every part its path."""
    for at, part in enumerate(branch.parts):
        part.path = _join(branch.path, at)
        if isinstance(part, BranchDraft):
            number(part)


def _finished(branch: BranchDraft, project: Project, fields: Mapping[str, Field]) -> tuple[Filter, ...]:
    found: list[Filter] = []
    for part in branch.parts:
        if isinstance(part, BranchDraft):
            inside = _finished(part, project, fields)
            found += [Branch(part.join, inside)] if inside else []
        elif part.field or part.values:
            try:
                part.read = _read(part, project, fields)
                found.append(part.read)
            except BadQuery as error:
                part.error = str(error).removeprefix("f: ")
    return tuple(dict.fromkeys(found))


def _read(draft: ConditionDraft, project: Project, fields: Mapping[str, Field]) -> Condition:
    if not draft.field:
        raise BadQuery("choose a column")
    known = fields.get(draft.field.casefold())
    if known is None:
        raise BadQuery(f"no run has a column “{draft.field[:100]}”")
    if draft.takes != 0 and not draft.values:
        raise BadQuery("type a value")
    values = tuple(draft.values)[: draft.takes] if draft.takes is not None else tuple(dict.fromkeys(draft.values))
    [condition] = filters_from([condition_text(Condition(known, draft.operator, values))])
    # Whether its values mean anything to the column.
    selected(project, Runset(conditions=(condition,)))
    assert isinstance(condition, Condition)
    return condition


def _find(branch: BranchDraft, path: str) -> tuple[BranchDraft, int | None] | None:
    """The branch that holds the part of a path, and where; of the root itself (root, None)."""
    if path == branch.path:
        return branch, None
    for at, part in enumerate(branch.parts):
        if part.path == path:
            return branch, at
        if isinstance(part, BranchDraft) and (found := _find(part, path)):
            return found
    return None


def _added(branch: BranchDraft, path: str, part: Draft) -> str:
    branch.parts.append(part)
    return _join(path, len(branch.parts) - 1)


def _join(path: str, at: int) -> str:
    return f"{path}.{at}" if path else str(at)


def full(root: BranchDraft) -> bool:
    return len(conditions(root)) >= MAX_CONDITIONS
