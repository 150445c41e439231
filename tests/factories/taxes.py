"""Taxes as a tax engine says them."""

from typing import Any

VAT = {"display_name": "VAT", "country": "DE", "inclusive": False, "tax_type": "vat"}


def tax(amount: int, on: int, percentage: object = 19, **rate: Any) -> dict[str, Any]:
    """A tax of a line."""
    return {
        "amount": amount,
        "taxable_amount": on,
        "taxability_reason": "standard_rated",
        "tax_rate_data": {**VAT, "percentage": percentage, **rate},
    }
