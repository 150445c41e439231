"""Counting distinct values: exactly up to a bound, and by an even sample of them beyond it.

A value is known by 16 bytes of its digest, as a number. Digests are spread evenly, so that the
least of them are a fair sample of all: when only the digests below ``limit`` were kept, there are
``len(digests) / limit`` times 2^128 values. What is kept follows from the set of values alone, in
whatever order and in whatever parts they came.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from meterline.core.base.frozen import frozen
from meterline.core.base.versions import UnknownVersion, check_version

VERSION: Final = 1
DIGEST_BYTES = 16
EVERYTHING = 1 << (8 * DIGEST_BYTES)
MOST_DISTINCT = 1_000
"""So many distinct values of an hour are counted exactly: 16 KB. Beyond it the standard error of
that hour is 3 %."""


@frozen
class Distinct:
    """Distinct values: the digests below ``limit``, which is ``EVERYTHING`` while all are known."""

    digests: frozenset[int] = frozenset()
    limit: int = EVERYTHING

    @property
    def is_exact(self) -> bool:
        """Whether every value is known."""
        return self.limit == EVERYTHING

    @property
    def number(self) -> Decimal:
        """How many distinct values there are, or the best estimate, a whole number."""
        return _number(len(self.digests), self.limit)

    def union(self, other: "Distinct") -> "Distinct":
        """The distinct values of both."""
        both = Union()
        both.add(self)
        both.add(other)
        return both.whole()

    def bounded(self) -> "Distinct":
        """The same values in bounded room: a sample where there are too many."""
        if len(self.digests) <= MOST_DISTINCT:
            return self
        kept = sorted(self.digests)[: MOST_DISTINCT + 1]
        return Distinct(frozenset(kept[:-1]), kept[-1])

    def pack(self) -> bytes:
        """The version of this form, and the digests in order; ``limit`` is kept beside them."""
        digests = (digest.to_bytes(DIGEST_BYTES) for digest in sorted(self.digests))
        return bytes((VERSION,)) + b"".join(digests)


def _number(kept: int, limit: int) -> Decimal:
    """How many values there are of which so many lie below a limit, rounded."""
    return Decimal((2 * kept * EVERYTHING + limit) // (2 * limit))


@dataclass(slots=True)
class Union:
    """The distinct values of parts that come one after another, in time with their number."""

    _digests: set[int] = field(default_factory=set)
    _limit: int = EVERYTHING

    def add(self, part: Distinct) -> None:
        """Take the values of a part in."""
        if part.limit < self._limit:
            self._limit = part.limit
            self._digests = self._below(self._digests)
        self._digests |= part.digests if part.limit == self._limit else self._below(part.digests)

    def whole(self) -> Distinct:
        """The values of all parts so far."""
        return Distinct(frozenset(self._digests), self._limit)

    @property
    def number(self) -> Decimal:
        """The ``number`` of all parts so far, without a copy of their values."""
        return _number(len(self._digests), self._limit)

    def _below(self, digests: Collection[int]) -> set[int]:
        return {digest for digest in digests if digest < self._limit}


def unpack(data: bytes, limit: int = EVERYTHING) -> Distinct:
    """The values that ``Distinct.pack`` wrote; UnknownVersion of what has another form."""
    check_version(data, VERSION, "Distinct values")
    starts = range(1, len(data), DIGEST_BYTES)
    if len(data) % DIGEST_BYTES != 1:
        raise UnknownVersion(f"{len(data)} bytes are no version byte and whole digests")
    digests = (int.from_bytes(data[start : start + DIGEST_BYTES]) for start in starts)
    return Distinct(frozenset(digests), limit)


def distinct(values: Iterable[Decimal]) -> Distinct:
    """The distinct ones among values that ``value_of`` made."""
    return Distinct(frozenset(int(value) for value in values))


def value_of(text: str) -> Decimal:
    """The text of an event's value as the number that counting knows it by: equal for equal texts
    only.
    """
    return Decimal(int.from_bytes(hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]))
