"""Taxes on bills: whose rates count, on what, and what comes back is taxed as it was billed."""

from typing import Any

import pytest
import stripe

from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Row, Stage, day, short

EXEMPT = [("exempt", "customer_exempt"), ("reverse", "reverse_charge")]


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01", currency="eur")


def rate(stage: Stage, percentage: str | int, *, inclusive: bool = False) -> str:
    given = {"display_name": "VAT", "inclusive": inclusive, "percentage": str(percentage)}
    return str(stage.client.v1.tax_rates.create(given).id)


def taxed(invoice: Any) -> list[Row]:
    """The lines of an invoice: what, how much, and its taxes."""
    return [
        (short(line.description), line.amount, [tax.amount for tax in line.taxes])
        for line in invoice.lines.data
    ]


def sums(invoice: Any) -> tuple[int, ...]:
    """Subtotal, without tax, the total without tax, all taxes, and the total."""
    taxes = sum(tax.amount for tax in invoice.total_taxes)
    return (
        invoice.subtotal,
        invoice.subtotal_excluding_tax,
        invoice.total_excluding_tax,
        taxes,
        invoice.total,
    )


def change_seats(stage: Stage, subscription: Any, quantity: int, **more: Any) -> Any:
    items = [{"id": subscription["items"].data[0].id, "quantity": quantity}]
    return stage.change(subscription, items=items, **more)


def test_an_exclusive_rate_comes_on_top_and_an_inclusive_one_is_in_the_price(stage: Stage) -> None:
    on_top, inside = rate(stage, "19"), rate(stage, "20", inclusive=True)
    seat, desk = (
        stage.client.v1.invoices.retrieve(
            stage.subscribe(stage.price("Seat", 1_000), default_tax_rates=[one]).latest_invoice
        )
        for one in (on_top, inside)
    )
    assert sums(seat) == (1_000, 1_000, 1_000, 190, 1_190)
    assert sums(desk) == (1_000, 833, 833, 167, 1_000)
    (tax,) = desk.lines.data[0].taxes
    assert tax.to_dict() == desk.total_taxes[0].to_dict()
    assert (tax.taxable_amount, tax.tax_behavior, tax.taxability_reason) == (
        833,
        "inclusive",
        "not_available",
    )
    assert tax.tax_rate_details.tax_rate == inside


def test_taxes_are_on_what_discounts_leave(stage: Stage) -> None:
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    stage.subscribe(
        stage.price("Seat", 1_000),
        default_tax_rates=[rate(stage, 10)],
        discounts=[{"coupon": coupon}],
    )
    assert sums(stage.invoices()[0]) == (1_000, 1_000, 500, 50, 550)


def test_own_rates_replace_the_defaults_and_an_empty_text_takes_them_away(stage: Stage) -> None:
    usual, reduced = rate(stage, 20), rate(stage, 5)
    seat, book = stage.price("Seat", 1_000), stage.price("Book", 2_000)
    items = [{"price": seat}, {"price": book, "tax_rates": [reduced]}]
    made = stage.subscribe(items=items, default_tax_rates=[usual])
    assert [one.id for one in made.default_tax_rates] == [usual]
    shown = {item.price.id: [one.id for one in item.tax_rates] for item in made["items"].data}
    assert shown == {seat: [], book: [reduced]}
    assert taxed(stage.invoices()[0]) == [("1 × Seat", 1_000, [200]), ("1 × Book", 2_000, [100])]
    item = next(one for one in made["items"].data if one.price.id == book)
    stage.client.v1.subscription_items.update(item.id, {"tax_rates": ""})
    stage.change(made, default_tax_rates="")
    stage.until("2024-02-02")
    assert taxed(stage.invoices()[-1]) == [("1 × Seat", 1_000, []), ("1 × Book", 2_000, [])]


def test_one_time_items_have_rates_of_their_own(stage: Stage) -> None:
    once = {
        "price_data": {
            "currency": "eur",
            "product": stage.client.v1.products.create({"name": "Set-up"}).id,
            "unit_amount": 5_000,
        },
        "tax_rates": [rate(stage, 7)],
    }
    stage.subscribe(
        stage.price("Seat", 1_000), default_tax_rates=[rate(stage, 20)], add_invoice_items=[once]
    )
    assert taxed(stage.invoices()[0]) == [("Set-up", 5_000, [350]), ("1 × Seat", 1_000, [200])]


