"""A saved view as the `wandb-workspaces` package writes it <-> as it is kept here (projects.saved_views.Content).

Neither side can say all that the other can. So what the package said is kept, whole; it is told that again, with what
has been changed here since. And of what it sends, what differs from what it was told is changed here. The middle form
is plain JSON:

    parameters   of the page's address (runset.Parameters)
    spec         settings of all panels; sections: {name: settings}
    automatic    whether each metric has a panel by itself
    panels       in order (panels.Panel)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphql import GraphQLError

from projects.charts.line_plot import LinePlot, SpecError
from projects.layout import MOST_ADDED, Added, Layout, LayoutError, Panel, section_name, section_of
from projects.overall import Overall, overall_from_query, overall_query
from projects.query.from_url import query_string, runset_from_query
from projects.query.runset import BadQuery, Runset
from projects.saved_views import Content
from tracker.wire.viewspec.merge import carried
from tracker.wire.viewspec.panels import (
    OWN,
    Spec,
    panel_from,
    panel_key,
    panel_said,
    settings_from,
    settings_said,
)
from tracker.wire.viewspec.runset import overall_of, parameters_from, parameters_of, query_of, runset_said
from tracker.wire.viewspec.words import Names, objects, said

View = dict[str, Any]

_FLOW = {
    "snapToColumns": True, "columnsPerPage": 3, "rowsPerPage": 2, "gutterWidth": 16, "boxWidth": 460, "boxHeight": 300,
}  # fmt: skip


def spec_told(content: Content, names: Names) -> dict[str, Any]:
    """What the package is told of a view."""
    told = _spec(_view(content, names), content, names)
    if content.kept is None:
        return told
    try:
        base = _spec(view_from(content.kept, names), content, names)
    except (GraphQLError, BadQuery):
        return told  # kept by another release
    found: dict[str, Any] = carried(base, told, content.kept)
    return found


def content_changed(content: Content, spec: Mapping[str, Any], names: Names) -> Content:
    """The view after the package has saved it. Raises GraphQLError for what can't be shown here, naming it."""
    spec = _with_ids(spec)
    try:
        mine = _view(content, names)
        base = view_from(_spec(mine, content, names), names)
        view: View = carried(base, view_from(spec, names), mine)
        shown = {it["panel"] for it in mine["panels"]}
        return replace(
            content,
            query=_query(view["parameters"]),
            spec=_checked(view["spec"], "all panels"),
            sections={name: _checked(it, name) for name, it in view["sections"].items() if it},
            layout=content.layout if _arranged(view) == _arranged(mine) else _layout(view, base, content.layout, names),
            panels={key: it for key, it in content.panels.items() if key not in shown}
            | {it["panel"]: _checked(it["spec"], it["metric"]) for it in view["panels"] if it["spec"]},
            kept=dict(spec),
        )
    except (BadQuery, LayoutError) as error:
        raise GraphQLError(str(error)) from None


def content_new(spec: Mapping[str, Any], names: Names) -> Content:
    """Of a view that was not there. Raises GraphQLError."""
    empty = Content(query="", layout=Layout(automatic=False))
    return content_changed(empty, spec, names)


def view_from(spec: Mapping[str, Any], names: Names) -> View:
    """Raises GraphQLError and BadQuery."""
    section = said(spec, "section", dict, {})
    settings, bank = said(section, "settings", dict, {}), said(section, "panelBankConfig", dict, {})
    runsets = objects(section, "runSets")
    if len(runsets) > 1:
        raise GraphQLError("this server shows one set of runs")
    shared = settings_from(settings)
    parameters = parameters_from(runsets[0] if runsets else {}, names)
    if axis := shared.pop("xAxis", ""):
        parameters["x"] = [axis]
    if kind := shared.pop("smoothingType", ""):
        weight = shared.pop("smoothingWeight", LinePlot().smoothing_weight)
        parameters["smoothing"] = [f"{kind}:{weight:g}"]
    if said(settings, "ignoreOutliers", bool, False):
        shared["ignoreOutliers"] = True
    if said(settings, "maxRuns", int, 10) != 10:
        shared["limit"] = settings["maxRuns"]
    automatic = _automatic(section, settings)
    sections: dict[str, Spec] = {}
    panels = []
    for item in objects(bank, "sections"):
        name = section_name(said(item, "name", str, ""))
        if name in sections:
            raise GraphQLError(f"two sections are called {name!r}")
        sections[name] = settings_from(said(item, "localPanelSettings", dict, {}))
        found = [panel_from(panel, name, names, own=automatic) for panel in objects(item, "panels")]
        panels += [panel for panel in found if panel is not None]
    return {
        "parameters": parameters,
        "spec": shared,
        "sections": {name: it for name, it in sections.items() if it},
        "automatic": automatic,
        "panels": panels,
    }


