"""Billing credits: what was granted pays for usage once, after discounts and before taxes."""

import json
from typing import Any

import pytest
import stripe

from meterline.services.base.workers import worker_context
from meterline.services.customers.erasure import erase_customer
from meterline.services.invoices import pay_or_close
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

METERED = {"type": "applicability_scope", "applicability_scope": {"price_type": "metered"}}


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def grant(stage: Stage, value: int, currency: str = "usd", **more: Any) -> str:
    """The id of a new grant, for all metered prices unless ``prices`` names some."""
    prices = more.pop("prices", None)
    scope = {"prices": [{"id": price} for price in prices]} if prices else {"price_type": "metered"}
    amount = {"type": "monetary", "monetary": {"currency": currency, "value": value}}
    made = stage.client.v1.billing.credit_grants.create(
        {
            "customer": stage.customer,
            "amount": amount,
            "applicability_config": {"scope": scope},
            **more,
        }
    )
    return str(made.id)


def balances(stage: Stage, filter_: Any = METERED) -> dict[str, tuple[int, int]]:
    """What is available, and what the ledger has, by currency."""
    summary = stage.client.v1.billing.credit_balance_summary.retrieve(
        {"customer": stage.customer, "filter": filter_}
    )
    money = [
        (one.available_balance.monetary, one.ledger_balance.monetary) for one in summary.balances
    ]
    return {available.currency: (available.value, of.value) for available, of in money}


def of_grant(stage: Stage, grant_id: str) -> tuple[int, int]:
    [found] = balances(stage, {"type": "credit_grant", "credit_grant": grant_id}).values()
    return found


def ledger(stage: Stage, **filters: str) -> list[tuple[str, int]]:
    """The entries of the ledger, oldest first: what came, and what went."""
    params = {"customer": stage.customer, "limit": 100, **filters}
    listed = stage.client.v1.billing.credit_balance_transactions.list(params)
    rows = []
    for entry in listed.auto_paging_iter():
        side, sign = (entry.credit, 1) if entry.type == "credit" else (entry.debit, -1)
        rows.append((side.type, sign * side.amount.monetary.value))
    return rows[::-1]


def usage(stage: Stage, amount: int | str = 3, **more: Any) -> str:
    return stage.metered("Calls", stage.meter(), amount, **more)


def refused(call: Any, *args: Any) -> str:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*args)
    return str(caught.value.user_message)


def test_a_grant_pays_for_usage_until_it_is_used_up(stage: Stage) -> None:
    grant(stage, 1_000)
    stage.subscribe(stage.price("Seat", 500), usage(stage))
    stage.use(200)
    stage.until("2024-02-01")
    draft = stage.invoices()[-1]
    assert (draft.status, draft.total, balances(stage)) == ("draft", 500, {"usd": (400, 1_000)})
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    shown = (final.status, final.subtotal, final.total, final.amount_due)
    assert (*shown, balances(stage)) == ("open", 1_100, 500, 500, {"usd": (400, 400)})
    stage.use(300)
    stage.until("2024-03-02")
    final = stage.invoices()[-1]
    assert (final.subtotal, final.total, balances(stage)) == (1_400, 1_000, {"usd": (0, 0)})
    assert ledger(stage) == [
        ("credits_granted", 1_000),
        ("credits_applied", -600),
        ("credits_applied", -400),
    ]


def test_a_line_names_the_entry_of_the_ledger_that_pays_for_it(stage: Stage) -> None:
    grant_id = grant(stage, 1_000)
    stage.subscribe(usage(stage))
    stage.use(200)
    stage.until("2024-02-02")
    final = stage.client.v1.invoices.retrieve(
        stage.invoices()[-1].id,
        {"expand": ["total_pretax_credit_amounts.credit_balance_transaction.credit_grant"]},
    )
    line = next(one for one in final.lines.data if one.amount)
    [of_line], [of_all] = line.pretax_credit_amounts, final.total_pretax_credit_amounts
    entry = of_all.credit_balance_transaction
    assert (of_line.amount, of_line.type, of_line.credit_balance_transaction) == (
        600,
        "credit_balance_transaction",
        entry.id,
    )
    assert entry.credit_grant.id == grant_id
    applied = entry.debit.credits_applied
    assert (applied.invoice, applied.invoice_line_item) == (final.id, line.id)