def test_invoices_by_hand_their_items_and_their_lines(stage: Stage) -> None:
    usual, other = rate(stage, 20), rate(stage, "5.5")
    who = {"customer": stage.customer}
    item = {**who, "currency": "eur", "amount": 1_000, "description": "Help"}
    stage.client.v1.invoice_items.create({**item, "tax_rates": [other]})
    given = {**who, "currency": "eur", "default_tax_rates": [usual]}
    draft = stage.client.v1.invoices.create({**given, "pending_invoice_items_behavior": "include"})
    more = {"amount": 400, "description": "More"}
    draft = stage.client.v1.invoices.add_lines(draft.id, {"lines": [more]})
    assert taxed(draft) == [("More", 400, [80]), ("Help", 1_000, [55])]
    line = {"id": draft.lines.data[0].id, "tax_rates": [other, usual]}
    draft = stage.client.v1.invoices.update_lines(draft.id, {"lines": [line]})
    assert taxed(draft)[0] == ("More", 400, [22, 80])
    draft = stage.client.v1.invoices.update(draft.id, {"default_tax_rates": ""})
    stage.client.v1.invoices.line_items.update(draft.id, line["id"], {"tax_rates": ""})
    final = stage.client.v1.invoices.finalize_invoice(draft.id)
    assert taxed(final) == [("More", 400, []), ("Help", 1_000, [55])]
    assert [sum(tax.amount for tax in final.total_taxes), final.amount_due] == [55, 1_455]


def test_a_line_of_a_subscription_can_have_rates_of_its_own(stage: Stage) -> None:
    stage.subscribe(
        stage.price("Seat", 1_000),
        default_tax_rates=[rate(stage, 20)],
        collection_method="send_invoice",
        days_until_due=3,
    )
    (draft,) = stage.invoices()
    line = {"id": draft.lines.data[0].id, "tax_rates": [rate(stage, 7)]}
    assert taxed(stage.client.v1.invoices.update_lines(draft.id, {"lines": [line]})) == [
        ("1 × Seat", 1_000, [70])
    ]


@pytest.mark.parametrize(("exempt", "reason"), EXEMPT)
def test_who_owes_no_tax_is_told_why(stage: Stage, exempt: str, reason: str) -> None:
    stage.client.v1.customers.update(stage.customer, {"tax_exempt": exempt})
    rates = [rate(stage, 20), rate(stage, 10, inclusive=True)]
    stage.subscribe(stage.price("Seat", 1_000), default_tax_rates=rates)
    (invoice,) = stage.invoices()
    assert sums(invoice) == (1_000, 1_000, 1_000, 0, 1_000)
    assert invoice.customer_tax_exempt == exempt
    assert [(tax.taxability_reason, tax.taxable_amount) for tax in invoice.total_taxes] == [
        (reason, 1_000)
    ] * 2


def test_a_draft_follows_its_customer_and_a_final_invoice_does_not(stage: Stage) -> None:
    stage.subscribe(stage.price("Seat", 1_000), default_tax_rates=[rate(stage, 20)])
    stage.until("2024-02-01 00:30")
    stage.client.v1.customers.update(stage.customer, {"tax_exempt": "reverse"})
    stage.until("2024-02-02")
    first, renewal = stage.invoices()
    assert [(one.total, one.customer_tax_exempt) for one in (first, renewal)] == [
        (1_200, "none"),
        (1_000, "reverse"),
    ]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize("behavior", ["create_prorations", "always_invoice"])
def test_unused_time_comes_back_as_it_was_taxed(stage: Stage, mode: str, behavior: str) -> None:
    made = stage.subscribe(
        stage.price("Seat", 3_100),
        default_tax_rates=[rate(stage, 20)],
        billing_mode={"type": mode},
    )
    stage.until("2024-01-11")
    change_seats(stage, made, 2, default_tax_rates=[rate(stage, 10)], proration_behavior=behavior)
    stage.until("2024-02-02")
    lines = [line for invoice in stage.invoices() for line in taxed(invoice)]
    assert lines == [
        ("1 × Seat", 3_100, [620]),
        ("Unused time on Seat", -2_100, [-420]),
        ("Remaining time on 2 × Seat", 4_200, [420]),
        ("2 × Seat", 6_200, [620]),
    ]


