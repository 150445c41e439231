"""Taxes by the deployment's own engine: asked at drafting, billed as previewed, never guessed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from meterline.services.billing.engine_taxes import RETRY_AFTER_SECONDS
from tests.factories.taxes import tax
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage
from tests.integration.stories.test_taxes import change_seats, rate, sums, taxed
from tests.tax_engine import TaxEngine, answer_of, deployed, per_cent
from tests.unit.test_tax_engine_page import faults

ON = {"automatic_tax": {"enabled": True}}
HOUR = 3_600


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01", currency="eur")


@pytest.fixture
def engine() -> Iterator[TaxEngine]:
    with deployed() as running:
        yield running


@pytest.fixture
def draft(stage: Stage, engine: TaxEngine) -> str:
    """A draft by hand whose taxes the engine computes."""
    del engine
    given = {"customer": stage.customer, "currency": "eur", **ON}
    return str(stage.client.v1.invoices.create(given).id)


def add(stage: Stage, draft: str, *amounts: int) -> Any:
    lines = [{"amount": amount, "description": f"{amount}"} for amount in amounts]
    return stage.client.v1.invoices.add_lines(draft, {"lines": lines})


def wait(stage: Stage, seconds: int) -> None:
    """Let some time pass on the customer's clock."""
    stage.until(datetime.fromtimestamp(stage.now + seconds, UTC).isoformat()[:19])


def status(invoice: Any) -> tuple[str, bool, str | None]:
    return invoice.status, invoice.automatic_tax.enabled, invoice.automatic_tax.status


class TestWithoutEngine:
    @pytest.mark.parametrize(
        ("path", "params"),
        [
            ("/v1/invoices", {}),
            ("/v1/invoices/create_preview", {}),
            ("/v1/subscriptions", {"items": [{"price": "price_1"}]}),
        ],
    )
    def test_automatic_tax_is_no_parameter(
        self, stage: Stage, path: str, params: dict[str, Any]
    ) -> None:
        price = stage.price("Seat", 1_000)
        items = {"items": [{"price": price}]} if params else {}
        if path.endswith("preview"):
            stage.subscribe(price)
        reply = stage.api.ask("POST", path, {"customer": stage.customer, **items, **ON})
        error = reply.body["error"]
        assert (reply.status, error["code"], error["param"]) == (
            400,
            "parameter_unknown",
            "automatic_tax[enabled]",
        )
        assert "finds no tax rates by itself" in error["message"]


