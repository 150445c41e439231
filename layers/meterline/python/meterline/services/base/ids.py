"""Object ids: random ones that sort by time, and ones that follow from what they identify."""

import hashlib
import secrets
import time

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 8
_RANDOM_DIGITS = 16
_DIGEST_DIGITS = 24
_PLACE_DIGITS = 7
"""Enough for any second up to the year 100,000."""


def new_id(prefix: str) -> str:
    """A new id: ``prefix``, the wall-clock millisecond (ids sort by time), 95 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    return prefix + _base62(milliseconds, _TIME_DIGITS) + _random_digits()


def timed_id(prefix: str, *parts: str | int) -> str:
    """An id that sorts by time like ``new_id``; the rest of it follows from ``parts``."""
    milliseconds = time.time_ns() // 1_000_000
    return prefix + _base62(milliseconds, _TIME_DIGITS) + derived_id("", *parts)[:_RANDOM_DIGITS]


def derived_id(prefix: str, *parts: str | int) -> str:
    """The id that follows from ``parts``: the same parts always give the same id (142 bits)."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return prefix + _base62(int.from_bytes(digest), _DIGEST_DIGITS)


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


def _random_digits() -> str:
    return _base62(secrets.randbelow(len(_DIGITS) ** _RANDOM_DIGITS), _RANDOM_DIGITS)


def _base62(number: int, digits: int) -> str:
    """The last ``digits`` digits of ``number``, in an alphabet that sorts as ASCII does."""
    out = []
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        out.append(_DIGITS[digit])
    return "".join(reversed(out))
