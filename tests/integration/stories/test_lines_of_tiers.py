"""Prices with tiers make several lines: one for each tier reached, one for each flat amount.

The figures of 1,031 credits are those of an invoice that Gitpod keeps among its public fixtures
(2022-12); the others follow from "each line is rounded by itself".
"""

from typing import Any

import pytest

from meterline.services.account.settings_changes import update_settings
from tests.factories.objects import context
from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

_CREDITS = [
    {"up_to": 1_000, "unit_amount": 0, "flat_amount": 900},
    {"up_to": "inf", "unit_amount_decimal": "3.6", "flat_amount": 0},
]
_HALVES = [
    {"up_to": 3, "unit_amount_decimal": "0.5"},
    {"up_to": "inf", "unit_amount_decimal": "0.5"},
]
_SEATS = [
    {"up_to": 5, "unit_amount": 700, "flat_amount": 300},
    {"up_to": "inf", "unit_amount": 500},
]
_GRADUATED: dict[str, Any] = {"billing_scheme": "tiered", "tiers_mode": "graduated"}
_VOLUME: dict[str, Any] = {"billing_scheme": "tiered", "tiers_mode": "volume"}
_RENEWED = "2024-02-01 02:00"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def _product(stage: Stage, name: str, unit_label: str) -> dict[str, Any]:
    made = stage.client.v1.products.create({"name": name, "unit_label": unit_label})
    return {"product": made.id}


def _lines(invoice: Any) -> list[tuple[str, int, int]]:
    return [(line.description, line.amount, line.quantity) for line in invoice.lines.data]


def _amounts(invoice: Any) -> list[int]:
    return [line.amount for line in invoice.lines.data]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_usage_has_a_line_for_each_tier_and_for_each_flat_amount(stage: Stage, mode: str) -> None:
    product = _product(stage, "Gitpod Usage", "credit")
    price = stage.metered("", stage.meter(), tiers=_CREDITS, **_GRADUATED, **product)
    made = stage.subscribe(price, billing_mode={"type": mode})
    stage.use(1_031)
    stage.until(_RENEWED)
    invoice = stage.invoices()[-1]
    assert _lines(invoice) == [
        ("1000 credit × Gitpod Usage (Tier 1 at $0.00 / month)", 0, 1_000),
        ("Gitpod Usage (Tier 1 at $9.00 / month)", 900, 0),
        ("31 credit × Gitpod Usage (Tier 2 at $0.036 / month)", 112, 31),
        ("Gitpod Usage (Tier 2 at $0.00 / month)", 0, 0),
    ]
    assert invoice.total == 1_012
    lines = invoice.lines.data
    assert len({line.id for line in lines}) == 4
    items = {line.parent.subscription_item_details.subscription_item for line in lines}
    assert items == {made["items"].data[0].id}


def test_the_explanation_of_a_line_is_its_own_tier(stage: Stage) -> None:
    stage.subscribe(stage.metered("Credits", stage.meter(), tiers=_CREDITS, **_GRADUATED))
    stage.use(1_031)
    stage.until(_RENEWED)
    invoice = stage.invoices()[-1]
    told = stage.client.raw_request("get", f"/v1/invoices/{invoice.id}/explanation").data
    steps = [line["explanation"]["steps"] for line in told["lines"]]
    assert [[(one["tier"], one["amount"]) for one in of] for of in steps] == [
        [(1, "0")],
        [(1, "900")],
        [(2, "111.6")],
        [(2, "0")],
    ]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_each_tier_is_rounded_by_itself(stage: Stage, mode: str) -> None:
    stage.client.v1.customers.update(stage.customer, {"balance": 1_000})
    price = stage.metered("Calls", stage.meter(), tiers=_HALVES, **_GRADUATED)
    made = stage.subscribe(price, billing_mode={"type": mode})
    stage.use(6)
    assert _amounts(stage.preview(made)) == [2, 2]
    stage.until(_RENEWED)
    assert (_amounts(stage.invoices()[-1]), stage.invoices()[-1].total) == ([2, 2], 4)


def test_no_usage_shows_the_first_tier(stage: Stage) -> None:
    stage.subscribe(stage.metered("Basic", stage.meter(), tiers=_CREDITS, **_GRADUATED))
    stage.until(_RENEWED)
    assert _lines(stage.invoices()[-1]) == [
        ("0 × Basic (Tier 1 at $0.00 / month)", 0, 0),
        ("Basic (Tier 1 at $9.00 / month)", 900, 0),
    ]


def test_a_volume_price_shows_the_tier_that_is_reached(stage: Stage) -> None:
    tiers = [
        {"up_to": 10, "unit_amount": 1_000},
        {"up_to": "inf", "unit_amount": 800, "flat_amount": 50},
    ]
    price = stage.metered("Hosting", stage.meter(), tiers=tiers, **_VOLUME)
    made = stage.subscribe(price)
    stage.use(9)
    assert _lines(stage.preview(made)) == [("9 × Hosting (Tier 1 at $10.00 / month)", 9_000, 9)]
    stage.use(20)
    assert _lines(stage.preview(made)) == [
        ("29 × Hosting (Tier 2 at $8.00 / month)", 23_200, 29),
        ("Hosting (Tier 2 at $0.50 / month)", 50, 0),
    ]


def test_texts_tell_packages_unit_labels_and_currencies(stage: Stage) -> None:
    stage.currency = "eur"
    packages = {"transform_quantity": {"divide_by": 60, "round": "up"}}
    seconds = stage.metered("Voice", stage.meter(), 8, **packages)
    users = stage.price("", 3_000, **_product(stage, "Team", "user"))
    plain = stage.price("Hello local", 3_000)
    given = [{"price": users, "quantity": 10}, {"price": seconds}, {"price": plain}]
    stage.subscribe(items=given)
    stage.use(9_892)
    stage.until(_RENEWED)
    first, renewal = stage.invoices()
    assert _lines(first) == [
        ("10 user × Team (at €30.00 / month)", 30_000, 10),
        ("1 × Hello local (at €30.00 / month)", 3_000, 1),
    ]
    assert ("9892 × Voice (at €0.08 per 60 units / month)", 165 * 8, 9_892) in _lines(renewal)


