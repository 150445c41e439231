"""A value that a kind of parameter takes as it is, is what reading it would give."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.api.params.groups import Array, Map, Object
from meterline.api.params.idle import Idle
from meterline.api.params.kinds import Boolean, Integer, Param, String

_NAMES = ("a", "b", "c")

_STRINGS = st.builds(
    String,
    max_length=st.integers(1, 4),
    blank=st.booleans(),
    pattern=st.sampled_from(["", "", "", "[a-b]*"]),
    lower=st.booleans(),
    emptyable=st.booleans(),
    required=st.booleans(),
)
_LEAVES = _STRINGS | st.sampled_from([Integer(), Boolean(), Idle(taken=String(), why="none")])


def _groups(kinds: st.SearchStrategy[Param]) -> st.SearchStrategy[Param]:
    groups = st.lists(st.sampled_from(_NAMES), min_size=2, max_size=2, unique=True).map(tuple)
    return st.one_of(
        st.builds(Map, value=kinds, max_keys=st.integers(1, 2), key_length=st.integers(1, 2)),
        st.builds(Array, item=kinds, max_items=st.integers(1, 2)),
        st.builds(
            Object,
            fields=st.dictionaries(st.sampled_from(_NAMES), kinds, max_size=3),
            exclusive=st.lists(groups, max_size=1).map(tuple),
            one_of=st.lists(groups, max_size=1).map(tuple),
        ),
    )


_KINDS = st.recursive(_LEAVES, _groups, max_leaves=4)
_PLAIN = st.text(st.sampled_from("aAb"), min_size=1, max_size=2)
_TEXTS = st.text(st.sampled_from("aAb1 \x00\n\ud800é"), max_size=5)
_RAWS: st.SearchStrategy[Any] = st.recursive(
    _TEXTS | st.sampled_from([None, 1, True]),
    lambda raws: (
        st.dictionaries(st.sampled_from(_NAMES) | _TEXTS, raws, max_size=3)
        | st.lists(raws, max_size=3)
    ),
    max_leaves=6,
)


def _fitting(kind: Param) -> st.SearchStrategy[Any]:
    """Mostly values that the kind may take, so that it is not asked about others only."""
    if isinstance(kind, Map):
        values = _fitting(kind.value)
        fitting: st.SearchStrategy[Any] = st.dictionaries(_PLAIN, values, min_size=1, max_size=2)
    elif isinstance(kind, Object):
        fields = {name: _fitting(one) for name, one in kind.fields.items()}
        fitting = st.fixed_dictionaries({}, optional=fields)
    else:
        fitting = _PLAIN
    return st.one_of(fitting, fitting, fitting, _TEXTS, _RAWS)


@given(_STRINGS, _PLAIN | _TEXTS)
def test_a_text_that_is_taken_as_it_is_reads_as_itself(kind: String, raw: str) -> None:
    if kind.takes_as_is(raw):
        assert kind.read(raw, "value") == raw


@given(_KINDS.flatmap(lambda kind: st.tuples(st.just(kind), _fitting(kind))))
def test_what_is_taken_as_it_is_reads_as_itself(pair: tuple[Param, Any]) -> None:
    kind, raw = pair
    if kind.takes_as_is(raw):
        assert kind.read(raw, "value") == raw


_OBJECT = Object(fields={"name": String(required=True), "payload": Map(value=String())})


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (String(), "plain"),
        (String(blank=True), ""),
        (Map(value=String(max_length=3)), {"key": "abc"}),
        (_OBJECT, {"name": "n", "payload": {"k": "v"}}),
    ],
)
def test_ordinary_values_are_taken_as_they_are(kind: Param, raw: Any) -> None:
    assert kind.takes_as_is(raw)
    assert kind.read(raw, "value") == raw


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (String(), ""),
        (String(max_length=3), "abcd"),
        (String(), "a\ud800"),
        (String(lower=True), "A"),
        (Map(value=String(), max_keys=1), {"a": "x", "b": "y"}),
        (Map(value=String()), {}),
        (_OBJECT, {"payload": {"k": "v"}}),
        (_OBJECT, {"name": "n", "other": "x"}),
        (Object(fields={"idle": Idle(taken=String(), why="none")}), {"idle": "x"}),
    ],
)
def test_what_must_be_looked_at_is_not(kind: Param, raw: Any) -> None:
    assert not kind.takes_as_is(raw)