def _automatic(section: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Of the block that newer pages of theirs write, if there is one; what is unsaid is yes."""
    newer = said(section, "workspaceSettings", dict, {})
    found = (newer if newer.keys() - {"ref"} else settings).get("shouldAutoGeneratePanels")
    return found is not False


def _view(content: Content, names: Names) -> View:
    panels = [
        {
            "panel": panel.key,
            "section": section.name,
            "kind": panel.kind,
            "metric": panel.metric,
            "spec": content.panels.get(panel.key, {}),
        }
        for section in content.layout.sections(names.metrics, drawn=lambda _: True)
        for panel in section.panels
    ]
    return {
        "parameters": parameters_of(content.query),
        "spec": content.spec,
        "sections": content.sections,
        "automatic": content.layout.automatic,
        "panels": panels,
    }


def _spec(view: View, content: Content, names: Names) -> dict[str, Any]:
    overall = overall_of(view["parameters"])
    shared = view["spec"] | {key: value for key, value in overall.spec.items() if value}
    ids = {panel_key(id): id for id in _ids(content.kept or {})}
    order = dict.fromkeys(it["section"] for it in view["panels"])
    return {
        "section": {
            "panelBankConfig": {
                "state": 1,
                "settings": {"autoOrganizePrefix": 1, "showEmptySections": False, "sortAlphabetically": False},
                "sections": [_section(name, view, ids) for name in order],
            },
            "panelBankSectionConfig": {"pinned": False},
            "customRunColors": {},
            "name": "",
            "runSets": [{"id": "", "enabled": True, "name": "Run set"} | runset_said(view["parameters"], names)],
            "settings": settings_said(shared)
            | {
                "ignoreOutliers": bool(view["spec"].get("ignoreOutliers")),
                "maxRuns": view["spec"].get("limit") or LinePlot().limit,
                "shouldAutoGeneratePanels": view["automatic"],
            },
            "openRunSet": 0,
            "openViz": True,
        },
        "vizExpanded": False,
        "libraryExpanded": True,
    }


def _section(name: str, view: View, ids: Mapping[str, str]) -> dict[str, Any]:
    panels = [it for it in view["panels"] if it["section"] == name]
    return {
        "name": name,
        "isOpen": True,
        "type": "flow",
        "flowConfig": _FLOW,
        "sorted": 0,
        "localPanelSettings": settings_said(view["sections"].get(name, {})),
        "panels": [panel_said(it, ids.get(it["panel"]) or _id(it)) for it in panels],
        "pinned": False,
    }


def _id(panel: Mapping[str, Any]) -> str:
    own = panel["kind"] == "line" and panel["panel"] == panel["metric"]
    return str(OWN + panel["metric"] if own else panel["panel"])


def _ids(spec: Mapping[str, Any]) -> list[str]:
    bank = said(said(spec, "section", dict, {}), "panelBankConfig", dict, {})
    return [said(it, "__id__", str, "") for section in objects(bank, "sections") for it in objects(section, "panels")]


def _with_ids(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Each panel with an id of its own: the same one may have been put into two sections."""
    taken: set[str] = set()

    def named(panel: Mapping[str, Any], place: str) -> dict[str, Any]:
        id = said(panel, "__id__", str, "") or place
        while id in taken:
            id += "-again"
        taken.add(id)
        return {**panel, "__id__": id}

    section = said(spec, "section", dict, {})
    bank = said(section, "panelBankConfig", dict, {})
    sections = [
        {
            **it,
            "panels": [named(panel, f"{it.get('name')} {place}") for place, panel in enumerate(objects(it, "panels"))],
        }
        for it in objects(bank, "sections")
    ]
    return {**spec, "section": {**section, "panelBankConfig": {**bank, "sections": sections}}}


def _query(parameters: Mapping[str, Any]) -> str:
    """Complete, as Looking.saved_query. Raises BadQuery."""
    query = query_of(dict(parameters))
    runset = replace(runset_from_query(query, defaults=Runset()), page=1)
    overall = overall_query(overall_from_query(query, defaults=Overall()), Overall())
    return "&".join(filter(None, (query_string(runset, Runset()), overall)))


def _checked(spec: Spec, of: str) -> Spec:
    try:
        LinePlot.from_spec(spec)
    except SpecError as error:
        raise GraphQLError(f"the settings of {of}: {error}") from None
    return spec


def _arranged(view: View) -> list[Any]:
    places = [{key: it[key] for key in ("panel", "section", "kind", "metric")} for it in view["panels"]]
    return [view["automatic"], places]


def _layout(view: View, base: View, before: Layout, names: Names) -> Layout:
    """Raises LayoutError."""
    keys: dict[str, list[str]] = {}
    own = {it["panel"]: it["section"] for it in view["panels"] if _is_own(it, view)}
    gone = {it["panel"] for it in base["panels"] if _is_own(it, base)} - own.keys()
    added: list[Added] = []
    behind: dict[str, str] = {}
    for it in view["panels"]:
        if it["panel"] not in own:
            panel = Panel(it["panel"], it["metric"], it["kind"])
            added.append(Added(panel, it["section"], behind.get(it["section"], "")))
        behind[it["section"]] = it["panel"]
        keys.setdefault(it["section"], []).append(it["panel"])
    if len(added) > MOST_ADDED:
        raise LayoutError(f"A workspace can have {MOST_ADDED} added panels.")
    found = Layout(
        removed=(before.removed | gone) - own.keys(),
        moved={name: section for name, section in own.items() if section != section_of(name)},
        added=tuple(added),
        automatic=view["automatic"],
    )
    for section, wanted in keys.items():
        found = found.with_order(section, wanted, names.metrics)
    return found


def _is_own(panel: Mapping[str, Any], view: View) -> bool:
    return bool(view["automatic"]) and panel["kind"] == "line" and panel["panel"] == panel["metric"]
