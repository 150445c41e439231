"""The kinds of objects of billing credits."""

from meterline.core.credits import bookings, boxes
from meterline.core.kinds.kind import Batching, Body, Boxing, Edge, Kind, Queue, Sizes, empty

_CLOCK = Edge("test_helpers.test_clock")

_NO_TAX = {"automatic_tax": {"enabled": False}}
"""Of rules of top-ups that were made when none could have a tax engine."""


def _show_tax(rule: Body, _now: int) -> None:
    for name, value in _NO_TAX.items():
        rule.setdefault(name, dict(value))


KINDS = (
    Kind(
        name="billing.credit_grant",
        noun="credit grant",
        id_prefix="credgr_",
        collection="billing/credit_grants",
        edges={"customer": Edge("customer"), "test_clock": _CLOCK},
        empty=empty(
            whole="amount amount.monetary applicability_config applicability_config.scope "
            "applicability_config.scope.prices",
            null="customer_account",
        ),
        queue=Queue.INVOICES,
        belongs_to_customer=True,
    ),
    Kind(
        name="billing.credit_balance_transaction",
        noun="credit balance transaction",
        id_prefix=boxes.PREFIX,
        collection="billing/credit_balance_transactions",
        edges={
            "credit.credits_application_invoice_voided.invoice": Edge("invoice"),
            "credit_grant": Edge("billing.credit_grant"),
            "debit.credits_applied.invoice": Edge("invoice"),
            "test_clock": _CLOCK,
        },
        empty=empty(
            whole="credit credit.amount credit.amount.monetary "
            "credit.credits_application_invoice_voided debit debit.amount debit.amount.monetary "
            "debit.credits_applied"
        ),
        is_listed=False,
        belongs_to_customer=True,
        batching=Batching(bookings.booking_of, bookings.as_booked),
    ),
    Kind(
        name=boxes.KIND,
        id_prefix=boxes.PREFIX,
        is_listed=False,
        boxing=Boxing("billing.credit_balance_transaction", boxes.box_of, boxes.contents),
        sizes=Sizes(is_own=True),
    ),
    Kind(
        name=bookings.KIND,
        id_prefix="crdbk_",
        is_listed=False,
        belongs_to_customer=True,
        sizes=Sizes(is_own=True),
    ),
    Kind(
        name="meterline.credit_top_up",
        noun="credit top-up",
        id_prefix="crtop_",
        collection="meterline/credit_top_ups",
        edges={
            "customer": Edge("customer"),
            "latest_invoice": Edge("invoice"),
            "test_clock": _CLOCK,
        },
        queue=Queue.INVOICES,
        answered=_show_tax,
        emitted=lambda rule: _NO_TAX | rule,
        belongs_to_customer=True,
    ),
    Kind(
        name="billing.credit_balance_summary",
        permission="billing_credit_balance_summary",
        edges={"customer": Edge("customer")},
        empty=empty(
            whole="balances balances.available_balance balances.available_balance.monetary "
            "balances.ledger_balance balances.ledger_balance.monetary",
            null="customer_account",
        ),
    ),
)
