"""The samples of an hour as bytes: 5 and those of each sum, mostly 2 to 4, in all at most 60.

Four bytes come first: the version of this form, the width of the sums in bytes, their decimal
places, and then in two bytes which of the hour's twelve samples there are. The sums are whole
numbers, big-endian and signed.
"""

from typing import Final

from meterline.core.base.versions import check_version
from meterline.core.metering.packed_rows import HOUR_SECONDS, decimals, whole_numbers
from meterline.core.metering.samples import SAMPLE_SECONDS, Samples

VERSION: Final = 1
_OF_HOUR = range(HOUR_SECONDS // SAMPLE_SECONDS)
_HEADER_BYTES = 5


def pack(found: Samples, hour_start: int) -> bytes:
    """The bytes of samples that all lie in one hour."""
    first = hour_start // SAMPLE_SECONDS
    places = sorted(found.sums)
    numbers, exponent = whole_numbers([found.sums[place] for place in places])
    width = max((number + (number < 0)).bit_length() for number in numbers) // 8 + 1
    which = sum(1 << (place - first) for place in places)
    header = bytes((VERSION, width, exponent)) + which.to_bytes(2)
    return header + b"".join(number.to_bytes(width, signed=True) for number in numbers)


def unpack(data: bytes, hour_start: int) -> Samples:
    """The samples that ``pack`` made of an hour; UnknownVersion of what has another form."""
    check_version(data, VERSION, "Samples")
    width, exponent, which = data[1], data[2], int.from_bytes(data[3:_HEADER_BYTES])
    starts = range(_HEADER_BYTES, len(data), width)
    numbers = [int.from_bytes(data[start : start + width], signed=True) for start in starts]
    first = hour_start // SAMPLE_SECONDS
    places = [first + place for place in _OF_HOUR if which >> place & 1]
    return Samples(dict(zip(places, decimals(numbers, exponent), strict=True)))