def test_a_preview_takes_nothing_and_equals_the_bill(stage: Stage) -> None:
    grant(stage, 450, expires_at=at("2024-03-01"))
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    subscribed = stage.subscribe(
        stage.price("Seat", 500), usage(stage), discounts=[{"coupon": coupon}]
    )
    stage.use(200)
    previewed = stage.preview(subscribed)
    assert balances(stage) == {"usd": (450, 450)}
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    sums = ("subtotal", "total", "total_excluding_tax", "amount_due")
    assert [previewed[name] for name in sums] == [final[name] for name in sums]
    assert (final.subtotal, final.total) == (1_100, 1_100 - 550 - 300)


def test_only_usage_is_paid_for(stage: Stage) -> None:
    grant(stage, 10_000)
    stage.subscribe(stage.price("Seat", 500), usage(stage))
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 700, "currency": "usd", "description": "Set-up"}
    )
    stage.use(100)
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    assert (final.subtotal, final.total) == (1_500, 1_200)
    one_off = stage.client.v1.invoices.create(
        {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    )
    assert one_off.total_pretax_credit_amounts == []


def test_what_other_lines_give_back_is_not_paid_with_credits(stage: Stage) -> None:
    grant(stage, 1_000)
    stage.subscribe(usage(stage))
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": -200, "currency": "usd"}
    )
    stage.use(100)
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    assert (final.total, balances(stage)) == (0, {"usd": (900, 900)})


def test_grants_for_some_prices_pay_for_no_others(stage: Stage) -> None:
    calls, images = usage(stage), stage.metered("Images", stage.meter("images"), 5)
    only = grant(stage, 1_000, prices=[images])
    for_all = grant(stage, 100)
    stage.subscribe(calls, images)
    stage.use(100)
    stage.use(10, meter="images")
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    assert final.total == 300 + 50 - 100 - 50
    assert (of_grant(stage, only), of_grant(stage, for_all)) == ((950, 950), (0, 0))
    scope = {"prices": [{"id": calls}]}
    named = {"type": "applicability_scope", "applicability_scope": scope}
    assert balances(stage, named) == {"usd": (0, 0)}
    scope["prices"] = [{"id": images}]
    assert balances(stage, named) == {"usd": (950, 950)}


@pytest.mark.parametrize(("currency", "unit"), [("jpy", 3), ("usd", 3), ("kwd", 10)])
def test_a_grant_pays_in_its_own_currency(api: Api, currency: str, unit: int) -> None:
    stage = Stage(api, "2024-01-01", currency=currency)
    other = "eur"
    grant(stage, 1_000, currency)
    grant(stage, 1_000, other)
    stage.subscribe(usage(stage, unit))
    stage.use(60)
    stage.until("2024-02-02")
    left = 1_000 - 60 * unit
    assert stage.invoices()[-1].total == 0
    assert balances(stage) == {currency: (left, left), other: (1_000, 1_000)}


def test_the_first_of_two_invoices_to_become_final_gets_what_both_show(stage: Stage) -> None:
    grant(stage, 500)
    meter = stage.meter()
    for name in ("One", "Two"):
        stage.subscribe(stage.metered(name, meter, 3))
    stage.use(100)
    stage.until("2024-02-01")
    assert [one.total for one in stage.invoices()[-2:]] == [0, 0]
    assert balances(stage) == {"usd": (0, 500)}
    stage.until("2024-02-02")
    assert sorted(one.total for one in stage.invoices()[-2:]) == [0, 100]
    assert balances(stage) == {"usd": (0, 0)}


