"""What the words of parameter specifications accept and refuse."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.api.params.specs import (
    RANGE,
    Param,
    array,
    boolean,
    decimal_,
    either,
    enum,
    integer,
    map_,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.core.base.errors import BillingError
from meterline.core.base.unset import UNSET


@pytest.mark.parametrize(
    ("param", "raw", "value"),
    [
        (string(), "x", "x"),
        (string(lower=True), "EUR", "eur"),
        (string(emptyable=True), "", UNSET),
        (string(max_length=2), "ää", "ää"),
        (integer(), "-12", -12),
        (integer(), 12, 12),
        (integer(minimum=0, maximum=5), "5", 5),
        (timestamp(), "1700000000", 1_700_000_000),
        (decimal_(), "0.050", Decimal("0.050")),
        (decimal_(), "-.5", Decimal("-0.5")),
        (decimal_(), 3, Decimal(3)),
        (boolean(), "true", True),
        (boolean(), False, False),
        (boolean(), "True", True),
        (boolean(), "False", False),
        (enum("a", "b"), "b", "b"),
        (either(enum("now"), timestamp()), "now", "now"),
        (either(enum("now"), timestamp()), "5", 5),
        (array(string()), {"1": "b", "0": "a", "10": "c"}, ["a", "b", "c"]),
        (array(string()), ["a", "b"], ["a", "b"]),
        (array(string(), emptyable=True), "", UNSET),
        (map_(integer()), {"a": "1"}, {"a": 1}),
        (metadata(), {"0": "x", "k": ""}, {"0": "x", "k": UNSET}),
        (metadata(), "", UNSET),
        (object_(a=integer(), b=string()), {"a": "1"}, {"a": 1}),
        (object_(a=integer()), {"a": None}, {}),
    ],
)
def test_a_value_is_read(param: Param, raw: Any, value: Any) -> None:
    assert param.read(raw, "x") == value


LONG = object_(
    name=string(required=True, max_length=3),
    items=array(object_(price=string(required=True), quantity=integer(minimum=1)), max_items=2),
    when=either(enum("now"), timestamp()),
    day=integer(maximum=31),
    rate=decimal_(places=2, minimum=0),
    on=boolean(),
    kind=enum("one", "two", "three"),
    meta=metadata(),
    a=string(),
    b=string(),
    exclusive=[("a", "b")],
)


@pytest.mark.parametrize(
    ("raw", "code", "param", "message"),
    [
        ({}, "parameter_missing", "name", "Missing required param: name."),
        ({"name": ""}, "parameter_invalid_empty", "name", "empty string"),
        ({"name": "x", "foo": "1"}, "parameter_unknown", "foo", "Received unknown parameter: foo"),
        ({"foo": "1", "bar": "2"}, "parameter_unknown", "foo", "unknown parameters: foo, bar"),
        ({"name": "long"}, None, "name", "must be at most 3 characters"),
        ({"name": {"a": "b"}}, None, "name", "Invalid string"),
        ({"name": "\ud800"}, None, "name", "not valid Unicode"),
        ({"name": 5}, None, "name", "Invalid string: 5"),
        ({"name": "x", "items": "y"}, None, "items", "Invalid array"),
        ({"name": "x", "items": {"a": "y"}}, None, "items", "Invalid array"),
        ({"name": "x", "items": ["y"]}, None, "items[0]", "Invalid object"),
        ({"name": "x", "items": [{}]}, "parameter_missing", "items[0][price]", "Missing"),
        (
            {"name": "x", "items": {"3": {"price": "p", "z": "1"}}},
            "parameter_unknown",
            "items[3][z]",
            "items[3][z]",
        ),
        (
            {"name": "x", "items": [{"price": "p", "quantity": "0"}]},
            "parameter_invalid_integer",
            "items[0][quantity]",
            "greater than or equal to 1",
        ),
        ({"name": "x", "items": [{"price": "p"}] * 3}, None, "items", "at most 2"),
        ({"name": "x", "day": "ten"}, "parameter_invalid_integer", "day", "Invalid integer: ten"),
        ({"name": "x", "day": "1.0"}, "parameter_invalid_integer", "day", "Invalid integer"),
        ({"name": "x", "day": "9" * 19}, "parameter_invalid_integer", "day", "Invalid integer"),
        ({"name": "x", "day": "٣"}, "parameter_invalid_integer", "day", "Invalid integer"),
        ({"name": "x", "day": "32"}, "parameter_invalid_integer", "day", "less than or equal to"),
        ({"name": "x", "when": "-1"}, "parameter_invalid_integer", "when", "greater than"),
        ({"name": "x", "rate": "1.001"}, None, "rate", "at maximum 2 decimal places"),
        ({"name": "x", "rate": "1e5"}, None, "rate", "Invalid decimal"),
        ({"name": "x", "rate": "."}, None, "rate", "Invalid decimal"),
        ({"name": "x", "rate": "NaN"}, None, "rate", "Invalid decimal"),
        ({"name": "x", "on": "yes"}, None, "on", "Invalid boolean: yes"),
        ({"name": "x", "kind": "four"}, None, "kind", "one, two, or three"),
        ({"name": "x", "meta": {"k" * 41: "v"}}, None, "meta", "1 to 40 characters"),
        ({"name": "x", "meta": {"k": "v" * 501}}, None, "meta[k]", "at most 500"),
        ({"name": "x", "meta": {str(n): "v" for n in range(51)}}, None, "meta", "at most 50"),
        ({"name": "x", "a": "1", "b": "2"}, "parameters_exclusive", "a", "only specify one"),
    ],
)
def test_the_first_wrong_parameter_is_named(
    raw: dict[str, Any], code: str | None, param: str, message: str
) -> None:
    with pytest.raises(BillingError) as refused:
        LONG.parse(raw)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert message in refused.value.message
    assert refused.value.status == 400


_RESET = either(enum("now"), object_(type=enum("now", required=True)))


@pytest.mark.parametrize(
    ("param", "raw", "named"),
    [
        (RANGE, {"gte": "yesterday"}, "x[gte]"),
        (RANGE, {"since": "1"}, "x[since]"),
        (RANGE, "yesterday", "x"),
        (either(_RESET, timestamp()), {"type": "later"}, "x[type]"),
        (either(_RESET, timestamp()), "later", "x"),
    ],
)
def test_of_several_kinds_the_one_that_was_meant_refuses(
    param: Param, raw: Any, named: str
) -> None:
    with pytest.raises(BillingError) as refused:
        param.read(raw, "x")
    assert refused.value.param == named


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*LONG.fields, "price", "0", "?"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*LONG.fields, "?"]), JSON, max_size=5))
def test_any_json_is_read_or_refused(raw: dict[str, Any]) -> None:
    with contextlib.suppress(BillingError):
        assert LONG.parse({"name": "x", **raw})


def test_a_specification_describes_itself() -> None:
    schema = LONG.schema()
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["kind"] == {"type": "string", "enum": ["one", "two", "three"]}
    assert schema["properties"]["meta"]["anyOf"][1] == {"type": "string", "enum": [""]}
