"""Object ids: random ones that sort by time, and ones that follow from what they identify."""

import hashlib
import secrets
import time
from threading import Lock

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 8
_RANDOM_DIGITS = 16
_DIGEST_DIGITS = 24
_NUMBER_DIGITS = 4
"""Enough for 14 million."""
_PLACE_DIGITS = 7
"""Enough for any second up to the year 100,000."""


_RANDOM: int = len(_DIGITS) ** _RANDOM_DIGITS
_STEP: int = len(_DIGITS) ** (_RANDOM_DIGITS - 2)
_latest = 0
_one_at_a_time = Lock()


def new_id(prefix: str) -> str:
    """A new id: ``prefix``, the wall-clock millisecond, 95 random bits.

    Ids sort by time, and those of one process in the order in which it made them: lines that one
    decision adds within a millisecond stand in its order.
    """
    return prefix + _base62(_next_number(), _TIME_DIGITS + _RANDOM_DIGITS)


def new_object_id(kind: str) -> str:
    """A new id of an object of a kind."""
    return new_id(_prefix_of(kind))


def derived_object_id(kind: str, *parts: str | int) -> str:
    """The id of the object of a kind that follows from ``parts``."""
    return derived_id(_prefix_of(kind), *parts)


def timed_id(prefix: str, *parts: str | int) -> str:
    """An id that sorts by time like ``new_id``; the rest of it follows from ``parts``."""
    milliseconds = time.time_ns() // 1_000_000
    return prefix + _base62(milliseconds, _TIME_DIGITS) + derived_id("", *parts)[:_RANDOM_DIGITS]


def derived_id(prefix: str, *parts: str | int) -> str:
    """The id that follows from ``parts``: the same parts always give the same id (142 bits)."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return prefix + _base62(int.from_bytes(digest), _DIGEST_DIGITS)


def numbered_id(prefix: str, number: int, *parts: str | int) -> str:
    """The id of one of the objects that belong to ``parts``, by its number (119 bits are theirs).

    Those of one owner are alike, so that what is stored about many of them takes little room.
    """
    digest = derived_id("", *parts)[: _DIGEST_DIGITS - _NUMBER_DIGITS]
    return prefix + digest + _base62(number, _NUMBER_DIGITS)


def placed_id(prefix: str, place: int, *parts: str | int) -> str:
    """An id that follows from ``place`` and ``parts`` like a derived one (101 bits), and from which
    ``place_in`` reads the place, a second, again.
    """
    digest = derived_id("", place, *parts)[: _DIGEST_DIGITS - _PLACE_DIGITS]
    return prefix + _base62(place, _PLACE_DIGITS) + digest


def place_in(placed: str, prefix: str) -> int | None:
    """The place in an id that ``placed_id`` gave; anything, or None, for any other text."""
    place = 0
    for digit in placed.removeprefix(prefix)[:_PLACE_DIGITS]:
        if digit not in _DIGITS:
            return None
        place = place * len(_DIGITS) + _DIGITS.index(digit)
    return place


def _next_number() -> int:
    """The time and random bits as one number, greater than any before it: from the latest one by a
    random step if the millisecond is the same, or the clock was put back.
    """
    global _latest  # noqa: PLW0603 - what this process gave last
    with _one_at_a_time:
        number = time.time_ns() // 1_000_000 * _RANDOM + secrets.randbelow(_RANDOM)
        if number // _RANDOM <= _latest // _RANDOM:
            number = _latest + 1 + secrets.randbelow(_STEP)
        _latest = number
        return number


def _base62(number: int, digits: int) -> str:
    """The last ``digits`` digits of ``number``, in an alphabet that sorts as ASCII does."""
    out = []
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        out.append(_DIGITS[digit])
    return "".join(reversed(out))


def _prefix_of(kind: str) -> str:
    from meterline.core.kinds.registry import kind_of  # noqa: PLC0415 - light functions know no kinds

    return kind_of(kind).id_prefix
