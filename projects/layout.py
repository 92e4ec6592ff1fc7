"""How a workspace arranges its panels: by itself one for each metric, and what people changed of that. Pure.

A panel's `key` tells it from the others of its workspace and owns its settings: the metric's name, or, for one that was
added, an id.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from projects.names import MAX_TITLE, title_from

# Of metrics without a "/" in their name.
NO_SECTION = "Charts"
MOST_ADDED = 500

_IDS = uuid.UUID("5f0c9b3e-6d0f-5c39-9a53-0d5a7f4f5d11")


class LayoutError(ValueError):
    """A change that can't be made; the text is for the person who asked for it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """`kind` is one of panel_kinds.KINDS, which says what its `metric` is."""

    key: str
    metric: str
    kind: str = "line"

    @property
    def id(self) -> str:
        """Good for a DOM id."""
        return uuid.uuid5(_IDS, f"panel:{self.key}").hex


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    panels: tuple[Panel, ...]

    @property
    def id(self) -> str:
        return uuid.uuid5(_IDS, f"section:{self.name}").hex


@dataclass(frozen=True, slots=True)
class Added:
    """A panel that was added to `section`, behind the one of the key `after`, else at the end."""

    panel: Panel
    section: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """What was changed. `removed` and `moved` (key -> section) are of metrics' own panels, which there are while
    `automatic`.

    `order`: section -> keys of panels that were placed by hand, in their order. Of each other panel it says that it
    stands behind those of them that come before it by themselves, so that new metrics find a place.
    """

    removed: frozenset[str] = frozenset()
    moved: Mapping[str, str] = field(default_factory=dict)
    added: tuple[Added, ...] = ()
    automatic: bool = True
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Layout:
        return cls(
            removed=frozenset(value.get("removed", ())),
            moved=dict(value.get("moved", {})),
            added=tuple(
                Added(Panel(it["key"], it["metric"], it["kind"]), it["section"], it["after"])
                for it in value.get("added", ())
            ),
            automatic=value.get("automatic", True),
            order={section: tuple(keys) for section, keys in value.get("order", {}).items()},
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "removed": sorted(self.removed),
            "moved": dict(self.moved),
            "added": [
                {
                    "key": it.panel.key,
                    "metric": it.panel.metric,
                    "kind": it.panel.kind,
                    "section": it.section,
                    "after": it.after,
                }
                for it in self.added
            ],
            "order": {section: list(keys) for section, keys in self.order.items()},
        } | ({} if self.automatic else {"automatic": False})

    def panel(self, key: str) -> Panel:
        """One that was added, else a metric's own, whether or not there is such a metric."""
        return next((it.panel for it in self.added if it.panel.key == key), Panel(key, key))

    @property
    def of_a_run(self) -> Layout:
        """Without what compares runs."""
        return replace(self, added=tuple(it for it in self.added if it.panel.kind == "line"))

    def section_of(self, key: str) -> str:
        return next((it.section for it in self.added if it.panel.key == key), self.moved.get(key) or section_of(key))

    def sections(self, names: Sequence[str], *, drawn: Callable[[Panel], bool] | None = None) -> list[Section]:
        """The panels of these metrics, in their order within each section; sections as their first panel comes.

        `drawn`: which panels there are; by default all but added line plots of other metrics.
        """
        found: dict[str, list[Panel]] = {}
        known = set(names)
        drawn = drawn or (lambda panel: panel.metric in known or panel.kind != "line")
        for name in names if self.automatic else ():
            if name not in self.removed and drawn(Panel(name, name)):
                found.setdefault(self.moved.get(name) or section_of(name), []).append(Panel(name, name))
        for it in self.added:
            if drawn(it.panel):
                panels = found.setdefault(it.section, [])
                place = next((at for at, panel in enumerate(panels, 1) if panel.key == it.after), len(panels))
                panels.insert(place, it.panel)
        return [Section(name, self._placed(panels, self.order.get(name, ()))) for name, panels in found.items()]

    def _placed(self, panels: Sequence[Panel], order: Sequence[str]) -> tuple[Panel, ...]:
        ranks = {key: rank for rank, key in enumerate(order)}
        originals = {it.panel.key: it.after for it in self.added}
        behind: dict[str, int] = {}
        last = -1
        for key in (panel.key for panel in panels):
            if key in ranks:
                behind[key] = ranks[key]
                last = max(last, ranks[key])
            else:
                behind[key] = behind.get(originals.get(key, ""), last)
        return tuple(sorted(panels, key=lambda panel: (behind[panel.key], panel.key not in ranks)))

    def with_metric(self, metric: str, *, kind: str = "line", section: str = "", key: str = "") -> Layout:
        """Its own panel if that was removed, else another; in the section named, else the metric's own.

        With a `key` another in any case; nothing if there is one of that key.
        """
        if self.automatic and metric in self.removed and kind == "line" and not key:
            back = replace(self, removed=self.removed - {metric})
            return back.with_section(metric, section) if section else back
        if any(it.panel.key == key for it in self.added):
            return self
        return self._with(Added(Panel(key or uuid.uuid4().hex, metric, kind), section or section_of(metric)))

    def with_copy(self, key: str, *, copy: str) -> Layout:
        """Another panel of its metric behind it, of the key `copy`."""
        return self._with(Added(replace(self.panel(key), key=copy), self.section_of(key), after=key))

    def without(self, key: str) -> Layout:
        added = tuple(it for it in self.added if it.panel.key != key)
        if len(added) < len(self.added):
            return replace(self, added=added)
        return replace(self, removed=self.removed | {key}, moved={k: v for k, v in self.moved.items() if k != key})

    def with_section(self, key: str, section: str) -> Layout:
        """The panel moved into the section."""
        if any(it.panel.key == key for it in self.added):
            added = (replace(it, section=section, after="") if it.panel.key == key else it for it in self.added)
            return replace(self, added=tuple(added))
        return replace(self, moved={**self.moved, key: section})

    def with_place(self, key: str, names: Sequence[str], *, after: str = "") -> Layout:
        """The panel right behind another one of its section, by default first. `names`: as for `sections`."""
        section = self.section_of(key)
        keys = [panel.key for panel in self._of(section, names) if panel.key != key]
        if after and after not in keys:
            raise LayoutError("The other panel is not in this section any more.")
        keys.insert(keys.index(after) + 1 if after else 0, key)
        return self.with_order(section, keys, names)

    def with_order(self, section: str, keys: Sequence[str], names: Sequence[str]) -> Layout:
        """The panels of the section that `keys` names in that order. `names`: as for `sections`."""
        by_itself = replace(self, order={name: order for name, order in self.order.items() if name != section})
        panels = [panel for panel in by_itself._of(section, names) if panel.key in keys]
        wanted = [key for key in keys if any(panel.key == key for panel in panels)]
        if [panel.key for panel in panels] == wanted:
            return by_itself
        said = 1
        while [panel.key for panel in self._placed(panels, wanted[:said])] != wanted:
            said *= 2
        return replace(self, order={**self.order, section: tuple(wanted[:said])})

    def _of(self, section: str, names: Sequence[str]) -> tuple[Panel, ...]:
        return next((it.panels for it in self.sections(names) if it.name == section), ())

    def _with(self, added: Added) -> Layout:
        if len(self.added) >= MOST_ADDED:
            raise LayoutError(f"A workspace can have {MOST_ADDED} added panels.")
        return replace(self, added=(*self.added, added))


def section_of(metric: str) -> str:
    """The part of the name before the first "/"."""
    before, slash, _ = metric.partition("/")
    return before if slash and before else NO_SECTION


def section_name(text: str) -> str:
    """As kept. Raises LayoutError."""
    name = title_from(text)
    if name is None:
        raise LayoutError(f"A section's name has 1 to {MAX_TITLE} characters.")
    return name