class TestBilling:
    def test_a_bill_has_what_the_engine_says_and_a_preview_the_same(
        self, stage: Stage, engine: TaxEngine
    ) -> None:
        subscription = stage.subscribe(stage.price("Seat", 1_000), **ON)
        first = stage.client.v1.invoices.retrieve(subscription.latest_invoice)
        assert sums(first) == (1_000, 1_000, 1_000, 190, 1_190)
        assert status(first) == ("paid" if first.amount_due == 0 else "open", True, "complete")
        (line,) = first.lines.data[0].taxes
        assert (line.taxability_reason, line.taxable_amount) == ("standard_rated", 1_000)
        engine.taxes = per_cent(20)
        preview = stage.preview(subscription)
        stage.until("2024-02-01 02:00")
        bill = stage.invoices()[-1]
        assert sums(bill) == sums(preview) == (1_000, 1_000, 1_000, 200, 1_200)
        assert status(bill) == ("open", True, "complete")

    def test_the_engine_is_asked_once_about_the_same(self, stage: Stage, engine: TaxEngine) -> None:
        stage.subscribe(stage.price("Seat", 1_000), **ON)
        stage.until("2024-02-01 02:00")
        assert len(engine.keys()) == len(set(engine.keys())) == 2

    def test_the_engine_is_told_what_it_needs(self, stage: Stage, engine: TaxEngine) -> None:
        v1 = stage.client.v1
        address = {"country": "FR", "postal_code": "75001"}
        details = {"address": address, "tax_exempt": "reverse"}
        v1.customers.update(stage.customer, details)
        v1.customers.tax_ids.create(stage.customer, {"type": "eu_vat", "value": "FR12345678901"})
        coupon = v1.coupons.create({"percent_off": 25, "duration": "forever"}).id
        product = v1.products.create({"name": "Seat", "tax_code": "txcd_10103000"}).id
        price = stage.price("", 1_000, product=product, tax_behavior="exclusive")
        subscription = stage.subscribe(price, discounts=[{"coupon": coupon}], **ON)
        (question,) = engine.questions
        assert faults("question", question) == []
        assert question["invoice"] == {
            "id": subscription.latest_invoice,
            "billing_reason": "subscription_create",
            "created": stage.now,
            "currency": "eur",
        }
        assert question["customer"]["address"]["country"] == "FR"
        assert question["customer"]["tax_exempt"] == "reverse"
        assert question["customer"]["tax_ids"] == [{"type": "eu_vat", "value": "FR12345678901"}]
        (line,) = question["lines"]
        assert (line["amount"], line["tax_code"], line["tax_behavior"]) == (
            750,
            "txcd_10103000",
            "exclusive",
        )

    def test_what_is_given_back_is_taxed_as_it_was_billed(
        self, stage: Stage, engine: TaxEngine
    ) -> None:
        subscription = stage.subscribe(stage.price("Seat", 1_000, interval="year"), **ON)
        engine.taxes = per_cent(7)
        stage.until("2024-07-01")
        change_seats(stage, subscription, 2, proration_behavior="always_invoice")
        bill = stage.invoices()[-1]
        credit, charge = bill.lines.data
        assert (credit.amount, [one.amount for one in credit.taxes]) == (-503, [-96])
        assert (charge.amount, [one.amount for one in charge.taxes]) == (1_005, [70])
        assert [line["amount"] for line in engine.questions[-1]["lines"]] == [1_005]

    def test_all_of_a_flat_fee_comes_back_with_all_of_the_time(
        self, stage: Stage, engine: TaxEngine
    ) -> None:
        engine.taxes = lambda line: [tax(50, line["amount"], 0, display_name="Fee")]
        subscription = stage.subscribe(stage.price("Seat", 1_000), **ON)
        stage.client.v1.subscriptions.cancel(
            subscription.id, {"prorate": True, "invoice_now": True}
        )
        first = subscription.latest_invoice
        (last,) = [invoice for invoice in stage.invoices() if invoice.id != first]
        assert taxed(last) == [("Unused time on Seat", -1_000, [-50])]

    def test_inclusive_and_several_taxes_of_a_line(
        self, stage: Stage, engine: TaxEngine, draft: str
    ) -> None:
        engine.taxes = lambda _: [
            tax(200, 1_000, 20, inclusive=True),
            tax(50, 1_000, "5.125", display_name="City", state="TX"),
        ]
        invoice = add(stage, draft, 1_200)
        assert sums(invoice) == (1_200, 1_000, 1_000, 250, 1_250)
        made = invoice.total_taxes[1].tax_rate_details.tax_rate
        known = stage.client.v1.tax_rates.retrieve(made)
        assert (known.percentage, known.state, known.active) == (5.125, "TX", False)

    @pytest.mark.parametrize(("currency", "amount"), [("jpy", 333), ("kwd", 1_230)])
    def test_currencies_without_and_with_three_digits(
        self, stage: Stage, engine: TaxEngine, currency: str, amount: int
    ) -> None:
        del engine
        invoices = stage.client.v1.invoices
        draft = invoices.create({"customer": stage.customer, "currency": currency, **ON}).id
        assert add(stage, draft, amount).total == amount + amount * 19 // 100

    def test_amounts_that_a_request_gave_stand(
        self, stage: Stage, engine: TaxEngine, draft: str
    ) -> None:
        own = {"display_name": "Own", "inclusive": False, "percentage": "1"}
        said = {"amount": 1, "taxable_amount": 100, "tax_rate_data": own}
        lines = [{"amount": 100, "description": "Own", "tax_amounts": [said]}]
        invoice = stage.client.v1.invoices.add_lines(draft, {"lines": lines})
        assert taxed(invoice) == [("Own", 100, [1])]
        assert status(invoice) == ("draft", True, "complete")
        assert engine.questions == []

    def test_what_comes_to_nothing_is_not_asked_about(
        self, stage: Stage, engine: TaxEngine
    ) -> None:
        stage.subscribe(stage.price("Seat", 1_000), trial_period_days=10, **ON)
        assert status(stage.invoices()[-1]) == ("paid", True, "complete")
        assert engine.questions == []

    def test_an_answer_counts_only_for_what_was_asked(
        self, stage: Stage, engine: TaxEngine, draft: str
    ) -> None:
        add(stage, draft, 1_000)
        engine.fails = "unreachable"
        changed = add(stage, draft, 500)
        assert sums(changed) == (1_500, 1_500, 1_500, 0, 1_500)
        assert status(changed) == ("draft", True, "failed")

    def test_an_address_that_changed_is_asked_about(
        self, stage: Stage, engine: TaxEngine, draft: str
    ) -> None:
        add(stage, draft, 1_000)
        stage.client.v1.customers.update(stage.customer, {"address": {"country": "AT"}})
        engine.taxes = per_cent(20)
        final = stage.client.v1.invoices.finalize_invoice(draft)
        assert (final.total, final.customer_address.country) == (1_200, "AT")

    def test_a_draft_that_changes_while_the_engine_thinks(
        self, stage: Stage, engine: TaxEngine, draft: str
    ) -> None:
        def slowly(question: Any) -> Any:
            if len(engine.questions) == 1:
                add(stage, draft, 500)
            return answer_of(question, per_cent(19))

        engine.answer = slowly
        changed = add(stage, draft, 1_000)
        assert taxed(changed) == [("1000", 1_000, [190]), ("500", 500, [95])]
        asked = [[line["amount"] for line in one["lines"]] for one in engine.questions]
        assert asked == [[1_000], [500], [1_000, 500]]

    def test_a_request_can_leave_the_engine(
        self, stage: Stage, engine: TaxEngine, draft: str
    ) -> None:
        del engine
        add(stage, draft, 1_000)
        off = {"automatic_tax": {"enabled": False}, "default_tax_rates": [rate(stage, 10)]}
        left = stage.client.v1.invoices.update(draft, off)
        assert (left.total, status(left)) == (1_100, ("draft", False, None))

    def test_credit_notes_take_shares_of_what_the_engine_said(
        self, stage: Stage, engine: TaxEngine, draft: str
    ) -> None:
        engine.taxes = lambda _: [tax(101, 500, 19)]
        line = add(stage, draft, 1_000).lines.data[0].id
        v1 = stage.client.v1
        v1.invoices.finalize_invoice(draft)
        part = {"type": "invoice_line_item", "invoice_line_item": line, "amount": 500}
        note = v1.credit_notes.create({"invoice": draft, "lines": [part]})
        (share,) = note.total_taxes
        assert (share.amount, share.taxable_amount, note.total) == (50, 250, 550)
        for refused in (
            {"type": "custom_line_item", "unit_amount": 5},
            {**part, "tax_amounts": [{"tax_rate": "x", "amount": 1, "taxable_amount": 1}]},
        ):
            with pytest.raises(stripe.InvalidRequestError, match="automatic tax"):
                v1.credit_notes.create({"invoice": draft, "lines": [refused]})


