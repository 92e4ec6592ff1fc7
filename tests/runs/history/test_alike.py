from __future__ import annotations

import json

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.history import alike, tail
from runs.history.lines import check
from runs.history.shapes import LinesRefused
from runs.models import StreamName
from tests.runs.history.test_tail import KEYS

NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53), st.just(-0.0))


def one_by_one(lines: list[str], stream: str) -> list[tail.Block]:
    rows = check(lines, stream=stream, first_line=0, previous_step=lambda: -1).rows
    return tail.blocks(rows)


def same(one: tail.Block, other: tail.Block) -> bool:
    return (
        (one.names, one.kinds, one.others) == (other.names, other.kinds, other.others)
        and one.places.tolist() == other.places.tolist()
        and one.numbers.tobytes() == other.numbers.tobytes()
        and one.numbers.shape == other.numbers.shape
    )


@st.composite
def logged(draw: st.DrawFn) -> list[str]:
    """Lines with the same keys, as one writer of JSON or another has them."""
    keys = ["_step", *draw(st.lists(KEYS.filter("_step".__ne__), max_size=4, unique=True))]
    count = draw(st.integers(1, 6))
    values = [[step, *draw(st.tuples(*[NUMBERS] * (len(keys) - 1)))] for step in range(count)]
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,  ", " : ")]))
    as_text = draw(st.booleans())
    rows = [dict(zip(keys, row, strict=True)) for row in values]
    return [json.dumps(row, separators=separators, ensure_ascii=as_text) for row in rows]


@given(lines=logged())
def test_lines_come_out_as_they_do_one_by_one(lines: list[str]) -> None:
    (wanted,) = one_by_one(lines, StreamName.HISTORY)
    found = alike.block(lines, stepped=True)
    if found is None:
        assert (
            "\\" in "".join(lines) or " :" in lines[0] or not wanted.numbers.size or abs(wanted.numbers).max() >= 2**53
        )
    else:
        assert same(found, wanted)


@given(
    lines=logged(),
    where=st.integers(0, 10**6),
    width=st.integers(0, 4),
    put=st.one_of(
        st.sampled_from([*'",:{}[]\n\\ 1eü', "true", "null", "NaN", '"a":']),
        st.text(max_size=3),
    ),
)  # fmt: skip
def test_what_is_taken_is_what_one_by_one_would_be(lines: list[str], where: int, width: int, put: str) -> None:
    """A place in one of the lines is overwritten: the lines are left alone, or mean the same."""
    place = where % len(lines)
    line = lines[place]
    at = where // len(lines) % (len(line) + 1)
    harmed = [*lines[:place], line[:at] + put + line[at + width :], *lines[place + 1 :]]
    found = alike.block(harmed, stepped=True)
    if found is not None:
        (wanted,) = one_by_one(harmed, StreamName.HISTORY)
        assert same(found, wanted)


@pytest.mark.parametrize(
    "last",
    [
        '{"_step":1,"a":1,"b":2',  # cut
        '{"_step":1,"b":1,"a":2}',  # in another order
        '{"_step":1,"a":1}',
        '{"_step":1,"a":1,"b":2,"c":3}',
        '{"_step":1,"a":1,"b":2,"b":3}',
        '{"_step":1,"a":1,"a":2}',
        '{"_step":1,"a":1,"b":"text"}',
        '{"_step":1,"a":1,"b":null}',
        '{"_step":1,"a":true,"b":2}',
        '{"_step":1,"a":1,"b":[2]}',
        '{"_step":1,"a":1,"b":{}}',
        '{"_step":1,"a":1,"b":NaN}',
        '{"_step":1,"a":,"b":2}',
        '{"_step":1,2,"a":"b":2}',
        '{"_step":1,"a":1,2,"b":}',
        '{"_step":1.5,"a":1,"b":2}',
        '{"_step":9007199254740993,"a":1,"b":2}',
        '{"_step":1,"a":1,"b":9007199254740993}',
        '{"_step":1,"a":1,"b":2}\n',
        '{"_step":1,"a":1,"b":2}}',
        '[{"_step":1,"a":1,"b":2}]',
        "",
    ],
)
def test_a_line_unlike_the_others_is_left_to_the_other_way(last: str) -> None:
    first = '{"_step":0,"a":1,"b":2}'
    for lines in ([first, last], [last, first], [first, last, first]):
        assert alike.block(lines, stepped=True) is None


def test_lines_without_a_step_are_read_where_none_is_asked_for() -> None:
    lines = ['{"cpu":1,"gpu.0.memory":0.5}', '{"cpu":2.5,"gpu.0.memory":1e-3}']
    assert alike.block(lines, stepped=True) is None
    found = alike.block(lines, stepped=False)
    assert found is not None
    assert same(found, one_by_one(lines, StreamName.EVENTS)[0])


def test_many_lines_are_read_so() -> None:
    """What a client sends of a steady run, in either way of writing it; keys of all lengths."""
    random = np.random.default_rng(1)
    for count, dumps in ((1, json.dumps), (40, lambda row: orjson.dumps(row).decode())):
        keys = ["_step", *("k" * (n + 1) for n in range(count))]
        lines = [
            dumps(dict(zip(keys, [step, *random.normal(size=count).tolist()], strict=True))) for step in range(500)
        ]
        found = alike.block(lines, stepped=True)
        assert found is not None
        assert same(found, one_by_one(lines, StreamName.HISTORY)[0])


def test_lines_that_are_refused_one_by_one_are_left_to_be_refused() -> None:
    lines = ['{"_step":0,"a":1}'] * 100 + ['{"_step":0,"a":01}']
    assert alike.block(lines, stepped=True) is None
    with pytest.raises(LinesRefused, match="line 100"):
        one_by_one(lines, StreamName.HISTORY)
