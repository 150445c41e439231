"""How lists are divided: a filter reads the partitions that hold its values, not the whole list.

The entry that an object has in the index of its kind's list stands in the partition of its facets:
an open invoice that is sent stands with other open invoices that are sent. So a filter on a facet
costs no entry of its own, and an entry moves only when a facet changes. The whole list is what all
partitions hold, merged. Partitions that many objects enter at once are sharded, so that none takes
all writes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

type Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facet:
    """What a list can be filtered by: every value there is, each with its shards, and a body's."""

    values: Mapping[str, int]
    value_of: Callable[[Body], str]


@dataclass(frozen=True, slots=True)
class Division:
    """How the list of a kind is divided: by its facets, and each part into ``shards`` at least.

    What ``hides`` holds of is not listed.
    """

    facets: Mapping[str, Facet] = field(default_factory=dict)
    shards: int = 1
    hides: Callable[[Body], bool] = lambda _: False

    def lists(self, body: Body) -> bool:
        """Whether an object is listed: it is neither hidden nor what is left of a deleted one."""
        return not body.get("deleted") and not self.hides(body)

    def part_of(self, body: Body) -> tuple[str, int]:
        """The part that a body stands in, and its shards."""
        return self._part(tuple(facet.value_of(body) for facet in self.facets.values()))

    def parts(self, only: Mapping[str, Collection[str]]) -> Iterator[tuple[str, int]]:
        """The parts, with their shards, whose values are among the wanted ones."""
        wanted = [
            [value for value in facet.values if value in only.get(name, facet.values)]
            for name, facet in self.facets.items()
        ]
        return map(self._part, product(*wanted))

    def _part(self, values: tuple[str, ...]) -> tuple[str, int]:
        shards = [
            facet.values[value] for facet, value in zip(self.facets.values(), values, strict=True)
        ]
        return ".".join(values), max([self.shards, *shards])


def division(kind: str) -> Division:
    """How the list of a kind is divided."""
    return _DIVISIONS.get(kind, _WHOLE)


def flag(value: object) -> str:
    """A truth value, or its absence, as the value of a facet."""
    return "unset" if value is None else "yes" if value else "no"


def price_type(body: Body) -> str:
    """What a price's entry stands under: one-time, or its interval and how its quantity comes."""
    recurring = body["recurring"]
    return f"{recurring['interval']}-{recurring['usage_type']}" if recurring else "one_time"


INTERVALS = ("day", "week", "month", "year")
USAGE_TYPES = ("licensed", "metered")

_WHOLE = Division()
_FLAGS = {"no": 1, "yes": 1}
_METHOD = Facet(
    {"charge_automatically": 1, "send_invoice": 1},
    lambda body: str(body["collection_method"]),
)
_DIVISIONS: Mapping[str, Division] = {
    "billing.meter": Division(
        {"status": Facet({"active": 1, "inactive": 1}, lambda body: str(body["status"]))}
    ),
    "customer": Division(
        {"on_clock": Facet({"no": 4, "yes": 1}, lambda body: flag(bool(body.get("test_clock"))))}
    ),
    "event": Division(shards=8),
    "v2.core.event": Division(shards=8),
    "invoice": Division(
        {
            "status": Facet(
                {"draft": 8, "open": 8, "paid": 4, "uncollectible": 1, "void": 1},
                lambda body: str(body["status"]),
            ),
            "collection_method": _METHOD,
        }
    ),
    "invoiceitem": Division(shards=8),
    "price": Division(
        {
            "active": Facet(_FLAGS, lambda body: flag(body["active"])),
            "recurs": Facet(
                {"one_time": 1}
                | {f"{interval}-{usage}": 1 for interval in INTERVALS for usage in USAGE_TYPES},
                price_type,
            ),
        },
        hides=lambda body: bool((body.get("_") or {}).get("inline")),
    ),
    "product": Division(
        {
            "active": Facet(_FLAGS, lambda body: flag(body["active"])),
            "shippable": Facet({"unset": 1, **_FLAGS}, lambda body: flag(body["shippable"])),
            "type": Facet({"good": 1, "service": 1}, lambda body: str(body["type"])),
        }
    ),
    "subscription": Division(
        {
            "status": Facet(
                {
                    "active": 4,
                    "canceled": 4,
                    "incomplete": 1,
                    "incomplete_expired": 1,
                    "past_due": 4,
                    "paused": 1,
                    "trialing": 4,
                    "unpaid": 1,
                },
                lambda body: str(body["status"]),
            ),
            "collection_method": _METHOD,
        }
    ),
}
