"""A body as long as any may be is decoded, or refused, in time that no attacker can stretch."""

import time
from itertools import product

import pytest

from meterline.api.requests import MAX_BODY_BYTES, Request, read_params
from meterline.core.base.errors import BillingError

N = MAX_BODY_BYTES
MOST_SECONDS = 3
"""CPU time: the slowest of these takes half a second; what grows with the square takes minutes."""

FORMS = {
    "one name": "a" * N,
    "signs of percent": "%" * N,
    "encoded letters": "%41" * (N // 3),
    "no UTF-8": "%ff" * (N // 3),
    "empty brackets": "a" + "[]" * (N // 2 - 1),
    "many brackets": "a" + "[a]" * (N // 3 - 1),
    "open brackets": "a" + "[" * (N - 1),
    "empty pairs": "&" * N,
    "equals": "=" * N,
    "one list": "&".join(f"a[][b{n}]=c" for n in range(2_000)),
    "lists in lists": "&".join(["a" + "[]" * 11 + "=b"] * 2_000),
    "a tree": "&".join("a" + "".join(f"[{n}]" for n in path) for path in product("012", repeat=6)),
}
BODIES = {
    "lists in lists": "[" * N,
    "objects in objects": '{"a":' * (N // 5),
    "escapes": '{"a":"' + "\\u0041" * (N // 6 - 2) + '"}',
    "long integers": '{"a":[' + ",".join(["1" * 4_299] * 230) + "]}",
    "long decimals": '{"a":[' + ",".join(["1" * 4_299 + ".5e9"] * 230) + "]}",
    "one decimal": '{"a":' + "1" * (N - 20) + ".5}",
    "many exponents": '{"a":[' + ",".join(["1e999999999"] * 80_000) + "]}",
    "many keys": "{" + ",".join(f'"k{n}":1' for n in range(80_000)) + "}",
}


def _reading(path: str, kind: str, body: str) -> None:
    request = Request("POST", path, "", {"content-type": kind}, body.encode())
    assert len(request.body) <= MAX_BODY_BYTES
    began = time.thread_time()
    try:
        read_params(request)
    except BillingError as refusal:
        assert refusal.status == 400  # noqa: PT017 - either outcome is right
    assert time.thread_time() - began < MOST_SECONDS


@pytest.mark.parametrize("name", FORMS)
def test_a_long_form_is_read_in_time(name: str) -> None:
    _reading("/v1/x", "application/x-www-form-urlencoded", FORMS[name])


@pytest.mark.parametrize("name", BODIES)
def test_a_long_body_of_json_is_read_in_time(name: str) -> None:
    _reading("/v2/x", "application/json", BODIES[name])