WRONG: dict[str, Any] = {
    "no JSON": lambda _: b"<html>",
    "a line that was not asked about": lambda answer: {
        **answer,
        "lines": [{"id": "il_x", "tax_amounts": []}],
    },
}


class TestFailure:
    @pytest.mark.parametrize("wrong", WRONG)
    def test_a_wrong_answer_is_none(
        self, stage: Stage, engine: TaxEngine, draft: str, wrong: str
    ) -> None:
        spoil = WRONG[wrong]
        engine.answer = lambda asked: spoil(answer_of(asked, per_cent(19)))
        invoice = add(stage, draft, 1_000)
        assert (status(invoice), invoice.total) == (("draft", True, "failed"), 1_000)

    @pytest.mark.parametrize("how", ["slow", "throttled", "died", "unreachable"])
    def test_a_draft_does_not_become_final_without_its_taxes(
        self, stage: Stage, engine: TaxEngine, draft: str, how: str
    ) -> None:
        engine.fails = how
        stage.client.v1.invoices.update(draft, {"default_tax_rates": [rate(stage, 10)]})
        add(stage, draft, 1_000)
        with pytest.raises(stripe.InvalidRequestError) as refused:
            stage.client.v1.invoices.finalize_invoice(draft)
        assert refused.value.code == "taxes_calculation_failed"
        kept = stage.client.v1.invoices.retrieve(draft)
        assert (status(kept), kept.total) == (("draft", True, "failed"), 1_100)

    def test_a_place_that_the_engine_does_not_know(
        self, stage: Stage, engine: TaxEngine, draft: str
    ) -> None:
        engine.answer = lambda asked: {
            "invoice": asked["invoice"]["id"],
            "status": "requires_location_inputs",
        }
        assert status(add(stage, draft, 1_000)) == ("draft", True, "requires_location_inputs")
        with pytest.raises(stripe.InvalidRequestError) as refused:
            stage.client.v1.invoices.finalize_invoice(draft)
        assert refused.value.code == "customer_tax_location_invalid"

    def test_it_is_asked_again_and_then_the_invoice_is_billed(
        self, stage: Stage, engine: TaxEngine
    ) -> None:
        engine.fails = "unreachable"
        subscription = stage.subscribe(stage.price("Seat", 1_000), **ON)
        waiting = stage.client.v1.invoices.retrieve(subscription.latest_invoice)
        assert status(waiting) == ("draft", True, "failed")
        assert waiting.last_finalization_error.code == "taxes_calculation_failed"
        engine.fails = None
        wait(stage, RETRY_AFTER_SECONDS[0])
        billed = stage.client.v1.invoices.retrieve(subscription.latest_invoice)
        assert (status(billed), billed.total) == (("open", True, "complete"), 1_190)
        assert billed.last_finalization_error is None

    def test_a_renewal_waits_for_it_past_its_hour(self, stage: Stage, engine: TaxEngine) -> None:
        stage.subscribe(stage.price("Seat", 1_000), **ON)
        engine.fails = "unreachable"
        stage.until("2024-02-01 02:00")
        assert status(stage.invoices()[-1]) == ("draft", True, "failed")
        engine.fails = None
        stage.until("2024-02-01 12:00")
        assert status(stage.invoices()[-1]) == ("open", True, "complete")
        assert stage.invoices()[-1].total == 1_190

    def test_a_draft_is_left_to_a_person_after_a_day(self, stage: Stage, engine: TaxEngine) -> None:
        engine.fails = "unreachable"
        subscription = stage.subscribe(stage.price("Seat", 1_000), **ON)
        wait(stage, sum(RETRY_AFTER_SECONDS) + HOUR)
        left = stage.client.v1.invoices.retrieve(subscription.latest_invoice)
        assert (status(left), left.auto_advance) == (("draft", True, "failed"), False)
        events = stage.client.v1.events.list({"type": "invoice.finalization_failed"}).data
        assert [event.data.object.auto_advance for event in events] == [False, True]
        engine.fails = None
        assert stage.client.v1.invoices.finalize_invoice(left.id).total == 1_190

    def test_or_is_billed_by_hand_then_if_the_deployment_says_so(self, stage: Stage) -> None:
        with deployed(fallback="rates") as engine:
            engine.fails = "unreachable"
            by_hand = {"default_tax_rates": [rate(stage, 10)]}
            subscription = stage.subscribe(stage.price("Seat", 1_000), **by_hand, **ON)
            wait(stage, sum(RETRY_AFTER_SECONDS) + HOUR)
            billed = stage.client.v1.invoices.retrieve(subscription.latest_invoice)
        assert (status(billed), billed.total) == (("open", False, None), 1_100)
        assert billed.automatic_tax.disabled_reason == "finalization_system_error"

    def test_a_subscription_is_incomplete_while_its_first_invoice_waits(
        self, stage: Stage, engine: TaxEngine
    ) -> None:
        engine.fails = "unreachable"
        behavior = {"payment_behavior": "default_incomplete"}
        subscription = stage.subscribe(stage.price("Seat", 1_000), **behavior, **ON)
        assert subscription.status == "incomplete"
        engine.fails = None
        wait(stage, RETRY_AFTER_SECONDS[0])
        invoices = stage.client.v1.invoices
        invoices.pay(subscription.latest_invoice, {"paid_out_of_band": True})
        again = stage.client.v1.subscriptions.retrieve(subscription.id)
        assert again.status == "active"

    def test_a_subscription_that_expires_leaves_no_draft_that_becomes_final(
        self, stage: Stage, engine: TaxEngine
    ) -> None:
        engine.fails = "unreachable"
        behavior = {"payment_behavior": "default_incomplete"}
        subscription = stage.subscribe(stage.price("Seat", 1_000), **behavior, **ON)
        stage.until("2024-01-01 23:30")
        engine.fails = None
        stage.until("2024-01-05")
        left = stage.client.v1.invoices.retrieve(subscription.latest_invoice)
        expired = stage.client.v1.subscriptions.retrieve(subscription.id)
        assert (left.status, left.auto_advance) == ("draft", False)
        assert expired.status == "incomplete_expired"

    def test_an_engine_that_is_gone_from_the_deployment(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with deployed():
            stage.subscribe(stage.price("Seat", 1_000), **ON)
        stage.until("2024-02-01 02:00")
        assert status(stage.invoices()[-1]) == ("draft", True, "failed")


@pytest.mark.parametrize("also", ["customer", "everybody"])
def test_subscriptions_are_listed_by_whether_the_engine_computes_their_taxes(
    stage: Stage, engine: TaxEngine, also: str
) -> None:
    del engine
    price = stage.price("Seat", 1_000)
    made = {True: stage.subscribe(price, **ON).id, False: stage.subscribe(price).id}
    among: dict[str, Any] = {"customer": stage.customer} if also == "customer" else {}
    for enabled, subscription in made.items():
        params: Any = {"automatic_tax": {"enabled": enabled}, **among}
        listed = stage.client.v1.subscriptions.list(params).data
        assert [one.id for one in listed] == [subscription]
