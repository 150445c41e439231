"""Values are what the standard library's frozen data classes with slots are."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, field, fields, make_dataclass, replace
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.frozen import frozen


@frozen
class Span:
    """Two fields, one with a default, one that its factory makes, and a rule."""

    unit: ClassVar[str] = "seconds"
    start: int
    end: int = 9
    notes: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(self.end)


@frozen(kw_only=True)
class Named(Span):
    """One more field, which is named by who makes it."""

    name: str

    def __repr__(self) -> str:
        return self.name


@frozen
class Cased:
    """Has an equality of its own."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cased) and self.text.lower() == other.text.lower()

    def __hash__(self) -> int:
        return hash(self.text.lower())


@frozen
class Empty:
    """Has no field."""


class Plain(Span):
    """Inherits from a value, and is none."""


VALUES = st.integers() | st.decimals(allow_nan=False) | st.text() | st.none()
PAIRS = st.tuples(VALUES, VALUES)


@frozen
class Pair:
    """Two fields of any kind."""

    a: object
    b: object


LIBRARY_PAIR: type[Any] = make_dataclass("Pair", ["a", "b"], frozen=True, slots=True)


@given(PAIRS, PAIRS)
def test_values_are_equal_hashed_and_shown_as_the_library_does(
    one: tuple[object, object], other: tuple[object, object]
) -> None:
    expected = LIBRARY_PAIR(*one)
    assert (Pair(*one) == Pair(*other)) == (expected == LIBRARY_PAIR(*other))
    assert hash(Pair(*one)) == hash(expected)
    assert repr(Pair(*one)) == repr(expected)


# how it is made | its fields
@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: Span(1), (1, 9, {})),
        (lambda: Span(1, 2), (1, 2, {})),
        (lambda: Span(end=2, start=1), (1, 2, {})),
        (lambda: Span(1, 2, {"a": 1}), (1, 2, {"a": 1})),
        (lambda: Named(1, 2, name="x"), (1, 2, {}, "x")),
        (lambda: replace(Span(1, 2), end=3), (1, 3, {})),
        (lambda: replace(Named(1, name="x"), start=4), (4, 9, {}, "x")),
        (lambda: Plain(1), (1, 9, {})),
        (lambda: copy.copy(Span(1, 2)), (1, 2, {})),
        (lambda: copy.deepcopy(Named(1, 2, name="x")), (1, 2, {}, "x")),
        (lambda: pickle.loads(pickle.dumps(Span(1, 2))), (1, 2, {})),  # noqa: S301 - our own
        (Empty, ()),
    ],
)
def test_a_value_is_made_of_its_fields(
    made: Callable[[], Any], expected: tuple[object, ...]
) -> None:
    value = made()
    assert tuple(asdict(value).values()) == expected
    assert tuple(getattr(value, one.name) for one in fields(value)) == expected


def test_each_value_has_what_its_factory_makes_for_itself() -> None:
    assert Span(1).notes is not Span(1).notes


@pytest.mark.parametrize(
    "made",
    [
        lambda: Named(1),  # type: ignore[call-arg]
        lambda: Span(1, begin=2),  # type: ignore[call-arg]
        lambda: Span(1, 2, {}, 4),  # type: ignore[call-arg]
        lambda: Named(1, 2, {}, "x"),  # type: ignore[call-arg]
        lambda: Empty(1),  # type: ignore[call-arg]
    ],
)
def test_other_arguments_than_the_fields_are_refused(made: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        made()


def test_a_value_is_checked_by_its_own_rule() -> None:
    with pytest.raises(ValueError, match="0"):
        Span(1, 0)


@pytest.mark.parametrize("name", ["start", "notes", "another"])
@pytest.mark.parametrize("value", [Span(1), Named(1, name="x"), Plain(1)])
def test_no_field_is_set_or_deleted_afterwards(value: object, name: str) -> None:
    with pytest.raises(FrozenInstanceError, match=f"'{name}'"):
        setattr(value, name, 5)
    with pytest.raises(FrozenInstanceError, match=f"'{name}'"):
        delattr(value, name)


@pytest.mark.parametrize("value", [Span(1), Named(1, name="x"), Empty()])
def test_a_value_has_slots_and_nothing_beside_them(value: object) -> None:
    assert not hasattr(value, "__dict__")


def test_values_of_different_classes_are_not_equal() -> None:
    assert Span(1) != Plain(1)
    assert Span(1) != object()
    assert Span(1).__eq__(1) is NotImplemented


def test_fields_that_are_not_compared_count_neither_for_equality_nor_for_the_hash() -> None:
    assert Span(1, 2, {"a": 1}) == Span(1, 2)
    assert hash(Span(1, 2, {"a": 1})) == hash(Span(1, 2))


def test_methods_that_a_class_has_of_its_own_stay() -> None:
    assert Cased("A") == Cased("a")
    assert len({Cased("A"), Cased("a")}) == 1
    assert repr(Named(1, name="x")) == "x"


@pytest.mark.parametrize(
    "call", [lambda cls: cls(1), lambda cls: hash(cls(1)), lambda cls: cls(1) == cls(1)]
)
def test_threads_that_are_the_first_at_once_get_the_same(
    call: Callable[[type[Any]], object],
) -> None:
    @frozen
    class Fresh:
        amount: Decimal

    together, results = Barrier(8), list[object]()

    def first() -> None:
        together.wait()
        results.append(call(Fresh))

    threads = [Thread(target=first) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [call(Fresh)] * 8


def test_methods_are_written_when_the_first_is_called() -> None:
    @frozen
    class Fresh:
        amount: int

    assert hasattr(Fresh.__init__, "is_unwritten")
    Fresh(1)
    assert not hasattr(Fresh.__init__, "is_unwritten")
    assert not hasattr(Fresh.__hash__, "is_unwritten")
