"""The quick verdicts are those of jsonschema, whatever is wrong with a value."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.contract.schema import definitions
from tests.contract.verdicts import Verdicts

DEFINITIONS: dict[str, Any] = {
    "words": {"type": "string", "enum": ["a", "b"]},
    "number": {"type": ["integer", "null"], "enum": [1, 2, None]},
    "either": {"anyOf": [{"$ref": "#/$defs/words"}, {"$ref": "#/$defs/tree"}, {"type": "boolean"}]},
    "map": {"type": "object", "additionalProperties": {"type": "number"}},
    "free": {"properties": {"a": {"items": {"type": "integer"}}}, "required": ["a"]},
    "never": {"items": False},
    "tree": {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/$defs/either"},
            "b": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
        },
        "required": ["b"],
        "additionalProperties": False,
    },
}
JSON = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2, 1.0, 1.5, "a", "b", "c", ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


def _why_not(name: str, known: dict[str, Any], value: Any) -> list[Any]:
    judge = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": known})
    return list(judge.iter_errors(value))


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(DEFINITIONS)), value=JSON)
@example(name="number", value=1.0)
@example(name="number", value=True)
def test_a_verdict_is_that_of_jsonschema(name: str, value: Any) -> None:
    assert Verdicts(DEFINITIONS).keeps_to(name, value) is (not _why_not(name, DEFINITIONS, value))


DISCOUNT: dict[str, Any] = {
    "id": "di_1",
    "object": "discount",
    "checkout_session": None,
    "customer": "cus_1",
    "customer_account": None,
    "end": None,
    "invoice": None,
    "invoice_item": None,
    "promotion_code": None,
    "source": {"coupon": "c", "type": "coupon"},
    "start": 1,
    "subscription": None,
    "subscription_item": None,
}

OF_EVERY_TYPE: list[Any] = [True, 1, 1.5, "x", [], {}, None]


def _spoilt() -> Iterator[Any]:
    """An object with each of its fields missing or of every other type, and with one too many."""
    yield DISCOUNT | {"another": 1}
    for field in DISCOUNT:
        yield {name: value for name, value in DISCOUNT.items() if name != field}
        yield from (DISCOUNT | {field: value} for value in OF_EVERY_TYPE)


@pytest.mark.parametrize("value", [DISCOUNT, *_spoilt()], ids=str)
def test_so_are_those_of_the_real_shapes(value: Any) -> None:
    known = definitions()
    assert Verdicts(known).keeps_to("discount", value) is (not _why_not("discount", known, value))


def test_every_shape_can_be_judged() -> None:
    verdicts = Verdicts(definitions())
    for name in definitions():
        assert not verdicts.keeps_to(name, object())


def test_a_keyword_that_nobody_judges_by_is_refused() -> None:
    with pytest.raises(ValueError, match="pattern"):
        Verdicts({"a": {"pattern": "x"}}).keeps_to("a", "x")
