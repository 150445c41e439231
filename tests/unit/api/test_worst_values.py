"""No value of a parameter is an unexpected one: each operation takes it or refuses it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meterline.api.operations import Operation
from meterline.api.params.specs import Array, Either, Map, Object, Param
from meterline.api.requests import Request, read_params
from meterline.api.routes.description import all_operations
from meterline.core.base.errors import BillingError
from tests.integration.api.fuzzing import NASTY, WORST, WORST_NUMBERS

VALUES: list[Any] = [
    *NASTY,
    *(text for texts in WORST.values() for text in texts),
    None,
    True,
    0,
    10**4_000,
    [],
    {},
    [[]],
    {"0": "a", "-1": "b"},
    {"9" * 5_000: "a"},
    {"\ud800": "a"},
]


def _leaves(param: Param, name: str) -> Iterator[tuple[str, Param]]:
    yield name, param
    if isinstance(param, Object):
        for key, one in param.fields.items():
            yield from _leaves(one, f"{name}[{key}]" if name else key)
    elif isinstance(param, Either):
        for one in param.options:
            yield from _leaves(one, name)
    elif isinstance(param, Array):
        yield from _leaves(param.item, f"{name}[0]")
    elif isinstance(param, Map):
        yield from _leaves(param.value, f"{name}[key]")


@pytest.mark.parametrize("operation", all_operations(), ids=lambda one: f"{one.method} {one.path}")
def test_every_parameter_takes_or_refuses_every_value(operation: Operation) -> None:
    for name, param in _leaves(operation.accepted, ""):
        for value in VALUES:
            refusal = _refusal(param.read, value, name)
            assert refusal is None or (refusal.status, len(refusal.message) < 1_000) == (400, True)


def _refusal(call: Callable[..., Any], *given: Any) -> BillingError | None:
    """How a call refuses what it is given, if it does; anything else fails the test."""
    try:
        call(*given)
    except BillingError as refusal:
        return refusal
    return None


def _v2(body: str) -> Request:
    return Request("POST", "/v2/x", "", {"content-type": "application/json"}, body.encode())


@pytest.mark.parametrize("number", WORST_NUMBERS)
def test_every_number_of_a_body_is_read_or_refused(number: str) -> None:
    for body in (f'{{"a": {number}}}', f'{{"a": [{{"b": {number}}}]}}', number):
        refusal = _refusal(read_params, _v2(body))
        assert refusal is None or (refusal.status, refusal.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a": ' + "[" * 30 + "]" * 30 + "}",
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": "\\ud800"',
        "\xff",
        "",
        "null",
        '"a"',
    ],
)
def test_what_is_no_object_of_json_is_refused(body: str) -> None:
    request = _v2(body or " ")
    with pytest.raises(BillingError) as refused:
        read_params(request)
    assert refused.value.code == "invalid_json"
