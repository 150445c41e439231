"""Whatever changes a subscription goes through, its preview says what is then billed."""

import random
from typing import Any

import pytest
import stripe

from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, day, lines_of

_DAY = 86_400
_CHANGES = 5


@pytest.mark.parametrize("seed", range(8))
def test_a_preview_is_what_is_billed(api: Api, seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    currency = chance.choice(["usd", "jpy", "kwd"])
    stage = Stage(api, day(1_704_067_200 + chance.randrange(366) * _DAY), currency)
    rates = [_rate(stage, chance, n) for n in range(3)]
    _credit(stage, chance)
    meter = stage.meter()
    prices = [stage.price(f"P{n}", chance.randrange(3_000)) for n in range(4)]
    prices += [stage.metered(f"M{n}", meter, chance.randrange(9)) for n in range(2)]
    bounds = {"minimum_amount": chance.randrange(500), "maximum_amount": 1_000}
    prices.append(stage.metered("Bounded", meter, chance.randrange(40), meterline=bounds))
    mode = {"type": chance.choice(["classic", "flexible"])}
    start = chance.sample(prices, chance.randrange(1, 3))
    taxes = {"default_tax_rates": chance.sample(rates, chance.randrange(3))}
    thresholds = {"billing_thresholds": {"amount_gte": chance.randrange(60, 2_000)}}
    start_terms = taxes | chance.choice([{}, thresholds])
    subscription = stage.subscribe(*start, billing_mode=mode, **start_terms)
    for _ in range(_CHANGES):
        stage.until(day(stage.now + chance.randrange(1, 20 * _DAY)))
        stage.use(chance.randrange(50))
        watch_usage(stage.api.engine)
        change = _change(chance, stage, subscription, prices)
        change |= chance.choice([{}, {"default_tax_rates": chance.sample(rates, 1)}])
        before = {invoice.id for invoice in stage.invoices()}
        expected = _previewed(stage, subscription, change)
        subscription = stage.change(subscription, **change)
        made = [invoice for invoice in stage.invoices() if invoice.id not in before]
        assert [_said(one) for one in made] == [expected] or not made
        assert made or _previewed(stage, subscription, {}) == expected
    while any(one.status == "draft" for one in stage.invoices()):
        stage.until(day(stage.now + 7_200))  # a draft moves the balance when it is final
    subscription = stage.client.v1.subscriptions.retrieve(subscription.id)
    expected = _previewed(stage, subscription, {})
    stage.until(day(min(item.current_period_end for item in subscription["items"].data) + 7_200))
    assert expected in (None, _said(stage.invoices()[-1]))


def _previewed(stage: Stage, subscription: Any, change: dict[str, Any]) -> Any:
    """What a preview says; None if no invoice comes, as after a trial of usage alone."""
    details = {name: value for name, value in change.items() if name != "discounts"}
    params: dict[str, Any] = {"subscription_details": details} if details else {}
    if "discounts" in change:
        params["discounts"] = change["discounts"]
    params["subscription"] = subscription.id
    try:
        return _said(stage.client.v1.invoices.create_preview(params))
    except stripe.InvalidRequestError as refused:
        if refused.code != "invoice_upcoming_none":
            raise
        return None


def _said(invoice: Any) -> tuple[Any, ...]:
    """Its lines with what was taken off and taxed of each, and what it comes to."""
    lines = list(invoice.lines.auto_paging_iter())
    reductions = [[part.amount for part in line.pretax_credit_amounts] for line in lines]
    taxes = [[tax.amount for tax in line.taxes] for line in lines]
    amounts = (invoice.subtotal_excluding_tax, invoice.total, invoice.starting_balance)
    return lines_of(invoice), reductions, taxes, amounts, invoice.amount_due


def _rate(stage: Stage, chance: random.Random, number: int) -> str:
    percentage = chance.choice(["19", "8.1", "33.3333"])
    given = {"display_name": "VAT", "inclusive": number == 1, "percentage": percentage}
    return str(stage.client.v1.tax_rates.create(given).id)


def _credit(stage: Stage, chance: random.Random) -> None:
    """Credits for usage, and a balance, of which invoices use up what they can."""
    money = {"currency": stage.currency, "value": chance.randrange(1, 1_000)}
    stage.client.v1.billing.credit_grants.create(
        {
            "customer": stage.customer,
            "amount": {"type": "monetary", "monetary": money},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
    )
    booked: Any = {"amount": chance.randrange(-2_000, 200), "currency": stage.currency}
    stage.client.v1.customers.balance_transactions.create(stage.customer, booked)


def _change(
    chance: random.Random, stage: Stage, subscription: Any, prices: list[str]
) -> dict[str, Any]:
    items = subscription["items"].data
    used = {item.price.id for item in items}
    free = [price for price in prices if price not in used]
    licensed = [item for item in items if item.price.recurring.usage_type == "licensed"]
    trial_end = {"trial_end": stage.now + chance.randrange(1, 30) * _DAY}
    choices: list[dict[str, Any]] = [trial_end]
    if subscription.status != "trialing":
        choices.append({"billing_cycle_anchor": "now"})
    if free:
        choices.append({"items": [{"price": chance.choice(free)}]})
        choices.append({"items": [{"id": items[0].id, "price": chance.choice(free)}]})
    if licensed:
        wanted = {"id": licensed[0].id, "quantity": chance.randrange(5)}
        choices.append({"items": [wanted]})
    choices += _of_its_own(chance, stage, items)
    if len(items) > 1:
        choices.append({"items": [{"id": items[-1].id, "deleted": True}]})
    behavior = chance.choice(["always_invoice", "create_prorations", "none"])
    discounts = chance.choice([{}, {"discounts": _discounts(chance, stage)}])
    return chance.choice(choices) | discounts | {"proration_behavior": behavior}


def _discounts(chance: random.Random, stage: Stage) -> Any:
    """Discounts of the whole subscription: up to two new ones, or none any more."""
    offs: list[dict[str, Any]] = [
        {"percent_off": 45},
        {"percent_off": 100, "duration": "once"},
        {"amount_off": 700, "currency": stage.currency},
    ]
    coupons = stage.client.v1.coupons
    given = chance.sample(offs, chance.randrange(3))
    return [{"coupon": coupons.create({"duration": "forever"} | one).id} for one in given] or ""


def _of_its_own(chance: random.Random, stage: Stage, items: list[Any]) -> list[dict[str, Any]]:
    """Changes by inline prices and discounts of single items."""
    product = stage.client.v1.products.create({"name": "Own"}).id
    once = {
        "currency": stage.currency,
        "product": product,
        "unit_amount": chance.randrange(-500, 2_000),
    }
    monthly = once | {"unit_amount": chance.randrange(3_000), "recurring": {"interval": "month"}}
    offs: list[dict[str, Any]] = [
        {"percent_off": 30},
        {"amount_off": 400, "currency": stage.currency},
    ]
    off = chance.choice(offs)
    duration = chance.choice(["forever", "once"])
    coupon = stage.client.v1.coupons.create({**off, "duration": duration}).id
    discounts = [{"coupon": coupon}]
    return [
        {"items": [{"price_data": monthly, "discounts": discounts}]},
        {"items": [{"id": items[0].id, "discounts": discounts, "price_data": monthly}]},
        {"items": [{"id": items[-1].id, "discounts": discounts}]},
        {"add_invoice_items": [{"price_data": once, "discounts": discounts}]},
    ]