def test_a_void_invoice_gives_its_credits_back(stage: Stage) -> None:
    grant_id = grant(stage, 250)
    stage.subscribe(usage(stage))
    stage.use(100)
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    assert (final.amount_due, of_grant(stage, grant_id)) == (50, (0, 0))
    stage.client.v1.invoices.void_invoice(final.id)
    assert of_grant(stage, grant_id) == (250, 250)
    assert ledger(stage)[-1] == ("credits_application_invoice_voided", 250)
    says = refused(stage.client.v1.billing.credit_grants.void_grant, grant_id)
    assert "some of it was applied" in says


def test_what_goes_back_to_an_expired_grant_expires_at_once(stage: Stage) -> None:
    grant_id = grant(stage, 250, expires_at=at("2024-02-10"))
    stage.subscribe(usage(stage))
    stage.use(100)
    stage.until("2024-02-11")
    stage.client.v1.invoices.void_invoice(stage.invoices()[-1].id)
    assert of_grant(stage, grant_id) == (0, 0)
    assert ledger(stage)[-2:] == [
        ("credits_application_invoice_voided", 250),
        ("credits_expired", -250),
    ]


def test_what_is_left_of_a_grant_expires_with_it(stage: Stage) -> None:
    grant_id = grant(stage, 250, expires_at=at("2024-01-10"))
    stage.until("2024-01-10")
    assert of_grant(stage, grant_id) == (0, 0)
    assert ledger(stage) == [("credits_granted", 250), ("credits_expired", -250)]
    stage.until("2024-01-12")
    assert len(ledger(stage)) == 2


def test_a_draft_of_before_the_expiry_still_takes_its_credits(stage: Stage) -> None:
    grant_id = grant(stage, 500, expires_at=at("2024-02-01") + 600)
    stage.subscribe(usage(stage))
    stage.use(100)
    stage.until("2024-02-01 00:30")
    assert of_grant(stage, grant_id) == (0, 500)
    stage.until("2024-02-02")
    assert stage.invoices()[-1].total == 0
    assert ledger(stage)[1:] == [("credits_applied", -300), ("credits_expired", -200)]


@pytest.mark.parametrize(
    ("effective_at", "expires_at", "pays"),
    [
        ("2024-02-01", None, True),
        ("2024-02-02", None, False),
        ("2024-01-01", "2024-02-01", False),
        ("2024-01-01", "2024-02-02", True),
    ],
)
def test_the_end_of_the_period_decides_whether_a_grant_pays(
    stage: Stage,
    effective_at: str,
    expires_at: str | None,
    pays: bool,  # noqa: FBT001 - a case
) -> None:
    expiry: Any = {"expires_at": at(expires_at)} if expires_at else {}
    grant(stage, 1_000, effective_at=at(effective_at), **expiry)
    stage.subscribe(usage(stage))
    stage.use(100)
    stage.until("2024-02-03")
    assert stage.invoices()[-1].total == (0 if pays else 300)


def test_a_grant_that_is_not_yet_effective_has_no_balance(stage: Stage) -> None:
    grant_id = grant(stage, 250, effective_at=at("2024-01-10"))
    assert of_grant(stage, grant_id) == (0, 0)
    stage.until("2024-01-10")
    assert of_grant(stage, grant_id) == (250, 250)


def test_a_grant_that_nothing_was_taken_from_can_be_voided(stage: Stage) -> None:
    grants = stage.client.v1.billing.credit_grants
    grant_id = grant(stage, 250)
    assert grants.void_grant(grant_id).voided_at == stage.now
    assert ledger(stage) == [("credits_granted", 250), ("credits_voided", -250)]
    for verb in (grants.void_grant, grants.expire):
        assert "is void and cannot be" in refused(verb, grant_id)
    assert "given another expiry" in refused(grants.update, grant_id, {"expires_at": ""})
    assert grants.update(grant_id, {"metadata": {"note": "why"}}).metadata["note"] == "why"


