"""Strategies: what may come to a door. Most inputs are almost right, for what is plainly wrong gets no further than the
first check."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.projects.hostile.words import FIELDS, HOSTILE, HOWS, NUMBERS, OPERATORS, PARAMETERS, SETTINGS

_word = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(codec="utf-8"), max_size=12))
_token = st.one_of(*map(st.sampled_from, (FIELDS, OPERATORS, HOWS, NUMBERS)), _word)
_joined = st.builds(str.join, st.sampled_from((":", ":", ",", "", " ")), st.lists(_token, min_size=1, max_size=5))
_signed = st.builds(str.__add__, st.sampled_from(("", "-", "any(", "not ")), _joined)

_leaf = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), st.floats(), _word, _joined,
    st.sampled_from(FIELDS),
)  # fmt: skip
_value = st.recursive(
    _leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_word, inner, max_size=3), max_leaves=6
)
_setting = st.sampled_from(tuple(SETTINGS)).flatmap(lambda key: st.tuples(st.just(key), st.sampled_from(SETTINGS[key])))
_spoilt_setting = st.tuples(st.one_of(st.sampled_from(tuple(SETTINGS)), _word), _value)
_spec = st.builds(
    lambda good, bad: dict(good) | dict(bad), st.lists(_setting, max_size=5), st.lists(_spoilt_setting, max_size=1)
)
_settings = st.one_of(_spec.map(json.dumps), _spec.map(json.dumps), _word)


def _known(name: str) -> st.SearchStrategy[str]:
    return _settings if name == "settings" else st.sampled_from(PARAMETERS.get(name) or ("",))


def _text(name: str) -> st.SearchStrategy[str]:
    return st.one_of(_known(name), _known(name), _word, _signed)


def _pair(names: st.SearchStrategy[str], texts: Any = _text) -> st.SearchStrategy[tuple[str, str]]:
    return names.flatmap(lambda name: texts(name).map(lambda text: (name, text)))


_known_names = st.sampled_from(tuple(PARAMETERS))
_names = st.integers(0, 9).flatmap(lambda it: _known_names if it else _word)

_good = st.lists(_pair(_known_names, _known), min_size=1, max_size=6)
_shown = st.sampled_from(
    (("metric", "loss"), ("metric", "summary.loss"), ("group", "config.lr"), ("rows", "config.lr"))
)
queries: st.SearchStrategy[list[tuple[str, str]]] = st.builds(
    lambda *parts: [pair for part in parts for pair in part],
    st.lists(_shown, max_size=2), _good, st.one_of(st.just([]), st.lists(_pair(_names), max_size=2)),
)  # fmt: skip


@st.composite
def _change(draw: st.DrawFn) -> dict[str, Any]:
    """JSON of scripts: what is done, and whatever else."""
    said: dict[str, Any] = {"do": draw(_text("do"))}
    for name in draw(st.lists(_names, max_size=4)):
        texts = _text(name)
        said[name] = draw(st.one_of(texts, st.lists(texts, max_size=3), _value))
    if draw(st.booleans()):
        said["settings"] = draw(_spec)
    return said


# Content type and body.
bodies: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("application/json"), _change().map(json.dumps)),
    st.tuples(st.just("application/json"), _spec.map(json.dumps)),
    st.tuples(st.just("application/json"), st.one_of(_word, _joined, st.just("[" * 100_000), st.just('{"a":' * 5000))),
    st.tuples(st.just("form"), st.lists(_pair(_names), max_size=8)),
    st.tuples(st.sampled_from(("multipart/form-data; boundary=x", "multipart/form-data", "text/plain")), _word),
)

# What stands in an address for some of its parts; mostly, all is as it should be.
spoilt: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    st.just({}),
    st.dictionaries(st.sampled_from(("run", "group", "type", "name", "sweep")), _word, max_size=1),
)
