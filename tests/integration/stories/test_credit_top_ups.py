"""Automatic top-ups: too few credits make one invoice, and its payment makes the grant once."""

import json
from typing import Any

import pytest

from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day
from tests.integration.stories.test_billing_credits import balances, grant, ledger, refused, usage

URL = "/v1/meterline/credit_top_ups"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def send(stage: Stage, method: str, path: str, **params: Any) -> Any:
    answer = stage.client.raw_request(method, path, **params)
    return json.loads(answer.body)


def rule(stage: Stage, threshold: int = 500, amount: int = 1_000, **more: Any) -> Any:
    given = {"customer": stage.customer, "currency": "usd", "threshold": threshold}
    return send(stage, "post", URL, amount=amount, **{**given, **more})


def change(stage: Stage, made: Any, **params: Any) -> Any:
    return send(stage, "post", f"{URL}/{made['id']}", **params)


def read(stage: Stage, made: Any) -> Any:
    return send(stage, "get", f"{URL}/{made['id']}")


def use(stage: Stage, quantity: int) -> None:
    """Usage that is counted and looked at."""
    stage.use(quantity)
    watch_usage(stage.api.engine)


def bought(stage: Stage) -> list[tuple[str, int]]:
    """The invoices of top-ups, oldest first: their status and amount."""
    return [(one.status, one.total) for one in stage.invoices() if "credit_top_up" in one.metadata]


def pay(stage: Stage) -> None:
    stage.client.v1.invoices.pay(latest(stage), {"paid_out_of_band": True})


def latest(stage: Stage) -> str:
    [*_, latest] = [one for one in stage.invoices() if "credit_top_up" in one.metadata]
    return str(latest.id)


def live(stage: Stage) -> int:
    shown = send(stage, "get", f"/v1/meterline/credit_balance?customer={stage.customer}")
    return int(sum(one["live"] for one in shown["balances"]))


def told(stage: Stage) -> list[tuple[str, str]]:
    """What was told of rules, oldest first."""
    events = stage.client.v1.events.list({"limit": 100}).auto_paging_iter()
    return [
        (one.type.rpartition(".")[2], one.data.object["status"])
        for one in reversed(list(events))
        if one.type.startswith("meterline.credit_top_up")
    ]


def test_a_live_balance_below_the_threshold_makes_an_invoice_and_its_payment_the_grant(
    stage: Stage,
) -> None:
    grant(stage, 1_000)
    made = rule(stage)
    assert (made["status"], bought(stage)) == ("active", [])
    stage.subscribe(usage(stage))
    use(stage, 166)
    assert (live(stage), bought(stage)) == (502, [])
    use(stage, 1)
    assert (live(stage), bought(stage)) == (499, [("open", 1_000)])
    assert read(stage, made)["status"] == "awaiting_payment"
    assert balances(stage) == {"usd": (1_000, 1_000)}
    pay(stage)
    after = read(stage, made)
    assert (after["status"], after["latest_invoice"]) == ("active", latest(stage))
    assert (live(stage), ledger(stage)) == (
        1_499,
        [("credits_granted", 1_000), ("credits_granted", 1_000)],
    )
    assert told(stage) == [
        ("created", "active"),
        ("updated", "awaiting_payment"),
        ("updated", "active"),
    ]


def test_while_one_is_unpaid_no_second_is_made(stage: Stage) -> None:
    grant(stage, 1_000)
    rule(stage)
    stage.subscribe(usage(stage))
    for _ in range(3):
        use(stage, 300)
    stage.until("2024-01-20")
    assert bought(stage) == [("open", 1_000)]


def test_a_balance_that_is_too_low_already_is_topped_up_at_once(stage: Stage) -> None:
    made = rule(stage)
    assert (made["status"], bought(stage)) == ("awaiting_payment", [("open", 1_000)])
    pay(stage)
    assert balances(stage) == {"usd": (1_000, 1_000)}


def test_what_was_used_while_the_payment_was_awaited_is_looked_at_then(stage: Stage) -> None:
    rule(stage)
    stage.subscribe(usage(stage))
    use(stage, 200)
    pay(stage)
    stage.until("2024-01-02")
    assert (live(stage), bought(stage)) == (400, [("paid", 1_000), ("open", 1_000)])


