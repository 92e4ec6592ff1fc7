import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.query.typed import text_for, token_of
from runs.columns import typed

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab_", max_size=3), inner, max_size=2),
)


@given(_values)
def test_what_is_offered_to_be_typed_finds_the_value_it_was_made_of(value):
    made = typed(value)
    if len(made.text) < 1000 and "\0" not in json.dumps(value) and "\\u0000" not in json.dumps(value):
        assert token_of(text_for(made.kind, made.text)) == made.token


@pytest.mark.parametrize("text", ["1", "1e3", "true", "null", "NaN", "-Infinity", "[1, 2]", '{"a": 1}', '"x"', ""])
def test_a_text_that_looks_typed_is_offered_in_quotes(text):
    made = typed(text)
    assert text_for(made.kind, made.text) == (f'"{text}"' if text else "")
    assert token_of(f'"{text}"') == made.token


@pytest.mark.parametrize("text", ["[1", "{a", "[" * 900 + "]" * 900, "1_000", "True", "nan", "0x10", '"'])
def test_anything_else_is_the_text_it_is(text):
    assert token_of(text) == typed(text).token
