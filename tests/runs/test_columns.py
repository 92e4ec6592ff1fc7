from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.columns import EXACT, flatten, text_of, typed
from runs.models import Kind


@pytest.mark.parametrize(
    ("value", "kind", "number", "token", "text"),
    [
        (1, Kind.NUMBER, 1.0, "n:1", "1"),
        (1.0, Kind.NUMBER, 1.0, "n:1", "1"),
        (0.003, Kind.NUMBER, 0.003, "n:0.003", "0.003"),
        (float("3e-3"), Kind.NUMBER, 0.003, "n:0.003", "0.003"),
        (-0.0, Kind.NUMBER, 0.0, "n:0", "0"),
        (2**60, Kind.NUMBER, 2.0**60, "n:1152921504606846976", "1152921504606846976"),
        (2**60 + 1, Kind.NUMBER, 2.0**60, "n:1152921504606846977", "1152921504606846977"),
        (math.nan, Kind.NUMBER, None, "n:nan", "NaN"),
        (math.inf, Kind.NUMBER, None, "n:inf", "Infinity"),
        (-math.inf, Kind.NUMBER, None, "n:-inf", "-Infinity"),
        (True, Kind.BOOL, 1.0, "b:true", "true"),
        (False, Kind.BOOL, 0.0, "b:false", "false"),
        (None, Kind.NULL, None, "z:", "null"),
        ("adam", Kind.TEXT, None, "s:adam", "adam"),
        ("1", Kind.TEXT, None, "s:1", "1"),
        ([1, 2.0, "a"], Kind.LIST, None, 'l:[1,2,"a"]', '[1, 2.0, "a"]'),
        ({}, Kind.OBJECT, None, "o:{}", "{}"),
        ({"_type": "x", "b": 1.0}, Kind.OBJECT, None, 'o:{"_type":"x","b":1}', '{"_type": "x", "b": 1.0}'),
    ],
)
def test_a_value_has_a_kind_a_number_a_token_and_a_text(
    value: Any, kind: Kind, number: float | None, token: str, text: str
) -> None:
    found = typed(value)
    assert (found.kind, found.number, found.token, found.text) == (kind, number, token, text)


def test_integers_beyond_the_largest_float_have_no_number_but_a_token_of_their_own() -> None:
    assert typed(10**400).number is None
    assert typed(10**400).token != typed(10**400 + 1).token


def test_nested_keys_are_dotted_and_lists_stay_whole() -> None:
    flat = flatten(
        {"lr": 0.1, "opt": {"name": "adam", "betas": [0.9, 0.999]}, "plot": {"_type": "image-file"}, "e": {}}
    )
    assert {key: value.kind for key, value in flat.items()} == {
        "lr": Kind.NUMBER, "opt.name": Kind.TEXT, "opt.betas": Kind.LIST, "plot": Kind.OBJECT, "e": Kind.OBJECT,
    }  # fmt: skip


def test_tokens_are_cut_at_200_characters_and_still_told_apart() -> None:
    one, other = typed("x" * 500 + "1"), typed("x" * 500 + "2")
    assert len(one.token) == len(other.token) == 200
    assert one.token != other.token
    assert one.token == typed("x" * 500 + "1").token


def test_text_is_cut_at_1000_characters() -> None:
    assert len(typed("x" * 5000).text) == 1000
    assert len(typed(list(range(5000))).text) == 1000


@pytest.mark.parametrize("letter", ["\0", "\ud800"])
def test_characters_no_database_keeps_are_replaced_but_told_apart_from_their_replacement(letter: str) -> None:
    found = typed(f"a{letter}")
    assert found.text == "a\ufffd"
    assert found.token != typed("a\ufffd").token
    (key,) = flatten({f"k{letter}": [letter]})
    for text in (key, found.token, flatten({f"k{letter}": [letter]})[key].text):
        assert "\0" not in text
        text.encode()


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[]))
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(values, values)
def test_equal_tokens_mean_equal_values(one: Any, other: Any) -> None:
    tokens_equal = typed(one).token == typed(other).token
    assert tokens_equal == (_exact(one) == _exact(other))


def _exact(value: Any) -> str:
    """Values as text that is equal exactly for equal ones."""

    def plain(item: Any) -> Any:
        if isinstance(item, bool) or item is None:
            return item
        if isinstance(item, float):
            return int(item) if math.isfinite(item) and item == int(item) else ["float", repr(item)]
        if isinstance(item, list):
            return ["list", *map(plain, item)]
        return {key: plain(inner) for key, inner in item.items()} if isinstance(item, dict) else item

    return json.dumps(plain(value), sort_keys=True)


@given(values)
def test_every_value_fits_its_row(value: Any) -> None:
    found = typed(value)
    assert len(found.token) <= 200
    assert len(found.text) <= 1000
    assert "\0" not in found.token + found.text
    (found.token + found.text).encode()
    assert found.number is None or math.isfinite(found.number)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.just("#" + "a" * 32)


@given(_SCALARS | st.lists(st.integers() | st.floats()))
def test_a_token_that_says_the_text_says_the_text_of_every_value_with_it(value: Any) -> None:
    found = typed(value)
    assert text_of(found.token) in (None, found.text)


@pytest.mark.parametrize("value", [1, 0.5, -3.25, 1e-300, 2**53 - 1, "adam", "", True, None, math.nan, -math.inf])
def test_the_tokens_of_nearly_all_values_say_their_text(value: Any) -> None:
    assert text_of(typed(value).token) == typed(value).text


@given(st.floats(-EXACT, EXACT, exclude_min=True, exclude_max=True) | st.integers(-(2**53) + 1, 2**53 - 1))
def test_of_numbers_below_2_to_the_53_the_float_says_token_and_text(value: float) -> None:
    found = typed(value)
    again = typed(float(found.token[2:]))
    assert (again.token, again.text, again.number) == (found.token, found.text, found.number)