def test_time_that_was_billed_without_tax_comes_back_without(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 3_100))
    stage.until("2024-01-11")
    change_seats(stage, made, 2)
    stage.change(made, default_tax_rates=[rate(stage, 20)])
    stage.until("2024-02-02")
    assert taxed(stage.invoices()[-1])[:2] == [
        ("Unused time on Seat", -2_100, []),
        ("Remaining time on 2 × Seat", 4_200, [840]),
    ]


def test_time_that_an_exempt_customer_paid_for_comes_back_without_tax(stage: Stage) -> None:
    stage.client.v1.customers.update(stage.customer, {"tax_exempt": "exempt"})
    made = stage.subscribe(stage.price("Seat", 3_100), default_tax_rates=[rate(stage, 20)])
    stage.until("2024-01-11")
    stage.client.v1.customers.update(stage.customer, {"tax_exempt": "none"})
    change_seats(stage, made, 2, proration_behavior="always_invoice")
    invoice = stage.invoices()[-1]
    assert taxed(invoice) == [
        ("Unused time on Seat", -2_100, [0]),
        ("Remaining time on 2 × Seat", 4_200, [840]),
    ]
    reasons = {tax.taxability_reason: tax.taxable_amount for tax in invoice.total_taxes}
    assert reasons == {"customer_exempt": -2_100, "not_available": 4_200}


def test_a_pending_charge_and_its_credit_are_taxed_alike(stage: Stage) -> None:
    """Two changes between bills: the second gives back what the first has not charged yet."""
    made = stage.subscribe(stage.price("Seat", 3_100), default_tax_rates=[rate(stage, 20)])
    stage.until("2024-01-11")
    change_seats(stage, made, 2)
    stage.until("2024-01-21")
    change_seats(stage, made, 1)
    stage.change(made, default_tax_rates=[rate(stage, 10)])
    stage.until("2024-02-02")
    assert taxed(stage.invoices()[-1]) == [
        ("Unused time on 2 × Seat", -2_200, [-220]),
        ("Remaining time on Seat", 1_100, [110]),
        ("Unused time on Seat", -2_100, [-420]),
        ("Remaining time on 2 × Seat", 4_200, [420]),
        ("1 × Seat", 3_100, [310]),
    ]


def test_a_charge_that_was_billed_comes_back_as_it_was_billed(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 3_100), default_tax_rates=[rate(stage, 20)])
    stage.until("2024-01-11")
    change_seats(stage, made, 2, proration_behavior="always_invoice")
    stage.until("2024-01-21")
    change_seats(
        stage, made, 1, proration_behavior="always_invoice", default_tax_rates=[rate(stage, 10)]
    )
    assert taxed(stage.invoices()[-1])[0] == ("Unused time on 2 × Seat", -2_200, [-440])


def test_a_cancelled_subscription_gives_back_its_tax(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 3_100), default_tax_rates=[rate(stage, 20)])
    stage.until("2024-01-11")
    stage.change(made, default_tax_rates="")
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    assert taxed(stage.invoices()[-1]) == [("Unused time on Seat", -2_100, [-420])]


def test_usage_that_a_threshold_billed_is_taken_back_as_it_was_taxed(stage: Stage) -> None:
    calls = stage.metered("Calls", stage.meter(), 10)
    made = stage.subscribe(
        calls, default_tax_rates=[rate(stage, 20)], billing_thresholds={"amount_gte": 1_000}
    )
    stage.use(99)
    watch_usage(stage.api.engine)
    assert stage.invoices() == []  # 990 and 198 of tax: what counts is without it
    stage.use(1)
    watch_usage(stage.api.engine)
    stage.change(made, default_tax_rates=[rate(stage, 10)])
    stage.until("2024-02-02")
    threshold, renewal = stage.invoices()[-2:]
    assert taxed(threshold)[0][2] == [200]
    assert [line[2] for line in taxed(renewal)] == [[100], [-200]]


