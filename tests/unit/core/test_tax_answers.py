"""What is taken of a tax engine's answer: all of it, or nothing."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.billing.tax_answers import Asked, WrongAnswer, read_answer
from tests.factories.taxes import tax

ASKED = Asked("in_1", "eur", {"il_1": 1_000, "il_2": -300})
RIGHT: dict[str, Any] = {
    "invoice": "in_1",
    "currency": "eur",
    "lines": [
        {"id": "il_1", "tax_amounts": [tax(190, 1_000)]},
        {"id": "il_2", "tax_amounts": []},
    ],
}


def read(answer: Any) -> Any:
    return read_answer(json.dumps(answer).encode(), ASKED).taxes


def first(*taxes: Any) -> dict[str, Any]:
    """The answer with other taxes of its first line."""
    return {**RIGHT, "lines": [{"id": "il_1", "tax_amounts": list(taxes)}, RIGHT["lines"][1]]}


def test_a_right_answer_says_the_taxes_of_each_line() -> None:
    taxes = read(RIGHT)
    assert list(taxes) == ["il_1", "il_2"]
    (only,) = taxes["il_1"]
    assert (only["amount"], only["taxable_amount"]) == (190, 1_000)
    assert only["tax_rate_data"]["percentage"] == 19


@pytest.mark.parametrize("said", ["5.125", 5.125])
def test_a_percentage_is_a_number_or_a_text(said: object) -> None:
    (only,) = read(first(tax(51, 1_000, said)))["il_1"]
    assert only["tax_rate_data"]["percentage"] == Decimal("5.125")


def test_an_engine_may_not_know_the_place() -> None:
    assert read({"invoice": "in_1", "status": "requires_location_inputs"}) is None


def test_a_credit_has_negative_taxes() -> None:
    answer = {**RIGHT, "lines": [*RIGHT["lines"][:1], {"id": "il_2"}]}
    answer["lines"][1]["tax_amounts"] = [tax(-57, -300)]
    assert read(answer)["il_2"][0]["amount"] == -57


def with_rate(**said: Any) -> dict[str, Any]:
    return first(tax(1, 1_000, **said))


WRONG: dict[str, Any] = {
    "no object": [],
    "another invoice": {**RIGHT, "invoice": "in_2"},
    "another currency": {**RIGHT, "currency": "usd"},
    "no currency": {"invoice": "in_1", "lines": RIGHT["lines"]},
    "an unknown status": {**RIGHT, "status": "maybe"},
    "no lines": {**RIGHT, "lines": None},
    "a line too few": {**RIGHT, "lines": RIGHT["lines"][:1]},
    "a line twice": {**RIGHT, "lines": [*RIGHT["lines"], RIGHT["lines"][0]]},
    "an unknown line": {**RIGHT, "lines": [*RIGHT["lines"], {"id": "il_3", "tax_amounts": []}]},
    "a line that is a text": {**RIGHT, "lines": ["il_1", "il_2"]},
    "a line without taxes": {**RIGHT, "lines": [{"id": "il_1"}, RIGHT["lines"][1]]},
    "21 taxes of a line": first(*[tax(1, 1_000)] * 21),
    "a tax that is a number": first(1),
    "an amount of the other sign": first(tax(-1, 1_000)),
    "taxable of the other sign": first(tax(1, -1_000)),
    "a fraction of a minor unit": first({**tax(1, 1_000), "amount": 1.5}),
    "an amount that is a truth": first({**tax(1, 1_000), "amount": True}),
    "an amount beyond all": first(tax(10**15, 1_000)),
    "more within the price than the price": first(tax(1_001, 0, inclusive=True)),
    "an unknown reason": first({**tax(1, 1_000), "taxability_reason": "because"}),
    "no rate": first({"amount": 1, "taxable_amount": 1}),
    "no name": with_rate(display_name=""),
    "a name that is a number": with_rate(display_name=1),
    "too long a name": with_rate(display_name="x" * 101),
    "neither inclusive nor not": with_rate(inclusive="no"),
    "no percentage": with_rate(percentage=None),
    "a percentage that is no number": with_rate(percentage="nineteen"),
    "an endless percentage": with_rate(percentage="Infinity"),
    "a negative percentage": with_rate(percentage=-1),
    "a percentage of 101": with_rate(percentage=101),
    "a percentage of five places": with_rate(percentage="1.00001"),
    "an unknown type": with_rate(tax_type="window_tax"),
    "a country of three letters": with_rate(country="DEU"),
    "a field that rates do not have": with_rate(flat_amount=5),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_answer_is_taken_whole_or_not_at_all(wrong: str) -> None:
    with pytest.raises(WrongAnswer):
        read(WRONG[wrong])


@pytest.mark.parametrize("text", [b"", b"<html>", b"\xff", b"[" * 100_000, b"1" * 5_000])
def test_what_is_no_json_is_a_wrong_answer(text: bytes) -> None:
    with pytest.raises(WrongAnswer):
        read_answer(text, ASKED)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    anything=_ANYTHING,
    place=st.sampled_from(
        ["invoice", "currency", "lines", "line", "tax", "amount", "rate", "name"]
    ),
)
def test_nothing_that_an_engine_says_is_an_error_of_ours(anything: Any, place: str) -> None:
    answer = json.loads(json.dumps(RIGHT))
    first_line = answer["lines"][0]
    first_tax = first_line["tax_amounts"][0]
    holders: dict[str, tuple[Any, Any]] = {
        "line": (answer["lines"], 0),
        "tax": (first_line, "tax_amounts"),
        "amount": (first_tax, "amount"),
        "rate": (first_tax, "tax_rate_data"),
        "name": (first_tax["tax_rate_data"], "state"),
    }
    holder, key = holders.get(place, (answer, place))
    holder[key] = anything
    with suppress(WrongAnswer):
        read(answer)