def test_a_customers_own_money_pays_at_once_and_is_granted_in_the_same_commit(
    stage: Stage,
) -> None:
    stage.client.v1.customers.update(stage.customer, {"balance": -1_000})
    made = rule(stage)
    assert (made["status"], bought(stage)) == ("active", [("paid", 1_000)])
    assert ledger(stage) == [("credits_granted", 1_000)]
    stage.until("2024-01-05")
    assert bought(stage) == [("paid", 1_000)]


@pytest.mark.parametrize("verb", ["void_invoice", "mark_uncollectible"])
def test_an_invoice_that_will_not_be_paid_pauses_the_rule_until_it_goes_on(
    stage: Stage, verb: str
) -> None:
    made = rule(stage)
    getattr(stage.client.v1.invoices, verb)(latest(stage))
    stopped = read(stage, made)
    reason = "invoice_voided" if verb == "void_invoice" else "invoice_uncollectible"
    assert (stopped["status"], stopped["pause"]) == (
        "paused",
        {"invoice": latest(stage), "reason": reason},
    )
    stage.until("2024-01-03")
    assert len(bought(stage)) == 1
    again = change(stage, made, status="active")
    assert (again["status"], again["pause"]) == ("awaiting_payment", None)
    assert len(bought(stage)) == 2


def test_an_uncollectible_invoice_that_is_paid_after_all_grants_and_goes_on(stage: Stage) -> None:
    made = rule(stage)
    stage.client.v1.invoices.mark_uncollectible(latest(stage))
    pay(stage)
    assert (read(stage, made)["status"], balances(stage)) == ("active", {"usd": (1_000, 1_000)})


def test_what_credit_notes_took_off_before_the_payment_is_not_granted(stage: Stage) -> None:
    made = rule(stage)
    note = {"invoice": latest(stage), "amount": 250}
    stage.client.v1.credit_notes.create(note)
    pay(stage)
    assert balances(stage) == {"usd": (750, 750)}
    stage.client.v1.billing.credit_grants.expire(
        stage.client.v1.billing.credit_grants.list({"customer": stage.customer}).data[0].id
    )
    stage.until("2024-01-02")
    stage.client.v1.credit_notes.create({"invoice": latest(stage), "amount": 1_000})
    assert read(stage, made)["pause"]["reason"] == "invoice_credited"
    assert balances(stage) == {"usd": (0, 0)}


def test_a_credit_note_after_the_payment_grants_nothing_again(stage: Stage) -> None:
    rule(stage)
    pay(stage)
    note: Any = {"invoice": latest(stage), "amount": 100, "out_of_band_amount": 100}
    stage.client.v1.credit_notes.create(note)
    assert ledger(stage) == [("credits_granted", 1_000)]


def test_a_limit_holds_for_a_period_and_then_no_longer(stage: Stage) -> None:
    made = rule(stage, limit={"interval": "month", "count": 2})
    stage.subscribe(usage(stage))
    for _ in range(2):
        use(stage, 400)
        pay(stage)
        stage.until(f"2024-01-0{2 + len(bought(stage))}")
    assert (len(bought(stage)), read(stage, made)["status"]) == (2, "limit_reached")
    stage.until("2024-01-31")
    assert len(bought(stage)) == 2
    stage.until("2024-02-01 00:01")
    assert (len(bought(stage)), read(stage, made)["status"]) == (3, "awaiting_payment")


def test_a_grant_that_expires_or_is_ended_is_a_fall_too(stage: Stage) -> None:
    grant(stage, 600, expires_at=at("2024-01-10"))
    ended = grant(stage, 600)
    rule(stage, 1_000)
    stage.until("2024-01-09")
    assert bought(stage) == []
    stage.until("2024-01-11")
    assert bought(stage) == [("open", 1_000)]
    pay(stage)
    stage.client.v1.billing.credit_grants.expire(ended)
    stage.until("2024-01-12")
    assert bought(stage) == [("paid", 1_000)]
    change(stage, send(stage, "get", URL)["data"][0], threshold=1_001)
    assert bought(stage) == [("paid", 1_000), ("open", 1_000)]


