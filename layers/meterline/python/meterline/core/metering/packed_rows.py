"""Rows as bytes: 18 to 39 bytes an event, mostly 20, so that a hundred of them cost two to three
write units.

Rows are packed column by column, since that is short and quickly done: the identities of 16 bytes;
two bytes each with the second within its hour (12 bits), the cancel mark and the tombstone's (1 bit
each); the values as whole numbers, all of one width, big-endian and signed; where order matters 8
bytes each of receipt time. Three bytes before them tell the version of this form, the width of the
values and how many decimal places they have. Digests of values take 16 bytes, unsigned.
"""

import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from meterline.core.base.versions import check_version
from meterline.core.metering.aggregation import EXACT, Measure, Row, rows_from
from meterline.core.metering.distinct import DIGEST_BYTES

VERSION: Final = 3
"""The first one: rows were once stored without, and began with their width, which is never 3."""

HOUR_SECONDS = 3_600
_HEADER_BYTES = 3
_IDENTITY_BYTES = 16
_SECOND_BYTES = 2
_ORDER_BYTES = 8
_SECOND_SHIFT = 4
_CANCELS = 8
_TOMBSTONE = 4
_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}
_WIDE = 13
"""Values of 15 digits before the point beside such of 15 places need 30 digits."""


def pack(rows: Iterable[Row], hour_start: int, measure: Measure) -> bytes:
    """The bytes of ``rows``, all of one hour; the time of receipt only where its order matters."""
    columns = list(zip(*rows, strict=True))
    if not columns:
        return b""
    identities, timestamps, values, acceptances, cancels, tombstones = columns
    heads = [(second - hour_start) << _SECOND_SHIFT for second in timestamps]
    if True in cancels:
        marks = zip(cancels, tombstones, strict=True)
        flags = [_CANCELS * cancelling + _TOMBSTONE * tomb for cancelling, tomb in marks]
        heads = [head | flag for head, flag in zip(heads, flags, strict=True)]
    numbers, places = whole_numbers(values)
    width = DIGEST_BYTES if measure.has_digests else _width(numbers)
    parts = [bytes((VERSION, width, places)), *identities, struct.pack(f">{len(heads)}H", *heads)]
    parts.append(_pack_numbers(numbers, width, signed=not measure.has_digests))
    if measure.is_ordered:
        parts.append(struct.pack(f">{len(heads)}Q", *acceptances))
    return b"".join(parts)


def unpack(data: bytes, hour_start: int, measure: Measure) -> list[Row]:
    """The rows that ``pack`` made of one hour; UnknownVersion of what has another form."""
    if not data:
        return []
    check_version(data, VERSION, "Rows")
    width, places = data[1], data[2]
    number = (len(data) - _HEADER_BYTES) // row_bytes(data, measure)
    identities_end = _HEADER_BYTES + number * _IDENTITY_BYTES
    heads_end = identities_end + number * _SECOND_BYTES
    values_end = heads_end + number * width
    identities = [
        data[at : at + _IDENTITY_BYTES]
        for at in range(_HEADER_BYTES, identities_end, _IDENTITY_BYTES)
    ]
    heads = struct.unpack_from(f">{number}H", data, identities_end)
    signed = not measure.has_digests
    values = decimals(_unpack_numbers(data[heads_end:values_end], width, number, signed), places)
    acceptances: Sequence[int] = [0] * number
    if measure.is_ordered:
        acceptances = struct.unpack_from(f">{number}Q", data, values_end)
    timestamps = [hour_start + (head >> _SECOND_SHIFT) for head in heads]
    cancels = [head & _CANCELS != 0 for head in heads]
    tombstones = [head & _TOMBSTONE != 0 for head in heads]
    return rows_from(identities, timestamps, values, acceptances, cancels, tombstones)


def split(data: bytes, rows: int, measure: Measure) -> tuple[bytes, bytes]:
    """The bytes of the first so many rows, and those of the others."""
    number = (len(data) - _HEADER_BYTES) // row_bytes(data, measure)
    rows = min(rows, number)
    first, second = [data[:_HEADER_BYTES]], [data[:_HEADER_BYTES]]
    start = _HEADER_BYTES
    for width in (_IDENTITY_BYTES, _SECOND_BYTES, data[1], _ORDER_BYTES * measure.is_ordered):
        cut, end = start + rows * width, start + number * width
        first.append(data[start:cut])
        second.append(data[cut:end])
        start = end
    return b"".join(first), b"".join(second) if rows < number else b""


def row_bytes(data: bytes, measure: Measure) -> int:
    """How long each row is in the bytes that ``pack`` made."""
    return _IDENTITY_BYTES + _SECOND_BYTES + data[1] + _ORDER_BYTES * measure.is_ordered


def whole_numbers(values: Sequence[Decimal]) -> tuple[list[int], int]:
    """The values as whole numbers, and the decimal places to move them all by."""
    if not all(map(Decimal.is_finite, values)):
        raise TypeError("not all of the values are numbers")
    numbers = list(map(int, values))
    if numbers == list(values):
        return numbers, 0
    places = max(-exponent for exponent in map(_exponent, values))
    return [int(value.scaleb(places, EXACT)) for value in values], places


def _exponent(value: Decimal) -> int:
    return int(value.normalize(EXACT).as_tuple().exponent)


def decimals(numbers: Iterable[int], places: int) -> list[Decimal]:
    """Whole numbers moved back by so many decimal places."""
    values = list(map(Decimal, numbers))
    return [value.scaleb(-places, EXACT) for value in values] if places else values


def _width(numbers: Sequence[int]) -> int:
    """The least number of bytes that holds each of the numbers."""
    least, greatest = min(numbers), max(numbers)
    if not least and not greatest:
        return 0
    bits = max(greatest.bit_length(), (least + 1).bit_length()) + 1
    return next((width for width in _CODES if bits <= width * 8), _WIDE)


def _pack_numbers(numbers: Sequence[int], width: int, *, signed: bool) -> bytes:
    if width in _CODES:
        return struct.pack(f">{len(numbers)}{_CODES[width]}", *numbers)
    if not width:
        return b""
    return b"".join(number.to_bytes(width, signed=signed) for number in numbers)


def _unpack_numbers(data: bytes, width: int, number: int, signed: bool) -> Sequence[int]:  # noqa: FBT001 - a part of the format
    if width in _CODES:
        return struct.unpack(f">{number}{_CODES[width]}", data)
    if not width:
        return [0] * number
    starts = range(0, len(data), width)
    return [int.from_bytes(data[start : start + width], signed=signed) for start in starts]