@pytest.mark.parametrize("paid_by", ["discount", "credits"])
@pytest.mark.parametrize(
    ("change", "taxes"),
    [
        ("nothing", [[102], [-100]]),
        ("the rates", [[], [-100]]),
        ("the exemption", [[0], [-100]]),
    ],
)
def test_what_discounts_and_credits_paid_of_a_threshold_is_not_taxed_later(
    stage: Stage, paid_by: str, change: str, taxes: list[Any]
) -> None:
    """Of 10.00 half was paid by another, so 5.00 was taxed, and that is what comes back."""
    calls = stage.metered("Calls", stage.meter(), 10)
    terms: dict[str, Any] = {"billing_thresholds": {"amount_gte": 500}}
    if paid_by == "discount":
        half: Any = {"amount_off": 500, "currency": "eur", "duration": "forever"}
        terms["discounts"] = [{"coupon": stage.client.v1.coupons.create(half).id}]
    else:
        grant(stage, 500)
    made = stage.subscribe(calls, default_tax_rates=[rate(stage, 20)], **terms)
    stage.use(100)
    watch_usage(stage.api.engine)
    threshold = stage.invoices()[-1]
    assert taxed(threshold) == [("100 × Calls", 1_000, [100])]
    stage.until("2024-01-02")
    if change == "the exemption":
        stage.client.v1.customers.update(stage.customer, {"tax_exempt": "exempt"})
    rates: Any = {"default_tax_rates": ""} if change == "the rates" else {}
    stage.change(made, discounts="", **rates)
    stage.use(1)
    stage.until("2024-02-02")
    renewal = stage.invoices()[-1]
    assert [line[2] for line in taxed(renewal)] == taxes