def test_credits_last_and_pay_as_the_rule_says(stage: Stage) -> None:
    calls = usage(stage)
    scope = {"applicability_config": {"scope": {"prices": [{"id": calls}]}}}
    after = {"expires_after": {"interval": "month", "interval_count": 3}}
    terms = {"amount": 1_200, "category": "promotional", "priority": 7, **scope, **after}
    rule(stage, name="Prepaid", grant=terms, metadata={"order": "7"})
    pay(stage)
    [invoice], [made] = (
        stage.invoices(),
        stage.client.v1.billing.credit_grants.list({"customer": stage.customer}).data,
    )
    assert (invoice.lines.data[0].description, invoice.metadata["order"]) == ("Prepaid", "7")
    assert (made.amount.monetary.value, made.category, made.priority, made.name) == (
        *(1_200, "promotional", 7),
        "Prepaid",
    )
    assert made.applicability_config.scope.prices[0].id == calls
    assert (day(made.effective_at), day(made.expires_at)) == ("2024-01-01", "2024-04-01")
    assert made.metadata["invoice"] == invoice.id


def test_the_invoice_has_the_taxes_of_the_rule_and_no_discount(stage: Stage) -> None:
    rates = stage.client.v1.tax_rates
    rate = rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False}).id
    rule(stage, default_tax_rates=[rate])
    [invoice] = stage.invoices()
    assert (invoice.subtotal, invoice.total, invoice.amount_due) == (1_000, 1_200, 1_200)
    assert invoice.lines.data[0].discountable is False
    rates.update(rate, {"active": False})
    pay(stage)
    assert balances(stage) == {"usd": (1_000, 1_000)}


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 1_000), ("kwd", 5_000), ("eur", 900)])
def test_each_currency_has_its_own_balance(api: Api, currency: str, amount: int) -> None:
    stage = Stage(api, "2024-01-01", currency)
    grant(stage, 10_000, "usd")
    rule(stage, 500, amount, currency=currency)
    pay(stage)
    stage.subscribe(stage.metered("Calls", stage.meter(), 10))
    assert balances(stage)[currency] == (amount, amount)
    use(stage, (amount - 500) // 10 + 1)
    assert len(bought(stage)) == 2


def test_a_sent_invoice_is_due_later(stage: Stage) -> None:
    rule(stage, collection_method="send_invoice", days_until_due=14)
    [invoice] = stage.invoices()
    assert (invoice.status, day(invoice.due_date)) == ("open", "2024-01-15")


def test_a_paused_rule_buys_nothing_and_waits_for_what_it_bought(stage: Stage) -> None:
    made = rule(stage)
    assert change(stage, made, status="paused")["pause"] == {
        "invoice": None,
        "reason": "requested",
    }
    assert change(stage, made, status="active")["status"] == "awaiting_payment"
    change(stage, made, status="paused")
    pay(stage)
    assert (read(stage, made)["status"], balances(stage)) == ("paused", {"usd": (1_000, 1_000)})
    assert change(stage, made, status="active")["status"] == "active"


def test_a_canceled_rule_buys_nothing_and_its_invoice_still_grants(stage: Stage) -> None:
    made = rule(stage)
    ended = send(stage, "post", f"{URL}/{made['id']}/cancel")
    assert ended["status"] == "canceled"
    pay(stage)
    assert balances(stage) == {"usd": (1_000, 1_000)}
    assert read(stage, made)["status"] == "canceled"
    assert "is canceled" in refused(change, stage, made)


def test_a_deleted_customers_rules_are_canceled(stage: Stage) -> None:
    made = rule(stage)
    stage.client.v1.customers.delete(stage.customer)
    assert read(stage, made)["status"] == "canceled"
    pay(stage)
    assert [one[0] for one in bought(stage)] == ["paid"]


def test_what_no_invoice_could_bill_is_refused(stage: Stage) -> None:
    for wrong, param in (
        ({"amount": 49}, "amount"),
        ({"days_until_due": 3}, "days_until_due"),
        ({"currency": "xxx"}, "currency"),
        ({"customer": "cus_no"}, "customer"),
        ({"default_tax_rates": ["txr_no"]}, "default_tax_rates"),
    ):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - its param is compared
            rule(stage, **wrong)
        assert str(getattr(caught.value, "param", None)).startswith(param), wrong
    for _ in range(10):
        rule(stage, limit={"interval": "day", "count": 1})
    assert "At most 10" in refused(rule, stage).replace("at most", "At most")
