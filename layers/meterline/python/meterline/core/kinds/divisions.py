"""How lists are divided: a filter reads the partitions that hold its values, not the whole list.

The entry that an object has in the index of its kind's list stands in the partition of its facets:
an open invoice that is sent stands with other open invoices that are sent. So a filter on a facet
costs no entry of its own, and an entry moves only when a facet changes. The whole list is what all
partitions hold, merged. Partitions that many objects enter at once are sharded, so that none takes
all writes. Which partitions hold anything is noted (``store.base.listing_notes``).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field
from itertools import product
from math import prod
from typing import Any

from meterline.core.base.frozen import frozen

_FEW_PARTITIONS = 2


@frozen
class Facet:
    """What a list can be filtered by: every value there is, each with its shards, and a body's."""

    values: Mapping[str, int]
    value_of: Callable[[Any], str]


@frozen
class Division:
    """How the list of a kind is divided: by its facets, and each part into ``shards`` at least.

    What ``hides`` holds of is not listed.
    """

    facets: Mapping[str, Facet] = field(default_factory=dict)
    shards: int = 1
    hides: Callable[[Any], bool] = lambda _: False

    def lists(self, body: Mapping[str, Any]) -> bool:
        """Whether an object is listed: it is neither hidden nor what is left of a deleted one."""
        return not body.get("deleted") and not self.hides(body)

    @property
    def is_noted(self) -> bool:
        """Whether a list reads first which of the partitions hold anything: there are many."""
        facets = prod(sum(facet.values.values()) for facet in self.facets.values())
        return self.shards * facets > _FEW_PARTITIONS

    def part_of(self, body: Mapping[str, Any]) -> tuple[str, int]:
        """The part that a body stands in, and its shards."""
        return self._part(tuple(facet.value_of(body) for facet in self.facets.values()))

    def parts(self, only: Mapping[str, Collection[str]]) -> Iterator[tuple[str, int]]:
        """The parts, with their shards, whose values are among those of ``only``."""
        chosen = [
            [value for value in facet.values if value in only.get(name, facet.values)]
            for name, facet in self.facets.items()
        ]
        return map(self._part, product(*chosen))

    def _part(self, values: tuple[str, ...]) -> tuple[str, int]:
        shards = [
            facet.values[value] for facet, value in zip(self.facets.values(), values, strict=True)
        ]
        return ".".join(values), max([self.shards, *shards])


def flag(value: object) -> str:
    """A truth value, or its absence, as the value of a facet."""
    return "unset" if value is None else "yes" if value else "no"


FLAGS = {"no": 1, "yes": 1}
COLLECTION_METHOD = Facet(
    {"charge_automatically": 1, "send_invoice": 1},
    lambda body: str(body["collection_method"]),
)