def grant(stage: Stage, amount: int) -> None:
    money = {"currency": "eur", "value": amount}
    stage.client.v1.billing.credit_grants.create(
        {
            "customer": stage.customer,
            "amount": {"type": "monetary", "monetary": money},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
    )


def test_usage_that_credits_paid_comes_back_without_the_tax_that_nobody_paid(stage: Stage) -> None:
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")
    grant(stage, 700)
    calls = stage.metered("Calls", stage.meter(), 10)
    stage.subscribe(calls, default_tax_rates=[rate(stage, 20)])
    stage.use(10)
    stage.until("2024-01-31 12:00")
    event = stage.use(90)
    stage.until("2024-02-02")
    assert taxed(stage.invoices()[-1])[0] == ("100 × Calls", 1_000, [60])
    stage.take_back(event)
    watch_usage(stage.api.engine)
    stage.until("2024-03-02")
    assert taxed(stage.invoices()[-1])[-1] == ("Late usage: -90 × Calls", -900, [-60])


def test_late_usage_is_taxed_as_its_line_was(stage: Stage) -> None:
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")
    made = stage.subscribe(
        stage.metered("Calls", stage.meter(), 10), default_tax_rates=[rate(stage, 20)]
    )
    stage.use(10)
    stage.until("2024-02-02")
    stage.use(5, "2024-01-31 12:00")
    watch_usage(stage.api.engine)
    stage.change(made, default_tax_rates=[rate(stage, 10)])
    stage.until("2024-03-02")
    assert taxed(stage.invoices()[-1])[-1] == ("Late usage: 5 × Calls", 50, [10])


@pytest.mark.parametrize("currency", ["jpy", "eur", "kwd"])
def test_each_line_is_rounded_in_the_minor_unit_of_its_currency(api: Api, currency: str) -> None:
    stage = Stage(api, "2024-01-01", currency=currency)
    rates = [rate(stage, "8.1")]
    stage.subscribe(stage.price("A", 990), stage.price("B", 1_010), default_tax_rates=rates)
    assert [line[2] for line in taxed(stage.invoices()[0])] == [[80], [82]]


def test_an_invoice_keeps_what_its_rate_was_called(stage: Stage) -> None:
    vat = rate(stage, 20)
    made = stage.subscribe(stage.price("Seat", 1_000), default_tax_rates=[vat])
    stage.client.v1.tax_rates.update(vat, {"display_name": "MwSt."})
    (invoice,) = stage.invoices()
    assert invoice.default_tax_rates[0].display_name == "VAT"
    now = stage.client.v1.subscriptions.retrieve(made.id)
    assert now.default_tax_rates[0].display_name == "MwSt."


def test_the_explanation_says_each_rate(stage: Stage) -> None:
    inside = rate(stage, 20, inclusive=True)
    items = [{"price": stage.price("Seat", 1_200), "tax_rates": [inside, rate(stage, 5)]}]
    stage.subscribe(items=items)
    (invoice,) = stage.invoices()
    told = stage.client.raw_request("get", f"/v1/invoices/{invoice.id}/explanation").data
    assert [(tax["percentage"], tax["amount"]) for tax in told["taxes"]] == [("20", 200), ("5", 50)]
    assert told["taxes"] == told["lines"][0]["taxes"]
    added = {amount["step"]: amount["amount"] for amount in told["amounts"]}
    assert (added["taxes"], told["total"], sum(added.values())) == (50, 1_250, invoice.amount_due)


def test_a_preview_supposes_rates(stage: Stage) -> None:
    usual, reduced = rate(stage, 20), rate(stage, 5)
    details = {
        "items": [{"price": stage.price("Seat", 1_000), "tax_rates": [reduced]}],
        "default_tax_rates": [usual],
        "add_invoice_items": [],
    }
    one = {"amount": 400, "currency": "eur", "description": "Help", "tax_rates": [reduced, usual]}
    who = {"customer": stage.customer, "customer_details": {"tax_exempt": "none"}}
    preview = stage.client.v1.invoices.create_preview(
        {**who, "subscription_details": details, "invoice_items": [one]}
    )
    assert taxed(preview) == [("Help", 400, [20, 80]), ("1 × Seat", 1_000, [50])]
    exempt = {"customer": stage.customer, "customer_details": {"tax_exempt": "reverse"}}
    preview = stage.client.v1.invoices.create_preview({**exempt, "subscription_details": details})
    assert taxed(preview) == [("1 × Seat", 1_000, [0])]
    assert stage.invoices() == []


def test_a_subscription_refuses_the_rates_that_others_refuse(stage: Stage) -> None:
    items = [{"price": stage.price("Seat", 1_000), "tax_rates": ["txr_nope"]}]
    with pytest.raises(stripe.InvalidRequestError, match="No such tax rate") as refused:
        stage.subscribe(items=items)
    assert refused.value.param == "items[0][tax_rates][0]"


def test_a_year_of_a_customer_in_three_countries(stage: Stage) -> None:
    """Germany at 19 %; from April Austria, a company by then, which owes the tax itself; from
    September Switzerland at 8.1 %. Seats come and go in between: what comes back, comes back as
    the country in which it was billed taxed it.
    """
    german, swiss = rate(stage, 19), rate(stage, "8.1")
    made = stage.subscribe(stage.price("Seat", 3_000), default_tax_rates=[german])
    customers = stage.client.v1.customers
    customers.update(stage.customer, {"address": {"country": "DE"}})
    stage.until("2024-04-11")
    customers.update(stage.customer, {"address": {"country": "AT"}, "tax_exempt": "reverse"})
    change_seats(stage, made, 2, proration_behavior="always_invoice")
    stage.until("2024-09-16")
    customers.update(stage.customer, {"address": {"country": "CH"}, "tax_exempt": "none"})
    change_seats(stage, made, 1, proration_behavior="always_invoice", default_tax_rates=[swiss])
    stage.until("2024-12-31")
    customers.update(stage.customer, {"tax_exempt": "exempt"})
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    ledger = [
        (day(one.created), one.total_excluding_tax, [tax.amount for tax in one.total_taxes])
        for one in stage.invoices()
    ]
    assert ledger == [
        ("2024-01-01", 3_000, [570]),
        ("2024-02-01", 3_000, [570]),
        ("2024-03-01", 3_000, [570]),
        ("2024-04-01", 3_000, [570]),
        ("2024-04-11", 2_000, [-380, 0]),  # -2000 as Germany taxed it, 4000 of reverse charge
        ("2024-05-01", 6_000, [0]),
        ("2024-06-01", 6_000, [0]),
        ("2024-07-01", 6_000, [0]),
        ("2024-08-01", 6_000, [0]),
        ("2024-09-01", 6_000, [0]),
        ("2024-09-16", -1_500, [0, 122]),  # -3000 as Austria did, 1500 at 8.1 %
        ("2024-10-01", 3_000, [243]),
        ("2024-11-01", 3_000, [243]),
        ("2024-12-01", 3_000, [243]),
        ("2024-12-31", -97, [-8]),  # a day of 31: as Switzerland did
    ]
    reasons = {tax.taxability_reason for one in stage.invoices() for tax in one.total_taxes}
    assert reasons == {"not_available", "reverse_charge"}
    assert sum(one.total for one in stage.invoices()) == sum(
        net + sum(tax) for _, net, tax in ledger
    )
