"""Decimals as DynamoDB text: exact beyond the 38 digits of its numbers."""

from decimal import Decimal


def plain(value: Decimal) -> str:
    """The value without exponent or needless zeros: equal numbers give equal texts."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def exact(text: str) -> Decimal:
    """The value that ``plain`` wrote."""
    return Decimal(text)