def test_a_request_expires_a_grant_at_once(stage: Stage) -> None:
    grant_id = grant(stage, 250)
    stage.subscribe(usage(stage))
    stage.use(50)
    stage.until("2024-02-02")
    expired = stage.client.v1.billing.credit_grants.expire(grant_id)
    assert (expired.expires_at, expired.updated) == (stage.now, stage.now)
    assert ledger(stage)[1:] == [("credits_applied", -150), ("credits_expired", -100)]


def test_an_expiry_can_be_moved_and_taken_away(stage: Stage) -> None:
    grants = stage.client.v1.billing.credit_grants
    moved, forever = (grant(stage, 250, expires_at=at("2024-01-10")) for _ in range(2))
    grants.update(moved, {"expires_at": at("2024-01-20")})
    assert grants.update(forever, {"expires_at": ""}).expires_at is None
    stage.until("2024-01-15")
    assert [of_grant(stage, one) for one in (moved, forever)] == [(250, 250)] * 2
    stage.until("2024-01-20")
    assert [of_grant(stage, one) for one in (moved, forever)] == [(0, 0), (250, 250)]


def test_a_customer_has_a_hundred_unused_grants_at_most(stage: Stage) -> None:
    first = grant(stage, 1)
    for _ in range(99):
        grant(stage, 1)
    assert "at most 100 unused" in refused(grant, stage, 1)
    stage.client.v1.billing.credit_grants.void_grant(first)
    grant(stage, 1)


def test_a_request_gives_no_more_grants_back_than_a_customer_may_have_unused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pay_or_close, "MOST_UNUSED", 2)
    for _ in range(2):
        grant(stage, 30)
    stage.subscribe(usage(stage))
    stage.use(40)
    stage.until("2024-02-02")
    final, other = stage.invoices()[-1], grant(stage, 500)
    void = stage.client.v1.invoices.void_invoice
    assert "more than 2 unused" in refused(void, final.id)
    assert (balances(stage)["usd"], stage.invoices()[-1].status) == ((500, 500), "open")
    stage.client.v1.billing.credit_grants.void_grant(other)
    void(final.id)
    assert balances(stage)["usd"] == (60, 60)


def test_any_number_of_grants_and_lines_is_taken_at_once(stage: Stage) -> None:
    for _ in range(40):
        grant(stage, 30)
    tiers = [{"up_to": up_to, "unit_amount": 10} for up_to in range(1, 100)]
    price = usage(
        stage,
        billing_scheme="tiered",
        tiers_mode="graduated",
        tiers=[*tiers, {"up_to": "inf", "unit_amount": 10}],
    )
    stage.subscribe(price)
    stage.use(150)
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    assert (final.subtotal, final.total) == (1_500, 300)
    entries = ledger(stage)
    assert len(entries) > 40 + 94
    assert sum(amount for _, amount in entries) == 0
    stage.client.v1.invoices.void_invoice(final.id)
    assert sum(amount for _, amount in ledger(stage)) == balances(stage)["usd"][1] == 1_200


def test_each_change_is_told(stage: Stage) -> None:
    grant_id = grant(stage, 250)
    stage.client.v1.billing.credit_grants.update(grant_id, {"metadata": {"a": "b"}})
    stage.client.v1.billing.credit_grants.void_grant(grant_id)
    types = ["credit_grant.created", "credit_grant.updated", "credit_balance_transaction.created"]
    told = {"types": [f"billing.{type_}" for type_ in types]}
    events = stage.client.v1.events.list(told).data
    assert [event.type.removeprefix("billing.") for event in reversed(events)] == [
        "credit_grant.created",
        "credit_balance_transaction.created",
        "credit_grant.updated",
        "credit_grant.updated",
        "credit_balance_transaction.created",
    ]
    assert events[1].data.previous_attributes.voided_at is None


