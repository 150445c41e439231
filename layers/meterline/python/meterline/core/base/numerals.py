"""How whole numbers are written in requests."""

from typing import Final

MAX_DIGITS: Final = 18
"""So many significant digits fit into 64 bits, whatever they are."""


def whole_number(text: str) -> int | None:
    """The number that a sign and ASCII digits write, after any number of leading zeros.

    None for anything else, and for more than 18 significant digits. Python itself refuses to read
    more than 4,300 digits, zeros included.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    significant = digits.lstrip("0") or "0"
    if len(significant) > MAX_DIGITS:
        return None
    return int(significant) if digits == text else -int(significant)