def test_usage_counted_after_the_draft_reaches_more_tiers_or_fewer(stage: Stage) -> None:
    """The lines that were there keep their ids."""
    stage.subscribe(stage.metered("Credits", stage.meter(), tiers=_CREDITS, **_GRADUATED))
    stage.use(900)
    stage.until("2024-02-01 00:10")
    draft = stage.invoices()[-1]
    assert (draft.status, _amounts(draft)) == ("draft", [0, 900])
    stage.use(131, "2024-01-20")
    stage.until("2024-02-01 02:00")
    final = stage.invoices()[-1]
    assert (final.status, _amounts(final), final.total) == ("open", [0, 900, 112, 0], 1_012)
    assert [line.id for line in final.lines.data][:2] == [line.id for line in draft.lines.data]
    stage.use(1_031)
    stage.until("2024-03-01 00:10")
    assert _amounts(stage.invoices()[-1]) == [0, 900, 112, 0]
    stage.use(-131, "2024-02-20")
    stage.until("2024-03-01 02:00")
    assert _amounts(stage.invoices()[-1]) == [0, 900]


def test_a_coupon_s_amount_is_taken_once_off_an_item_s_tiers(stage: Stage) -> None:
    coupon = stage.client.v1.coupons.create(
        {"amount_off": 500, "currency": "usd", "duration": "forever"}
    ).id
    price = stage.metered("Credits", stage.meter(), tiers=_CREDITS, **_GRADUATED)
    stage.subscribe(items=[{"price": price, "discounts": [{"coupon": coupon}]}])
    stage.use(1_031)
    stage.until(_RENEWED)
    invoice = stage.invoices()[-1]
    assert (sum(_amounts(invoice)), invoice.subtotal, invoice.total) == (1_012, 512, 512)


def test_threshold_invoices_take_off_what_all_tiers_billed(stage: Stage) -> None:
    """A coupon has its part of what is new, on whichever lines that is."""
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    price = stage.metered("Credits", stage.meter(), tiers=_CREDITS, **_GRADUATED)
    stage.subscribe(price, billing_thresholds={"amount_gte": 1_000}, discounts=[{"coupon": coupon}])
    stage.use(1_400)
    stage.until("2024-01-05")
    [first] = stage.invoices()
    assert (first.billing_reason, _amounts(first)) == (
        "subscription_threshold",
        [0, 900, 1_440, 0],
    )
    assert first.total == 1_170
    stage.use(100)
    stage.until(_RENEWED)
    renewal = stage.invoices()[-1]
    assert _amounts(renewal) == [0, 900, 1_800, 0, -2_340]
    assert (renewal.subtotal, renewal.total) == (360, 180)


def test_late_usage_corrects_all_tiers_by_one_line(stage: Stage) -> None:
    update_settings(context(), {"late_usage": "next_invoice"})
    stage.subscribe(stage.metered("Credits", stage.meter(), tiers=_CREDITS, **_GRADUATED))
    stage.use(900)
    stage.until("2024-02-01 02:00")
    stage.use(131, "2024-01-20")
    watch_usage(stage.api.engine)
    stage.until("2024-03-01 02:00")
    [late] = [line for line in stage.invoices()[-1].lines.data if "Late" in line.description]
    assert (late.amount, int(late.quantity_decimal)) == (112, 131)


def test_a_credit_gives_back_all_tiers_and_names_their_lines(stage: Stage) -> None:
    """6,300 were paid for ten seats; halfway through January one line gives half of it back."""
    seats = stage.price("Seats", tiers=_SEATS, **_GRADUATED)
    made = stage.subscribe(
        items=[{"price": seats, "quantity": 10}], billing_mode={"type": "flexible"}
    )
    [first] = stage.invoices()
    assert _lines(first) == [
        ("5 × Seats (Tier 1 at $7.00 / month)", 3_500, 5),
        ("Seats (Tier 1 at $3.00 / month)", 300, 0),
        ("5 × Seats (Tier 2 at $5.00 / month)", 2_500, 5),
    ]
    stage.until("2024-01-16 12:00")
    item = made["items"].data[0].id
    stage.change(made, items=[{"id": item, "quantity": 5}], proration_behavior="always_invoice")
    lines = stage.invoices()[-1].lines.data
    assert sorted(line.amount for line in lines) == [-3_150, 1_900]
    [credit] = [line for line in lines if line.amount < 0]
    details = credit.parent.invoice_item_details or credit.parent.subscription_item_details
    credited = details.proration_details.credited_items
    assert credited.invoice == first.id
    assert sorted(credited.invoice_line_items) == sorted(line.id for line in first.lines.data)


def test_a_stub_of_a_licence_prorates_each_tier_by_itself(stage: Stage) -> None:
    tiers = [
        {"up_to": 1, "unit_amount": 1, "flat_amount": 1},
        {"up_to": "inf", "unit_amount": 3},
    ]
    seats = stage.price("Seats", tiers=tiers, **_GRADUATED)
    stage.until("2024-04-16")
    stage.subscribe(
        items=[{"price": seats, "quantity": 2}],
        billing_cycle_anchor_config={"day_of_month": 1, "hour": 0, "minute": 0, "second": 0},
    )
    [stub] = stage.invoices()
    assert _amounts(stub) == [0, 0, 1], "halves of 1, 1 and 3"
