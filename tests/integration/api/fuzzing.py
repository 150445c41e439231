"""Requests that nobody in their right mind sends, made from the operations' specifications."""

import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode

from meterline.api.operations import Operation
from meterline.api.params.idle import Idle
from meterline.api.params.specs import (
    Array,
    Boolean,
    DecimalNumber,
    Either,
    Integer,
    Map,
    Object,
    OneOf,
    Param,
    String,
)

NASTY = [
    "",
    " ",
    "0",
    "-1",
    "1e400",
    "NaN",
    "true",
    "null",
    "%00",
    "\x00",
    "\ud800",
    "é" * 300,
    "x" * 6_000,
    "🧾",
    "' OR 1=1 --",
    "../../etc/passwd",
    "{{7*7}}",
    "[0]",
    "a[b]=c",
    str(2**63),
    "9" * 400,
    "1.0000000000001",
    "٣",
    "t#cus_1",
    "settings",
]

WORST_NUMBERS = [
    "0" * 5_000 + "1",
    "-" + "0" * 5_000,
    "9" * 5_000,
    "1e5",
    "1E+999999999",
    "1e9999999999999999999",
    "-1e-9999999999999999999",
    "0." + "0" * 5_000 + "1",
    "-0.0",
    "1.7976931348623157e309",
]
"""Numbers that some parser of numbers stumbles over; in JSON they stand without quotes."""

WORST: dict[type[Param], list[str]] = {
    Integer: [*WORST_NUMBERS, "+1", "1_000", "\uff11", " 1", "-", "0x1", "1.0"],
    DecimalNumber: [*WORST_NUMBERS, ".", "-.", "5.", ".5", "Infinity", "sNaN", "1,5"],
    Boolean: ["True", "1", "yes", "TRUE "],
    String: [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2016-12-31T23:59:60Z",
        'name:"' + "\\" * 40,
        "AAAA",
        "=" * 50,
        "a" * 5_000,
        "é" * 5_000,
        "e\u0301",
        "[" * 5_000,
    ],
}
"""By kind of parameter, what is nearly right, or right and extreme."""

_BARE = "\x01bare\x02"
"""Marks a text that a JSON body holds without quotes."""

WORST_HEADERS = {
    "idempotency-key": ["é", "\ud800", "k" * 256, "\x00", " ", "a\r\nb: c"],
    "stripe-version": [
        "é",
        "2026-99-99",
        "\ud800",
        "x" * 5_000,
        "0001-01-01",
        "2026-10-28.endive\n",
    ],
    "stripe-account": ["acct_", "é"],
    "content-type": ["é", ";", "application/json; charset=\ud800", "/" * 5_000],
    "accept": ["*/*;q=" + "9" * 5_000],
    "meterline-event-results": ["TRUE", "é"],
}

PREFIXES = {
    "alerts": "alrt_",
    "balance_transactions": "cbtxn_",
    "coupons": "",
    "customer": "cus_",
    "customers": "cus_",
    "default_price": "price_",
    "ending_before": "",
    "event_name": "",
    "events": "evt_",
    "identifier": "",
    "invoice": "in_",
    "invoices": "in_",
    "meter": "mtr_",
    "meters": "mtr_",
    "object_id": "",
    "price": "price_",
    "prices": "price_",
    "product": "prod_",
    "products": "prod_",
    "starting_after": "",
    "subscription": "sub_",
    "subscriptions": "sub_",
    "test_clock": "clock_",
    "test_clocks": "clock_",
    "webhook_endpoints": "we_",
}
"""What the ids of a collection, or under a parameter, begin with."""


