"""Billing credits in units of a meter: what was granted pays for so many units, in any currency."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at
from tests.integration.stories.test_billing_credits import METERED, refused

type Given = dict[str, Any]

UNITS = "amount[custom_pricing_unit]"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def amount(meter: str, value: int | str) -> Given:
    return {
        "type": "custom_pricing_unit",
        "custom_pricing_unit": {"id": meter, "value": str(value)},
    }


def given(stage: Stage, meter: str, value: int | str, **more: Any) -> Given:
    """What a grant is made of: for all prices of the meter unless ``prices`` names some."""
    prices = more.pop("prices", None)
    scope = {"prices": [{"id": price} for price in prices]} if prices else {"price_type": "metered"}
    return {
        "customer": stage.customer,
        "amount": amount(meter, value),
        "applicability_config": {"scope": scope},
        **more,
    }


def grant(stage: Stage, meter: str, value: int | str, **more: Any) -> str:
    """The id of a new grant of units."""
    made = stage.client.v1.billing.credit_grants.create(given(stage, meter, value, **more))
    return str(made.id)


def left(stage: Stage, filter_: Any = METERED) -> dict[str, tuple[str, str]]:
    """What of units is available, and what the ledger has, by meter."""
    summary = stage.client.v1.billing.credit_balance_summary.retrieve(
        {"customer": stage.customer, "filter": filter_}
    )
    balances = [
        (one["available_balance"], one["ledger_balance"])
        for one in summary["balances"]
        if one["available_balance"]["type"] == "custom_pricing_unit"
    ]
    assert all(one["monetary"] is None for pair in balances for one in pair)
    units = [tuple(one["custom_pricing_unit"] for one in pair) for pair in balances]
    return {available["id"]: (available["value"], of["value"]) for available, of in units}


def ledger(stage: Stage) -> list[tuple[str, int | Decimal]]:
    """The entries of the ledger that are in units, oldest first: what came, and what went."""
    listed = stage.client.v1.billing.credit_balance_transactions.list(
        {"customer": stage.customer, "limit": 100}
    )
    rows: list[tuple[str, int | Decimal]] = []
    for entry in listed.auto_paging_iter():
        side, sign = (entry["credit"], 1) if entry["type"] == "credit" else (entry["debit"], -1)
        if side["amount"]["type"] == "custom_pricing_unit":
            value = Decimal(side["amount"]["custom_pricing_unit"]["value"])
            rows.append((side["type"], sign * value))
    return rows[::-1]


def live(stage: Stage) -> list[Any]:
    answer = stage.client.raw_request(
        "get", "/v1/meterline/credit_balance", customer=stage.customer
    )
    return list(stage.client.deserialize(answer, api_mode="V1")["balances"])


def explained(stage: Stage, invoice: Any) -> Any:
    answer = stage.client.raw_request("get", f"/v1/invoices/{invoice.id}/explanation")
    return stage.client.deserialize(answer, api_mode="V1")


def test_units_pay_for_usage_until_they_are_used_up(stage: Stage) -> None:
    calls = stage.meter()
    grant_id = grant(stage, calls, 300)
    stage.subscribe(stage.price("Seat", 500), stage.metered("Calls", calls, 3))
    stage.use(200)
    stage.until("2024-02-01")
    draft = stage.invoices()[-1]
    assert (draft.status, draft.total, left(stage)) == ("draft", 500, {calls: ("100", "300")})
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    assert (final.status, final.subtotal, final.total) == ("open", 1_100, 500)
    assert left(stage) == {calls: ("100", "100")}
    stage.use(150)
    stage.until("2024-03-02")
    final = stage.invoices()[-1]
    assert (final.subtotal, final.total, left(stage)) == (950, 950 - 300, {calls: ("0", "0")})
    assert ledger(stage) == [
        ("credits_granted", 300),
        ("credits_applied", -200),
        ("credits_applied", -100),
    ]
    shown = stage.client.v1.billing.credit_grants.retrieve(grant_id)["amount"]
    assert (shown["type"], shown["monetary"]) == ("custom_pricing_unit", None)
    assert shown["custom_pricing_unit"].to_dict() == {"id": calls, "value": "300"}


def test_a_preview_takes_no_units_and_equals_the_bill(stage: Stage) -> None:
    calls = stage.meter()
    grant(stage, calls, "70.5")
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    subscribed = stage.subscribe(
        stage.price("Seat", 500), stage.metered("Calls", calls, 3), discounts=[{"coupon": coupon}]
    )
    stage.use(100)
    previewed = stage.preview(subscribed)
    assert left(stage) == {calls: ("70.5", "70.5")}
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    sums = ("subtotal", "total", "total_excluding_tax", "amount_due")
    assert [previewed[name] for name in sums] == [final[name] for name in sums]
    # 70.5 units at 1.50 each after the coupon are 105.75
    assert (final.total, left(stage)) == (250 + 150 - 106, {calls: ("0", "0")})


def test_a_line_names_its_entry_and_the_explanation_its_units(stage: Stage) -> None:
    calls = stage.meter()
    grant_id = grant(stage, calls, 80)
    stage.subscribe(stage.metered("Calls", calls, 3))
    stage.use(100)
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    line = next(one for one in final.lines.data if one.amount)
    [part] = line.pretax_credit_amounts
    entry = stage.client.v1.billing.credit_balance_transactions.retrieve(
        part.credit_balance_transaction
    )
    assert (part.amount, entry["credit_grant"]) == (240, grant_id)
    assert entry["debit"]["amount"]["custom_pricing_unit"].to_dict() == {"id": calls, "value": "80"}
    assert entry["debit"]["credits_applied"]["invoice_line_item"] == line.id
    how = explained(stage, final)
    paid = {"credit_grant": grant_id, "amount": 240, "units": "80"}
    assert [one.to_dict() for one in how["credits"]] == [paid]
    assert [one.to_dict() for of in how["lines"] for one in of["credits"]] == [paid]


def test_units_of_one_meter_pay_for_no_other(stage: Stage) -> None:
    calls, images = stage.meter(), stage.meter("images")
    grant(stage, images, 1_000)
    stage.subscribe(stage.metered("Calls", calls, 3), stage.metered("Images", images, 5))
    stage.use(100)
    stage.use(10, meter="images")
    stage.until("2024-02-02")
    assert (stage.invoices()[-1].total, left(stage)) == (300, {images: ("990", "990")})


def test_units_for_some_prices_pay_for_no_others_of_the_meter(stage: Stage) -> None:
    tokens = stage.meter("tokens", dimension_payload_keys=["model"])

    def segment(model: str) -> str:
        conditions = [{"dimension": "model", "value": model}]
        return stage.metered(model, tokens, 2, meterline={"meter_segment_conditions": conditions})

    large, small = segment("large"), segment("small")
    only = grant(stage, tokens, 50, prices=[large])
    stage.subscribe(large, small)
    stage.use(30, meter="tokens", model="large")
    stage.use(40, meter="tokens", model="small")
    stage.until("2024-02-02")
    assert stage.invoices()[-1].total == 80
    of_grant = {"type": "credit_grant", "credit_grant": only}
    assert left(stage, of_grant) == {tokens: ("20", "20")}

    def of_prices(*prices: str) -> dict[str, tuple[str, str]]:
        scope = {"prices": [{"id": price} for price in prices]}
        return left(stage, {"type": "applicability_scope", "applicability_scope": scope})

    other = stage.metered("Calls", stage.meter(), 1)
    assert of_prices(large) == {tokens: ("20", "20")}
    assert of_prices(large, small) == of_prices(other) == {tokens: ("0", "0")}


def test_subscriptions_of_several_currencies_share_units(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    calls = stage.meter()
    grant(stage, calls, 150)
    for currency, unit in (("usd", 3), ("jpy", 20), ("kwd", 10)):
        stage.subscribe(stage.metered(currency, calls, unit, currency=currency))
    stage.use(60)
    stage.until("2024-02-02")
    finals = {one.currency: one for one in stage.invoices() if one.subtotal}
    assert {currency: one.subtotal for currency, one in finals.items()} == {
        "usd": 180,
        "jpy": 1_200,
        "kwd": 600,
    }
    units = {"usd": 3, "jpy": 20, "kwd": 10}
    paid = {currency: one.subtotal - one.total for currency, one in finals.items()}
    assert sum(Decimal(paid[currency]) / unit for currency, unit in units.items()) == 150
    assert left(stage) == {calls: ("0", "0")}
    assert sum(value for _, value in ledger(stage)) == 0


def test_the_smallest_priority_comes_first_whether_money_or_units(stage: Stage) -> None:
    calls = stage.meter()
    stage.client.v1.billing.credit_grants.create(
        {
            "customer": stage.customer,
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 90}},
            "applicability_config": {"scope": {"price_type": "metered"}},
            "priority": 5,
        }
    )
    grant(stage, calls, 30, priority=10)
    first = grant(stage, calls, 20, priority=0)
    stage.subscribe(stage.metered("Calls", calls, 3))
    stage.use(60)
    stage.until("2024-02-02")
    # 20 units and 90 cents pay for 50 calls, so ten of the thirty units for the rest
    assert stage.invoices()[-1].total == 0
    assert left(stage) == {calls: ("20", "20")}
    assert left(stage, {"type": "credit_grant", "credit_grant": first}) == {calls: ("0", "0")}


def test_a_void_invoice_gives_its_units_back_and_those_of_an_expired_grant_expire(
    stage: Stage,
) -> None:
    calls = stage.meter()
    grant(stage, calls, 100)
    grant(stage, calls, 150, expires_at=at("2024-02-10"), priority=0)
    stage.subscribe(stage.metered("Calls", calls, 3), stage.price("Seat", 500))
    stage.use(200)
    stage.until("2024-02-12")
    assert left(stage) == {calls: ("50", "50")}
    stage.client.v1.invoices.void_invoice(stage.invoices()[-1].id)
    assert left(stage) == {calls: ("100", "100")}
    assert sorted(ledger(stage)[4:]) == [
        ("credits_application_invoice_voided", 50),
        ("credits_application_invoice_voided", 150),
        ("credits_expired", -150),
    ]


def test_grants_of_units_are_voided_expired_and_recur(stage: Stage) -> None:
    calls = stage.meter()
    grants = stage.client.v1.billing.credit_grants
    grants.void_grant(grant(stage, calls, 10))
    grants.expire(grant(stage, calls, "0.000000000001"))
    assert ledger(stage) == [
        ("credits_granted", 10),
        ("credits_voided", -10),
        ("credits_granted", Decimal("0.000000000001")),
        ("credits_expired", Decimal("-0.000000000001")),
    ]
    every_month = {"recurrence": {"interval": "month", "rollover_most": 15}}
    grant(stage, calls, "100.5", meterline=every_month)
    stage.subscribe(stage.metered("Calls", calls, 3))
    stage.use(80)
    stage.until("2024-02-02")
    assert stage.invoices()[-1].total == 0
    assert left(stage) == {calls: ("115.5", "115.5")}
    assert ledger(stage)[-2:] == [("credits_expired", Decimal("-20.5")), ("credits_granted", 15)]


def test_the_live_balance_follows_usage(stage: Stage) -> None:
    calls = stage.meter()
    grant(stage, calls, 300)
    stage.subscribe(stage.metered("Calls", calls, 3))
    stage.use("120.25")
    assert [one.to_dict() for one in live(stage)] == [
        {
            "currency": None,
            "custom_pricing_unit": calls,
            "available": "300",
            "ledger": "300",
            "live": "179.75",
        }
    ]


def test_what_a_threshold_has_billed_takes_no_units_again(stage: Stage) -> None:
    calls = stage.meter()
    grant(stage, calls, 150)
    stage.subscribe(stage.metered("Calls", calls, 10), billing_thresholds={"amount_gte": 1_000})
    stage.use(240)
    stage.until("2024-01-02")
    assert stage.invoices() == []
    stage.use(20)
    stage.until("2024-01-03")
    by_threshold = stage.invoices()[-1]
    assert (by_threshold.billing_reason, by_threshold.total) == ("subscription_threshold", 1_100)
    stage.until("2024-01-04")
    assert left(stage) == {calls: ("0", "0")}
    grant(stage, calls, 500)
    stage.use(40)
    stage.until("2024-02-02")
    assert stage.invoices()[-1].total == 0
    assert left(stage) == {calls: ("460", "460")}


def test_late_usage_takes_units(stage: Stage) -> None:
    calls = stage.meter()
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")
    stage.subscribe(stage.metered("Calls", calls, 3))
    stage.use(100)
    stage.until("2024-02-05")
    grant(stage, calls, 50)
    stage.use(20, "2024-01-20")
    watch_usage(stage.api.engine)
    stage.until("2024-03-02")
    assert [(one.subtotal, one.total) for one in stage.invoices()[1:]] == [(60, 0)]
    assert left(stage) == {calls: ("30", "30")}


def test_a_minimum_is_not_paid_with_units(stage: Stage) -> None:
    calls = stage.meter()
    grant(stage, calls, 1_000)
    stage.subscribe(stage.metered("Calls", calls, 3, meterline={"minimum_amount": 500}))
    stage.use(100)
    stage.until("2024-02-02")
    final = stage.invoices()[-1]
    assert (final.subtotal, final.total) == (500, 200)
    assert left(stage) == {calls: ("900", "900")}


# what of a request is another, by meter and by a price of another one | which parameter is refused
# | what the message says
REFUSED: list[tuple[Callable[[str, str], Given], str, str]] = [
    (
        lambda *_: {"amount": {"type": "custom_pricing_unit"}},
        "amount[custom_pricing_unit]",
        "Missing required param",
    ),
    (lambda *_: {"amount": {"type": "monetary"}}, "amount[monetary]", "Missing required param"),
    (lambda *_: {"amount": amount("mtr_no", 5)}, f"{UNITS}[id]", "No such"),
    (lambda meter, _: {"amount": amount(meter, 0)}, f"{UNITS}[value]", "more than 0"),
    (lambda meter, _: {"amount": amount(meter, -1)}, f"{UNITS}[value]", ""),
    (lambda meter, _: {"amount": amount(meter, "1e30")}, f"{UNITS}[value]", ""),
    (lambda meter, _: {"amount": amount(meter, "1e-13")}, f"{UNITS}[value]", ""),
    (
        lambda meter, _: {
            "amount": amount(meter, 5) | {"monetary": {"currency": "usd", "value": 5}}
        },
        UNITS,
        "only specify one",
    ),
    (
        lambda _, price: {"applicability_config": {"scope": {"prices": [{"id": price}]}}},
        "applicability_config[scope][prices][0][id]",
        "bills another",
    ),
]


def test_what_cannot_be_granted_is_refused(stage: Stage) -> None:
    calls, price = stage.meter(), stage.metered("Images", stage.meter("images"), 5)
    for more, param, says in REFUSED:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            stage.client.v1.billing.credit_grants.create(
                given(stage, calls, 5) | more(calls, price)
            )
        assert caught.value.param == param
        assert says in str(caught.value.user_message)
    assert left(stage) == {}


def test_units_of_an_inactive_meter_are_not_granted(stage: Stage) -> None:
    calls = stage.meter()
    stage.client.v1.billing.meters.deactivate(calls)
    says = refused(stage.client.v1.billing.credit_grants.create, given(stage, calls, 5))
    assert "inactive" in says


# the tax's side | what is due of 100 units at 3 with a tax of 20 %, of which 40 are paid for
@pytest.mark.parametrize(("inclusive", "due"), [(False, 216), (True, 180)])
def test_units_are_taken_before_taxes(stage: Stage, inclusive: bool, due: int) -> None:  # noqa: FBT001 - a case
    calls = stage.meter()
    grant(stage, calls, 40)
    rate = stage.client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 20, "inclusive": inclusive}
    )
    stage.subscribe(stage.metered("Calls", calls, 3), default_tax_rates=[rate.id])
    stage.use(100)
    stage.until("2024-02-02")
    assert stage.invoices()[-1].total == due