def test_the_explanation_says_what_each_grant_paid(stage: Stage) -> None:
    grant_id = grant(stage, 250)
    stage.subscribe(usage(stage))
    stage.use(100)
    stage.until("2024-02-02")
    invoice = stage.invoices()[-1].id
    answer = stage.client.raw_request("get", f"/v1/invoices/{invoice}/explanation")
    explained = stage.client.deserialize(answer, api_mode="V1")
    [paid] = explained.credits
    assert (paid.credit_grant, paid.amount) == (grant_id, 250)
    steps = {step.step: step.amount for step in explained.amounts}
    assert (steps["lines"], steps["credits"]) == (300, -250)


def test_a_deleted_customer_keeps_its_ledger(stage: Stage) -> None:
    grant_id = grant(stage, 250, expires_at=at("2024-02-20"))
    stage.subscribe(usage(stage))
    stage.use(50)
    stage.until("2024-02-02")
    open_invoice = stage.invoices()[-1].id
    assert open_invoice
    stage.client.v1.customers.delete(stage.customer)
    stage.until("2024-02-21")
    entries = stage.client.v1.billing.credit_balance_transactions.list(
        {"credit_grant": grant_id}
    ).data
    assert [(one.debit or one.credit).type for one in entries] == [
        "credits_expired",
        "credits_applied",
        "credits_granted",
    ]


def test_erasing_a_customer_leaves_amounts_and_takes_words(stage: Stage) -> None:
    grant_id = grant(stage, 250, name="For Ada", metadata={"who": "Ada"})
    erase_customer(worker_context(livemode=False), stage.customer)
    left = stage.client.v1.billing.credit_grants.retrieve(grant_id)
    assert (left.name, left.metadata.to_dict(), left.amount.monetary.value) == (None, {}, 250)
    assert of_grant(stage, grant_id) == (250, 250)


def test_a_threshold_is_compared_with_what_credits_leave(stage: Stage) -> None:
    grant(stage, 500)
    stage.subscribe(usage(stage), billing_thresholds={"amount_gte": 1_000})
    stage.use(400)
    stage.until("2024-01-02")
    assert stage.invoices() == []
    stage.use(200)
    stage.until("2024-01-03")
    by_threshold = stage.invoices()[-1]
    assert (by_threshold.billing_reason, by_threshold.total) == ("subscription_threshold", 1_300)
    stage.until("2024-01-04")
    grant(stage, 500)
    stage.use(100)
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    assert (final.subtotal, final.total, balances(stage)) == (300, 0, {"usd": (200, 200)})


def live(stage: Stage) -> dict[str, tuple[int, int]]:
    """What is left of credits once all usage is paid, and what is available, by currency."""
    answer = stage.client.raw_request(
        "get", "/v1/meterline/credit_balance", customer=stage.customer
    )
    found = json.loads(answer.body)["balances"]
    return {one["currency"]: (one["live"], one["available"]) for one in found}


def test_the_live_balance_follows_usage(stage: Stage) -> None:
    assert live(stage) == {}
    grant(stage, 1_000)
    meter = stage.meter()
    for name in ("One", "Two"):
        stage.subscribe(stage.metered(name, meter, 2))
    stage.use(100)
    assert live(stage) == {"usd": (600, 1_000)}
    assert balances(stage) == {"usd": (1_000, 1_000)}
    stage.until("2024-02-01")
    assert live(stage) == {"usd": (600, 600)}
    stage.use(400)
    assert live(stage) == {"usd": (0, 600)}
    stage.until("2024-02-02")
    assert live(stage) == {"usd": (0, 600)}


def test_the_live_balance_takes_each_grant_for_what_it_pays(stage: Stage) -> None:
    calls, images = usage(stage), stage.metered("Images", stage.meter("images"), 5)
    grant(stage, 200, prices=[images])
    grant(stage, 100, priority=60)
    stage.subscribe(calls)
    stage.subscribe(images)
    stage.use(20)
    stage.use(50, meter="images")
    assert live(stage) == {"usd": (0, 300)}
    stage.use(-10, meter="images")
    assert live(stage) == {"usd": (40, 300)}