@dataclass(slots=True)
class Fuzzer:
    """A seeded source of requests; ``known`` are the ids that exist."""

    dice: random.Random
    known: list[str] = field(default_factory=list)

    def request(self, operation: Operation) -> tuple[str, dict[str, str], bytes]:
        """The target, headers and body of a more or less wrong request for an operation."""
        words = operation.path.split("/")
        path = "/".join(self._segment(*pair) for pair in pairwise(["", *words]))
        params = self._params(operation)
        self._spoil(params)
        if operation.path.startswith("/v2/") and operation.method == "POST":
            return path, {"content-type": self._content_type("application/json")}, _json(params)
        text = self._encode(params)
        if operation.method == "POST":
            kind = self._content_type("application/x-www-form-urlencoded")
            return path, {"content-type": kind}, text.encode("utf-8", "surrogatepass")
        safe = text.encode("utf-8", "replace").decode("ascii", "ignore")
        return f"{path}?{safe}", {}, b""

    def headers(self) -> dict[str, str]:
        """Headers of a request, rarely a wrong one among them."""
        found = {}
        if self.dice.random() < 0.2:
            found["idempotency-key"] = f"key-{self.dice.randint(1, 50)}"
        if self.dice.random() < 0.03:
            name = self.dice.choice(sorted(WORST_HEADERS))
            found[name] = self.dice.choice(WORST_HEADERS[name])
        return found

    def _params(self, operation: Operation) -> dict[str, Any]:
        return self._object(operation.accepted, 0)

    def _segment(self, collection: str, segment: str) -> str:
        if not segment.startswith("{"):
            return segment
        if self.dice.random() < 0.9:
            return quote(self._id_for(collection), safe="")
        return quote(self.dice.choice(NASTY), safe="", errors="replace") or "%20"

    def _content_type(self, usual: str) -> str:
        if self.dice.random() < 0.97:
            return usual
        return self.dice.choice(["", "text/plain", "application/json", "multipart/form-data", ";"])

    def _value(self, param: Param, depth: int) -> Any:
        if self.dice.random() < 0.02:
            return self._nonsense()
        if type(param) in WORST and self.dice.random() < 0.02:
            return self.dice.choice(WORST[type(param)])
        return self._maker(param)(param, depth)

    def _named_value(self, name: str, param: Param, depth: int) -> Any:
        if name in PREFIXES and isinstance(param, String) and self.dice.random() < 0.9:
            return self._id_for(name)
        return self._value(param, depth)

    def _id_for(self, name: str) -> str:
        """An id that exists and that could stand under this name."""
        prefix = PREFIXES.get(name, "")
        fitting = [one for one in self.known if one.startswith(prefix)]
        return self.dice.choice(fitting or [*self.known, "cus_missing"])

    def _maker(self, param: Param) -> Callable[[Any, int], Any]:
        makers: dict[type[Param], Callable[[Any, int], Any]] = {
            Object: self._object,
            Array: self._array,
            Map: self._map,
            Either: lambda one, depth: self._value(self.dice.choice(one.options), depth),
            OneOf: lambda one, _: self.dice.choice(one.values),
            Boolean: lambda _, __: self.dice.choice(["true", "false"]),
            Integer: self._integer,
            DecimalNumber: lambda _, __: (
                f"{self.dice.randint(0, 10**6)}.{self.dice.randint(0, 99)}"
            ),
            String: lambda _, __: self._string(),
            Idle: lambda one, depth: self._value(one.taken, depth) if one.taken else "",
        }
        known = (makers[cls] for cls in type(param).__mro__ if cls in makers)
        return next(known, lambda _, __: self._nonsense())

    def _object(self, param: Object, depth: int) -> dict[str, Any]:
        chance = self.dice.choice([0.05, 0.2, 0.5])
        return {
            name: self._named_value(name, one, depth + 1)
            for name, one in param.fields.items()
            if self.dice.random() < (0.95 if one.required else chance)
        }

    def _array(self, param: Array, depth: int) -> list[Any]:
        length = self.dice.choice([0, 1, 1, 2, 3])
        return [self._value(param.item, depth + 1) for _ in range(length)]

    def _map(self, param: Map, depth: int) -> dict[str, Any]:
        return {self._word(): self._value(param.value, depth + 1) for _ in range(2)}

    def _integer(self, param: Integer, _: int) -> str:
        low = param.minimum if param.minimum is not None else -10
        high = param.maximum if param.maximum is not None else 10**6
        return str(self.dice.choice([low, high, low - 1, high + 1, self.dice.randint(low, high)]))

    def _string(self) -> str:
        likely = ["usd", "eur", "a@example.com", "https://example.com/x", "2026-01-01T00:00:00Z"]
        return self.dice.choice([self._word(), *likely])

    def _word(self) -> str:
        letters = string.ascii_letters + string.digits + "_. "
        return "".join(self.dice.choices(letters, k=self.dice.randint(1, 12)))

    def _nonsense(self) -> Any:
        return self.dice.choice(
            [
                *NASTY,
                *(_BARE + number for number in WORST_NUMBERS),
                *(None, {}, [], {"a": "b"}, ["x"], [[]], {"0": {"1": "2"}}, 5, True, 1.5),
            ]
        )

    def _spoil(self, params: dict[str, Any]) -> None:
        if self.dice.random() < 0.04:
            params[self._word()] = self._nonsense()
        if self.dice.random() < 0.4:
            params.pop("expand", None)
        if self.dice.random() < 0.05:
            params["expand"] = [
                self.dice.choice(["customer", "data.customer", "x.y.z", "", "data"])
            ]

    def _encode(self, params: dict[str, Any]) -> str:
        """The form of ``params``, sometimes broken."""
        text = urlencode(_flat(params), errors="surrogatepass")
        if self.dice.random() < 0.02:
            at = self.dice.randint(0, len(text))
            text = text[:at] + self.dice.choice(["[", "]", "&&", "=", "%", "%FF", "[]"]) + text[at:]
        return text


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        pairs = value.items()
        return [p for k, v in pairs for p in _flat(v, f"{name}[{k}]" if name else str(k))]
    if isinstance(value, list):
        return [p for index, v in enumerate(value) for p in _flat(v, f"{name}[{index}]")]
    return [(name, "" if value is None else str(value).removeprefix(_BARE))]


def _json(params: dict[str, Any]) -> bytes:
    import json  # noqa: PLC0415 - only here

    text = json.dumps(params)
    mark = json.dumps(_BARE)[:-1]
    return re.sub(re.escape(mark) + r'([^"]*)"', r"\1", text).encode()
