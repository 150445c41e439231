"""Which words there are. A language that lacks one cannot be made."""

from collections.abc import Mapping

from meterline.core.base.frozen import frozen

type Forms = tuple[str, str]
"""Of something once, and of ``count`` of it."""


@frozen(kw_only=True)
class Phrases:
    """What lines' descriptions are made of, which are stored in the API's English.

    ``occasions`` and ``rhythms`` are by what ``services.documents.descriptions`` calls them.
    """

    at: str
    free_trial: str
    maximum: str
    minimum: str
    occasions: Mapping[str, str]
    per_units: str
    rhythms: Mapping[str, Forms]
    tier: str


@frozen(kw_only=True)
class Words:
    """The words of one language; names in braces are filled in, each language has the same."""

    address_of_buyer: str
    address_of_seller: str
    all_units: str
    amount: str
    amount_due: str
    amount_paid: str
    amount_remaining: str
    balance_added: str
    balance_applied: str
    balance_left_owed: str
    balance_put_on: str
    bounds_maximum: str
    bounds_minimum: str
    bounds_usage: str
    charged_automatically: str
    chart_of: str
    contact: str
    credit_note: str
    credit_notes: str
    credits_applied: str
    date: str
    date_due: str
    date_issued: str
    date_paid: str
    description: str
    discount: str
    discount_percent: str
    discounted_fee: str
    download_pdf: str
    due_on: str
    events: str
    exempt: str
    figures: str
    flat_amount: str
    how: str
    in_test_mode: str
    invoice: str
    invoice_number: str
    lines: str
    lines_from_to: str
    lines_more: str
    lines_before: str
    note_after_payment: str
    note_number: str
    note_of_invoice: str
    note_part: str
    note_refunded: str
    note_settled_outside: str
    note_taken_off: str
    note_total: str
    note_void: str
    notes_applied: str
    nothing_due: str
    nothing_on_it: str
    overdue_since: str
    page: str
    paid_on: str
    pay: str
    print_page: str
    quantity: str
    reason_duplicate: str
    reason_fraudulent: str
    reason_order_change: str
    reason_product_unsatisfactory: str
    reverse_charge: str
    reverse_charge_row: str
    share_of_days: str
    share_of_seconds: str
    skip_to_content: str
    status: str
    status_draft: str
    status_open: str
    status_overdue: str
    status_paid: str
    status_uncollectible: str
    status_void: str
    subtotal: str
    tax: str
    tax_id: str
    tax_inclusive: str
    tax_on: str
    tier: str
    tier_above: str
    tier_up_to: str
    total: str
    total_excluding_tax: str
    unit_amount: str
    uncollectible_explained: str
    usage: str
    usage_peak: str
    usage_as_counted: str
    void_explained: str
    vat_id: str
    phrases: Phrases

    def reason(self, code: str | None) -> str:
        """Why a credit note was issued, by Stripe's code; nothing if that is not said."""
        known = {
            "duplicate": self.reason_duplicate,
            "fraudulent": self.reason_fraudulent,
            "order_change": self.reason_order_change,
            "product_unsatisfactory": self.reason_product_unsatisfactory,
        }
        return known.get(code or "", "")
