"""What lines' descriptions say, read back from the English that ``services.invoices`` writes.

They are stored as texts, as the API shows them. Who speaks to a customer in another language needs
their parts. A text that is not written like these is somebody's own, and has none.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from meterline.core.base.frozen import frozen
from meterline.core.base.money import EXACT, minor_digits
from meterline.services.invoices.descriptions import DAY

type Occasion = Literal[
    "charge", "flexible_trial", "classic_trial", "late", "billed_before", "unused", "remaining"
]
type Interval = Literal["day", "week", "month", "year"]

_OCCASIONS: Final[dict[str, Occasion]] = {
    "": "charge",
    "Free trial for ": "flexible_trial",
    "Trial period for ": "classic_trial",
    "Late usage: ": "late",
    "Already billed: ": "billed_before",
    "Unused time on ": "unused",
    "Remaining time on ": "remaining",
}
_COUNTED = re.compile(r"(?P<quantity>-?\d+(?:\.\d+)?)(?: (?P<unit>[^×]+))?")
_MONEY: Final = r"-?[$€£¥]?-?\d+(?:\.\d+)?(?:\ [A-Z]{3,4})?"
_AFTER_NAME = re.compile(
    rf"""
    (?P<segment>(?:,\ .+?)??)
    (?P<free>\ \(Free\ trial\))?
    (?:\ \((?:
        (?:Tier\ (?P<tier>\d+)\ )?at\ (?P<unit_amount>{_MONEY})
            (?:\ per\ (?P<units>\d+)\ units)?
            \ /\ (?:(?P<count>\d+)\ )?(?P<interval>day|week|month|year)s?
        | at\ (?P<percent>\d+(?:\.\d+)?)\ %(?:\ \+\ (?P<fee>{_MONEY}))?
    )\))?
    (?:,\ (?P<which>minimum|maximum)\ (?P<bound>{_MONEY}))?
    (?:\ after\ (?P<after>\d\d\ [A-Z][a-z]{{2}}\ \d{{4}}))?
    """,
    re.VERBOSE,
)


@frozen
class Rate:
    """What one of it costs, minor units: so much for so many ``units`` in a rhythm, or a percentage
    and a fee beside it.
    """

    unit_amount: Decimal | None
    units: int | None
    tier: int | None
    interval: Interval | None
    interval_count: int
    percent: Decimal | None
    fee: Decimal | None


@frozen
class Described:
    """The parts of a description. ``product`` is its name with the segment of the usage.

    ``after`` (UTC seconds) is the day from which on time is billed or given back. ``minimum`` and
    ``maximum`` are minor units, where one of them decided about the amount.
    """

    occasion: Occasion
    quantity: Decimal | None
    unit_label: str
    product: str
    is_free: bool
    rate: Rate | None
    minimum: Decimal | None
    maximum: Decimal | None
    after: int | None


def described(text: str, product_name: str, currency: str) -> Described | None:
    """The parts of a description of a product in a currency; None of any other text."""
    start = next((start for start in _OCCASIONS if start and text.startswith(start)), "")
    said = text.removeprefix(start)
    if not product_name:
        return None
    found = _AFTER_NAME.fullmatch(said.removeprefix(product_name))
    if found is not None and said.startswith(product_name):
        return _described(_OCCASIONS[start], None, product_name, found, currency)
    head, counts, rest = said.partition(f" × {product_name}")
    counted, found = _COUNTED.fullmatch(head), _AFTER_NAME.fullmatch(rest)
    if not counts or counted is None or found is None:
        return None
    return _described(_OCCASIONS[start], counted, product_name, found, currency)


def _described(
    occasion: Occasion,
    counted: re.Match[str] | None,
    product_name: str,
    found: re.Match[str],
    currency: str,
) -> Described:
    bound = _amount(found["bound"], currency)
    return Described(
        occasion=occasion,
        quantity=None if counted is None else Decimal(counted["quantity"]),
        unit_label=(counted["unit"] or "") if counted else "",
        product=product_name + found["segment"],
        is_free=found["free"] is not None,
        rate=_rate(found, currency),
        minimum=bound if found["which"] == "minimum" else None,
        maximum=bound if found["which"] == "maximum" else None,
        after=None if found["after"] is None else _instant(found["after"]),
    )


def _rate(found: re.Match[str], currency: str) -> Rate | None:
    if found["unit_amount"] is None and found["percent"] is None:
        return None
    interval: Any = found["interval"]
    return Rate(
        unit_amount=_amount(found["unit_amount"], currency),
        units=_number(found["units"]),
        tier=_number(found["tier"]),
        interval=interval,
        interval_count=_number(found["count"]) or 1,
        percent=None if found["percent"] is None else Decimal(found["percent"]),
        fee=_amount(found["fee"], currency),
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _amount(text: str | None, currency: str) -> Decimal | None:
    """An amount in minor units, from how ``descriptions.money`` writes it."""
    if text is None:
        return None
    number = "".join(letter for letter in text if letter in "-.0123456789")
    return Decimal(number).scaleb(minor_digits(currency), EXACT)


def _instant(day: str) -> int:
    return int(datetime.strptime(day, DAY).replace(tzinfo=UTC).timestamp())
