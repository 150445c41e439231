"""A rule about amounts is one step in one list: it counts wherever an invoice is made."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from meterline.services.billing import amounts
from meterline.services.billing.amount_steps import Amounts, Step, pretax_minor
from meterline.services.billing.line_credits import Credits
from meterline.services.billing.line_taxes import Taxes
from meterline.store.base.documents import Body
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        InvoiceLine,
        InvoiceLinePretaxCreditAmount,
        InvoiceLineTax,
    )


class Goodwill(Credits):
    """Takes a tenth, rounded down, off what discounts have left of every charge, and no credits."""

    name = "goodwill"

    def apply(self, before: Amounts) -> Amounts:
        return replace(before, lines=[_with_goodwill(line) for line in before.lines])

    def added_to_line(self, invoice: "Invoice", line: "InvoiceLine") -> int:
        return -_goodwill_of(line)


class Levy(Taxes):
    """Adds a tax of a fifth, rounded down, to what is left of every line, and no other."""

    name = "levy"

    def apply(self, before: Amounts) -> Amounts:
        taxed: list[InvoiceLine] = [
            line | {"taxes": [_levy(pretax_minor(line) // 5)]} for line in before.lines
        ]
        return replace(before, lines=taxed)

    def added_to_line(self, invoice: "Invoice", line: "InvoiceLine") -> int:
        return sum(tax["amount"] for tax in line["taxes"])


def _with_goodwill(line: "InvoiceLine") -> "InvoiceLine":
    credit: InvoiceLinePretaxCreditAmount = {
        "amount": max(pretax_minor(line), 0) // 10,
        "credit_balance_transaction": "cbtxn_goodwill",
        "type": "credit_balance_transaction",
    }
    return line | {"pretax_credit_amounts": [*line["pretax_credit_amounts"], credit]}


def _goodwill_of(line: Mapping[str, Any]) -> int:
    of_type = [amount for amount in line["pretax_credit_amounts"] if amount["type"] != "discount"]
    return sum(int(entry["amount"]) for entry in of_type)


def _levy(amount: int) -> "InvoiceLineTax":
    return {
        "amount": amount,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": "txr_levy"},
        "taxability_reason": "standard_rated",
        "taxable_amount": 5 * amount,
        "type": "tax_rate_details",
    }


def draft_of_a_renewal(stage: Stage, _: Any) -> Any:
    stage.until("2024-02-01 00:30")
    return stage.invoices()[-1]


def final_renewal(stage: Stage, _: Any) -> Any:
    stage.until("2024-02-02")
    return stage.invoices()[-1]


def final_renewal_with_more_usage(stage: Stage, _: Any) -> Any:
    stage.until("2024-02-01 00:30")
    stage.use(7, "2024-01-31 23:59")
    stage.until("2024-02-02")
    return stage.invoices()[-1]


def renewal_with_a_correction(stage: Stage, _: Any) -> Any:
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")
    stage.until("2024-02-02")
    stage.use(11, "2024-01-31 23:59")
    stage.until("2024-03-02")
    return stage.invoices()[-1]


def invoice_of_a_change(stage: Stage, subscription: Any) -> Any:
    stage.until("2024-01-20")
    items = [{"id": subscription["items"].data[0].id, "quantity": 5}]
    stage.change(subscription, items=items, proration_behavior="always_invoice")
    return stage.invoices()[-1]


def invoice_of_a_threshold(stage: Stage, subscription: Any) -> Any:
    stage.change(subscription, billing_thresholds={"amount_gte": 5_000})
    stage.use(5_000)
    return stage.invoices()[-1]


def draft_with_another_line(stage: Stage, subscription: Any) -> Any:
    draft = draft_of_a_renewal(stage, subscription)
    lines = [{"amount": 901, "description": "Help"}]
    return stage.client.v1.invoices.add_lines(draft.id, {"lines": lines})


def invoice_by_hand(stage: Stage, _: Any) -> Any:
    who = {"customer": stage.customer}
    stage.client.v1.invoice_items.create({**who, "amount": 777, "currency": "usd"})
    given = {**who, "pending_invoice_items_behavior": "include"}
    return stage.client.v1.invoices.create(given)


def preview_of_a_renewal(stage: Stage, subscription: Any) -> Any:
    return stage.preview(subscription)


def preview_of_pending_items(stage: Stage, subscription: Any) -> Any:
    stage.client.v1.subscriptions.cancel(subscription.id)
    given = {"customer": stage.customer, "amount": 555, "currency": "usd"}
    stage.client.v1.invoice_items.create(given)
    return stage.client.v1.invoices.create_preview({"customer": stage.customer})


WAYS = [
    draft_of_a_renewal,
    final_renewal,
    final_renewal_with_more_usage,
    renewal_with_a_correction,
    invoice_of_a_change,
    invoice_of_a_threshold,
    draft_with_another_line,
    invoice_by_hand,
    preview_of_a_renewal,
    preview_of_pending_items,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_step_in_the_list_counts_wherever_an_invoice_is_made(
    api: Api, monkeypatch: pytest.MonkeyPatch, way: Callable[[Stage, Any], Any]
) -> None:
    own: dict[str, Step] = {step.name: step for step in amounts.STEPS}
    names = ("lines", "discounts", "credits", "goodwill", "levy", "totals", "balance")
    own |= {"goodwill": Goodwill(), "levy": Levy()}
    steps = tuple(own[name] for name in names)
    monkeypatch.setattr(amounts, "STEPS", steps)
    stage = Stage(api, "2024-01-01")
    coupon = stage.client.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    seat, calls = stage.price("Seat", 1_995), stage.metered("Calls", stage.meter(), 3)
    subscription = stage.subscribe(seat, calls, discounts=[{"coupon": coupon}])
    stage.use(101)
    invoice = way(stage, subscription).to_dict()
    bodies = invoice["lines"]["data"]
    assert [_goodwill_of(line) for line in bodies] == [_expected(line) for line in bodies]
    assert any(_goodwill_of(line) for line in bodies)
    before_tax = sum(map(pretax_minor, cast("list[InvoiceLine]", bodies)))
    taxes = [tax["amount"] for line in bodies for tax in line["taxes"]]
    assert invoice["total"] == before_tax + sum(taxes)
    assert invoice["total_excluding_tax"] == before_tax
    assert invoice["amount_due"] == invoice["total"] + invoice["starting_balance"]
    totalled = invoice["total_pretax_credit_amounts"]
    assert _goodwill_of({"pretax_credit_amounts": totalled}) == sum(map(_goodwill_of, bodies))
    assert sum(taxes) > 0
    told = _explanation(stage, invoice)
    added = [_added(line) for line in told["lines"]]
    assert [one["goodwill"] for one in added] == [-_goodwill_of(line) for line in bodies]
    assert [one["levy"] for one in added] == taxes
    whole = _added(told)
    assert (whole["goodwill"], whole["levy"]) == (-sum(map(_goodwill_of, bodies)), sum(taxes))
    assert sum(whole.values()) == invoice["amount_due"]


def _added(explained: Any) -> dict[str, int]:
    """What each step added to a line or an invoice."""
    return {amount["step"]: amount["amount"] for amount in explained["amounts"]}


def _expected(line: Body) -> int:
    """A tenth of what the discounts of a line have left of it."""
    left = line["amount"] - sum(amount["amount"] for amount in line["discount_amounts"])
    return int(max(left, 0) // 10)


def _explanation(stage: Stage, invoice: Any) -> Any:
    """How an invoice came about; a preview, which is stored nowhere, is explained as it is."""
    if invoice["id"].startswith("upcoming_in_"):
        lines = invoice["lines"]["data"]
        return amounts.explained(invoice, lines, lines)
    return stage.client.raw_request("get", f"/v1/invoices/{invoice['id']}/explanation").data
