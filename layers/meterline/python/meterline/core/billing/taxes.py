"""Taxes of one line: what each rate adds to it, or is contained in it.

The rates of a line do not build on each other. All of them are on the line's price without any tax:
what is left of the amount once all inclusive taxes are taken out of it together. So a line of 1000
with 20 % inclusive has 833 to be taxed, and 5 % exclusive on the same line adds 42. Each tax is
rounded by itself, a half away from zero, also of a credit (contract section H).
"""

from collections.abc import Sequence
from decimal import Decimal

from meterline.core.base.frozen import frozen
from meterline.core.base.money import (
    EXACT,
    exact_product,
    exact_sum,
    nearest_quotient,
    round_half_up,
)

_WHOLE = Decimal(100)

TAX_TYPES = (
    *("admissions_tax", "amusement_tax", "attendance_tax", "communications_tax"),
    *("digital_excise_tax", "entertainment_tax", "get_fund", "gross_receipts_tax", "gst"),
    *("hospitality_tax", "hst", "igst", "jct", "lease_tax", "luxury_tax"),
    *("mass_transit_parking_tax", "nhil", "parking_tax", "pst", "qst", "resort_tax"),
    *("retail_delivery_fee", "rst", "sales_tax", "service_tax", "tourism_tax"),
    *("utility_users_tax", "vat"),
)
"""What kind of tax a rate is of."""

JURISDICTION_LEVELS = ("city", "country", "county", "district", "multiple", "state")

TAXABILITY_REASONS = (
    *("customer_exempt", "not_collecting", "not_subject_to_tax", "not_supported"),
    *("portion_product_exempt", "portion_reduced_rated", "portion_standard_rated"),
    *("product_exempt", "product_exempt_holiday", "proportionally_rated", "reduced_rated"),
    *("reverse_charge", "standard_rated", "taxable_basis_reduced", "zero_rated"),
)
"""Why a tax is what it is, where somebody says so."""


@frozen
class Rate:
    """A percentage that is in the price (``inclusive``) or comes on top of it."""

    percentage: Decimal
    inclusive: bool


@frozen
class Tax:
    """What a rate comes to on a line, and on what of it; minor units."""

    amount_minor: int
    taxable_minor: int


def taxes_on(amount_minor: int, rates: Sequence[Rate]) -> list[Tax]:
    """The taxes of an amount after discounts and credits, in the order of their rates.

    Several inclusive rates share what is contained as if they were one of their sum; one of them
    alone is ``amount x p / (100 + p)``. An exclusive one is ``price without taxes x p / 100``.
    """
    amount = Decimal(amount_minor)
    contained = exact_sum(rate.percentage for rate in rates if rate.inclusive)
    inclusive = {
        place: _part(amount, rate.percentage, EXACT.add(_WHOLE, contained))
        for place, rate in enumerate(rates)
        if rate.inclusive
    }
    taxable_minor = amount_minor - sum(inclusive.values())
    return [
        Tax(
            inclusive[place]
            if rate.inclusive
            else _part(Decimal(taxable_minor), rate.percentage, _WHOLE),
            taxable_minor,
        )
        for place, rate in enumerate(rates)
    ]


def share_of_tax(part_minor: int, credited_minor: int, billed_minor: int) -> int:
    """What of a tax that somebody else has computed comes back with a part of what was billed.

    Both amounts are before taxes; what comes back has the sign of ``credited_minor``.
    """
    sign = 1 if billed_minor > 0 else -1
    return nearest_quotient(sign * part_minor * credited_minor, abs(billed_minor))


def _part(amount: Decimal, percentage: Decimal, whole: Decimal) -> int:
    """``amount x percentage / whole`` to the nearest minor unit.

    A quotient that is no half is further from one than a hundred digits can be wrong.
    """
    return round_half_up(EXACT.divide(exact_product(amount, percentage), whole))
