import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.layout import MOST_ADDED, Layout, LayoutError, section_name

NAMES = ["acc", "train/acc", "train/loss", "val/loss"]


def shown(layout: Layout, names: list[str] = NAMES) -> dict[str, list[str]]:
    """The metrics of the panels by section."""
    return {section.name: [panel.metric for panel in section.panels] for section in layout.sections(names)}


def test_by_itself_each_metric_has_a_panel_in_the_section_before_its_slash() -> None:
    assert shown(Layout()) == {"Charts": ["acc"], "train": ["train/acc", "train/loss"], "val": ["val/loss"]}


@pytest.mark.parametrize(("metric", "section"), [("/loss", "Charts"), ("a/b/c", "a"), ("loss", "Charts"), ("a/", "a")])
def test_a_section_is_what_stands_before_the_first_slash(metric: str, section: str) -> None:
    assert shown(Layout(), [metric]) == {section: [metric]}


def test_a_copy_stands_behind_its_panel_and_is_another_panel() -> None:
    layout = Layout().with_copy("train/acc", copy="k1").with_copy("k1", copy="k2").with_copy("train/acc", copy="k3")
    (train,) = [section for section in layout.sections(NAMES) if section.name == "train"]
    assert [panel.key for panel in train.panels] == ["train/acc", "k3", "k1", "k2", "train/loss"]
    assert {panel.metric for panel in train.panels[:4]} == {"train/acc"}
    assert len({panel.id for panel in train.panels}) == 5


def test_a_panel_moves_to_a_section_there_is_or_to_a_new_one() -> None:
    layout = Layout().with_section("acc", "val").with_section("train/loss", "best")
    assert shown(layout) == {"val": ["acc", "val/loss"], "train": ["train/acc"], "best": ["train/loss"]}
    assert layout.section_of("acc") == "val"
    assert shown(layout.with_section("acc", "Charts"))["Charts"] == ["acc"]


def test_an_added_panel_moves_too() -> None:
    layout = Layout().with_copy("train/acc", copy="k").with_section("k", "val")
    assert shown(layout)["val"] == ["val/loss", "train/acc"]
    assert shown(layout)["train"] == ["train/acc", "train/loss"]
    assert layout.section_of("k") == "val"


def test_a_metric_whose_panel_was_removed_gets_it_back_before_another_is_added() -> None:
    removed = Layout().without("acc").without("train/acc")
    assert shown(removed) == {"train": ["train/loss"], "val": ["val/loss"]}
    back = removed.with_metric("acc")
    assert shown(back)["Charts"] == ["acc"]
    assert back.added == ()
    assert shown(back.with_metric("acc"))["Charts"] == ["acc", "acc"]
    assert shown(removed.with_metric("acc", section="best"))["best"] == ["acc"]


def test_removing_an_added_panel_leaves_the_metrics_own() -> None:
    layout = Layout().with_copy("acc", copy="k")
    assert layout.without("k") == Layout()


def test_added_panels_of_metrics_that_are_not_shown_are_not_shown() -> None:
    layout = Layout().with_copy("acc", copy="k")
    assert shown(layout, ["val/loss"]) == {"val": ["val/loss"]}


def keys(layout: Layout, names: list[str]) -> list[str]:
    return [panel.key for panel in layout.sections(names)[0].panels]


def test_a_panel_is_placed_behind_another_and_the_rest_stay_in_their_order() -> None:
    names = list("abcdefgh")
    layout = Layout().with_place("g", names, after="a")
    assert keys(layout, names) == list("agbcdefh")
    layout = layout.with_place("c", names)
    assert keys(layout, names) == list("cagbdefh")
    # What is after the last that was placed needs no saying.
    assert len(layout.order["Charts"]) <= 4
    assert keys(layout.with_place("c", names, after="b"), names) == list("agbcdefh")
    assert layout.with_place("c", names, after="b").with_place("g", names, after="f") == Layout()


def test_new_metrics_and_copies_find_their_place_in_an_order_and_what_is_gone_leaves_none() -> None:
    layout = Layout().with_place("c", list("abcd"))
    assert keys(layout, ["a", "aa", "b", "c", "d", "e"]) == ["c", "a", "aa", "b", "d", "e"]
    assert keys(layout.with_copy("c", copy="k").with_copy("k", copy="l"), list("abcd")) == list("cklabd")
    assert keys(layout.with_copy("b", copy="k"), list("abcd")) == list("cabkd")
    assert keys(layout.without("c"), list("abcd")) == list("abd")
    assert keys(layout.without("c").with_metric("c"), list("abcd")) == list("cabd")
    copied = layout.with_copy("c", copy="k").with_place("k", list("abcd"), after="d")
    assert keys(copied, list("abcd")) == list("cabdk")


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(-1, 7)), max_size=8))
def test_placing_again_and_again_is_as_moving_in_a_list(moves: list[tuple[int, int]]) -> None:
    names = [*"abcdefg", "h"]
    layout, expected = Layout(), list(names)
    for moved, behind in moves:
        key, after = names[moved], names[behind] if behind >= 0 else ""
        if key == after:
            continue
        expected.remove(key)
        expected.insert(expected.index(after) + 1 if after else 0, key)
        layout = layout.with_place(key, names, after=after)
        assert keys(Layout.from_json(layout.to_json()), names) == expected


def test_a_panel_is_placed_among_those_of_its_section() -> None:
    with pytest.raises(LayoutError):
        Layout().with_place("train/acc", NAMES, after="val/loss")


def test_it_survives_as_json() -> None:
    layout = Layout().without("acc").with_section("train/acc", "best").with_copy("train/loss", copy="k")
    layout = layout.with_place("train/loss", NAMES, after="k")
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout
    assert Layout.from_json({}) == Layout()


def test_a_workspace_has_a_bounded_number_of_added_panels() -> None:
    layout = Layout()
    for number in range(MOST_ADDED):
        layout = layout.with_copy("acc", copy=f"k{number}")
    with pytest.raises(LayoutError):
        layout.with_metric("acc")


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "x" * 101, "\ud800"])
def test_a_section_has_a_name_people_can_read(name: str) -> None:
    with pytest.raises(LayoutError):
        section_name(name)
    assert section_name(" best of ") == "best of"


def test_without_automatic_panels_there_are_those_that_were_added() -> None:
    layout = Layout(automatic=False).with_metric("acc", key="k").with_metric("train/loss", section="best")
    assert shown(layout) == {"Charts": ["acc"], "best": ["train/loss"]}
    assert Layout.from_json(layout.to_json()) == layout
    assert shown(layout.without("k").with_metric("acc")) == {"best": ["train/loss"], "Charts": ["acc"]}
    assert "automatic" not in Layout().to_json()


def test_panels_added_for_what_has_not_been_logged_are_there_for_who_asks_for_all() -> None:
    layout = Layout(automatic=False).with_metric("later")
    assert layout.sections(NAMES) == []
    assert [panel.metric for section in layout.sections(NAMES, drawn=lambda _: True) for panel in section.panels] == [
        "later"
    ]
