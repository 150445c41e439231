"""Two things that meet on a bill: the table of all pairs of terms that money goes through together.

``PAIRS`` names the test that holds each pair; ``test_pairs_that_meet_on_a_bill`` has those that no
other story tells.
"""

import ast
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from tests.engines import ROOT
from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

TERMS = (
    "backdate",
    "balance",
    "discount",
    "end",
    "late",
    "pause",
    "swap",
    "threshold",
    "tiers",
    "trial",
)
"""What a subscription or its customer can have; any two of them can meet."""

HERE = "stories/test_pairs"

# one | other | the test that holds the two, without test_; a case of this file by its name
TABLE = {
    "api/test_billing_thresholds": """
        balance | tiers | a_volume_price_that_gets_cheaper_gives_credit_at_the_end
        discount | threshold | discounts_take_their_part_of_each_difference_once
        end | threshold | what_a_threshold_billed_is_not_billed_again_by_a_cancellation
        threshold | tiers | tiers_continue_across_the_invoices_of_a_period
    """,
    "api/test_currency_isolation": """
        balance | currency | credit_in_dollars_pays_nothing_else
        currency | discount | an_amount_off_stays_in_its_currency
        currency | swap | a_subscription_keeps_its_currency_for_life
    """,
    "runs/test_late_usage": """
        discount | late | usage_that_was_cancelled_late_comes_back_at_what_was_charged_for_it
        end | late | the_final_invoice_of_a_cancellation_corrects_what_came_late
        late | swap | usage_before_a_price_change_is_corrected_at_the_old_price
    """,
    "stories/test_changes": """
        balance | swap | a_downgrade_that_is_invoiced_at_once_leaves_credit
    """,
    "stories/test_deleted_prorations": """
        deletion | draft | a_debit_that_is_deleted_with_its_draft_is_not_given_back
        deletion | end | time_that_an_end_won_back_is_given_back_if_it_is_charged
        deletion | pause | a_pause_credits_nothing_of_a_deleted_debit
        deletion | swap | another_change_credits_nothing_of_a_deleted_debit
    """,
    "stories/test_each_event_once": """
        pause | usage | what_stops_counting_bills_its_own_second
    """,
    "stories/test_ending_at_once": """
        balance | end | a_final_invoice_below_zero_is_booked_to_the_balance_when_it_is_final
    """,
    "stories/test_ends_and_anchors": """
        end | pause | a_paused_subscription_ends_when_it_was_to_end
    """,
    "stories/test_ends_and_changes": """
        end | swap | a_change_of_items_and_end_at_once_charges_up_to_the_new_end
    """,
    "stories/test_ends_and_trials": """
        balance | pause | an_invoice_that_a_pause_voids_gives_the_credit_back_that_it_used
        pause | trial | a_trial_without_a_payment_method_ends_as_told
    """,
    "stories/test_lines_of_tiers": """
        discount | tiers | a_coupon_s_amount_is_taken_once_off_an_item_s_tiers
        late | tiers | late_usage_corrects_all_tiers_by_one_line
    """,
    "stories/test_money": """
        discount | swap | prorations_have_the_discount_inside
    """,
    HERE: """
        backdate | balance | balance_and_backdate
        backdate | currency | backdate_in_yen
        backdate | deletion | backdate_and_deletion
        backdate | discount | backdate_and_discount
        backdate | end | backdate_and_end
        backdate | late | backdate_and_late
        backdate | pause | backdate_and_pause
        backdate | swap | backdate_and_swap
        backdate | threshold | backdate_and_threshold
        backdate | tiers | backdate_and_tiers
        balance | deletion | balance_and_deletion
        balance | discount | balance_and_discount
        balance | late | balance_and_late
        balance | threshold | balance_and_threshold
        balance | trial | balance_and_trial
        discount | pause | discount_and_pause
        end | tiers | end_and_tiers
        late | pause | late_and_pause
        late | threshold | late_and_threshold
        late | trial | late_and_trial
        pause | threshold | threshold_and_pause
        pause | tiers | pause_and_tiers
        swap | usage | swap_and_date
        threshold | trial | threshold_and_trial
        tiers | trial | tiers_and_trial
        trial | once | trial_and_item_for_once
    """,
    "stories/test_previews_in_a_pause": """
        pause | swap | a_change_in_a_pause_is_billed_as_previewed
    """,
    "stories/test_reports_of_changes": """
        swap | trial | seats_that_change_in_a_trial_cost_nothing_until_it_is_over
    """,
    "stories/test_reports_of_discounts": """
        discount | trial | a_coupon_for_once_waits_behind_a_trial
    """,
    "stories/test_reports_of_metered_prices": """
        swap | threshold | a_metered_price_changes_after_a_threshold_was_billed
    """,
    "stories/test_reports_of_modes": """
        end | trial | an_end_within_a_trial_shortens_it_in_classic_mode_for_good
    """,
    "stories/test_reports_of_starts": """
        backdate | trial | a_trial_can_follow_a_time_that_is_billed
        backdate | usage | usage_before_a_backdated_subscription_is_billed
        trial | config | an_anchor_by_its_day_counts_from_the_end_of_the_trial
    """,
    "stories/test_what_comes_back": """
        discount | draft | a_discount_that_a_renewals_draft_got_counts_for_what_comes_back_of_it
        discount | end | unused_time_comes_back_with_the_discounts_that_it_was_billed_with
    """,
    "stories/test_years_of_terms": """
        swap | tiers | tiers_give_way_to_a_flat_price_in_the_middle_of_march
    """,
}

ROWS = [
    (place, *(cell.strip() for cell in row.split("|")))
    for place, rows in TABLE.items()
    for row in rows.strip().splitlines()
]
_TIERS: dict[str, Any] = {
    "billing_scheme": "tiered",
    "tiers_mode": "graduated",
    "tiers": [{"up_to": 10, "unit_amount": 10}, {"up_to": "inf", "unit_amount": 1}],
}
"""Twelve units cost 1.02."""
_HALFWAY = "2024-01-16 12:00"
_RENEWED = "2024-02-01 02:00"


def totals(stage: Stage) -> list[int]:
    return [one.total for one in stage.invoices()]


def due(stage: Stage) -> list[int]:
    return [one.amount_due for one in stage.invoices()]


def waiting(stage: Stage) -> list[int]:
    params: Any = {"customer": stage.customer, "pending": True}
    return sorted(one.amount for one in stage.client.v1.invoice_items.list(params).data)


def coupon(stage: Stage, **params: Any) -> list[dict[str, str]]:
    return [{"coupon": str(stage.client.v1.coupons.create(params).id)}]


def credit(stage: Stage, amount: int) -> None:
    booked: Any = {"amount": -amount, "currency": "usd"}
    stage.client.v1.customers.balance_transactions.create(stage.customer, booked)


def bill_late(stage: Stage) -> None:
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")


def use_late(stage: Stage, value: int, when: str) -> None:
    """Usage of a period whose invoice is final, as the stream of the counters brings it."""
    stage.use(value, when)
    watch_usage(stage.api.engine)


def metered(stage: Stage) -> str:
    return stage.metered("Calls", stage.meter(), 1)


def swap(stage: Stage, made: Any, amount: int) -> None:
    item = {"id": made["items"].data[0].id, "price": stage.price("Other", amount)}
    stage.change(made, items=[item])


def pause(stage: Stage, made: Any) -> None:
    how: Any = {"type": "subscription", "invoicing_behavior": "invoice"}
    stage.client.v1.subscriptions.pause(made.id, how)


# ------------------------------------------------------------------ changes dated back


def swap_and_date(stage: Stage) -> list[int]:
    """A change that takes effect before the last one counts no usage again."""
    meter = stage.meter()
    made = stage.subscribe(stage.metered("A", meter, 10))
    stage.use(1)
    stage.until("2024-01-20")
    for price, params in [(7, {}), (3, {"proration_date": at("2024-01-10")})]:
        stage.use(10, "2024-01-15")
        item = {"id": made["items"].data[0].id, "price": stage.metered("B", meter, price)}
        stage.change(made, items=[item], **params)
    stage.use(100)
    stage.until(_RENEWED)
    return totals(stage)


# ------------------------------------------------------------------ starts dated back


def backdated(stage: Stage, price: str, **params: Any) -> Any:
    return stage.subscribe(price, backdate_start_date=at("2023-11-01"), **params)


def backdate_and_discount(stage: Stage) -> list[int]:
    """A coupon for once takes its part of all periods of the first invoice."""
    half = coupon(stage, percent_off=50, duration="once")
    backdated(stage, stage.price("Base", 1_000), discounts=half)
    return totals(stage)


def balance_and_backdate(stage: Stage) -> list[int]:
    """Credit pays past periods first."""
    credit(stage, 3_500)
    backdated(stage, stage.price("Base", 1_000))
    stage.until(_RENEWED)
    return due(stage)


def backdate_in_yen(stage: Stage) -> list[int]:
    stage.currency = "jpy"
    backdated(stage, stage.price("Base", 1_000))
    return totals(stage)


def backdate_and_deletion(stage: Stage) -> list[int]:
    """Of a change that is deleted nothing comes back, however many periods were billed at once."""
    made = backdated(stage, stage.price("Base", 1_000))
    stage.until(_HALFWAY)
    swap(stage, made, 3_000)
    params: Any = {"customer": stage.customer, "pending": True}
    [debit] = [one for one in stage.client.v1.invoice_items.list(params).data if one.amount > 0]
    stage.client.v1.invoice_items.delete(debit.id)
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True})
    return waiting(stage)


def backdate_and_end(stage: Stage) -> list[int]:
    """Past periods in full, and the present one up to the end."""
    backdated(stage, stage.price("Base", 1_000), cancel_at=at(_HALFWAY))
    stage.until(_RENEWED)
    return totals(stage)


def backdate_and_late(stage: Stage) -> list[int]:
    """Usage of a past period that comes after its bill is on the next one."""
    bill_late(stage)
    calls = metered(stage)
    stage.use(100, "2023-12-10")
    stage.subscribe(calls, backdate_start_date=at("2023-12-01"))
    stage.until("2024-01-02")
    use_late(stage, 40, "2023-12-20")
    stage.until(_RENEWED)
    return totals(stage)


def backdate_and_pause(stage: Stage) -> list[int]:
    """A pause gives back of the running period alone."""
    made = backdated(stage, stage.price("Base", 1_000))
    stage.until(_HALFWAY)
    pause(stage, made)
    return totals(stage)


def backdate_and_swap(stage: Stage) -> list[int]:
    made = backdated(stage, stage.price("Base", 1_000))
    stage.until(_HALFWAY)
    swap(stage, made, 3_000)
    return waiting(stage)


def backdate_and_threshold(stage: Stage) -> list[int]:
    """What a past period used is billed with the start; the threshold counts from then on."""
    calls = metered(stage)
    stage.use(600, "2023-12-10")
    start, terms = at("2023-12-01"), {"amount_gte": 500}
    stage.subscribe(calls, backdate_start_date=start, billing_thresholds=terms)
    for day, units in (("05", 400), ("07", 200)):
        stage.until(f"2024-01-{day}")
        stage.use(units)
        stage.until(f"2024-01-{day} 12:00")
    stage.until(_RENEWED)
    return totals(stage)


def backdate_and_tiers(stage: Stage) -> list[int]:
    """Each past period goes through the tiers by itself."""
    calls = stage.metered("Calls", stage.meter(), **_TIERS)
    stage.use(12, "2023-12-05")
    stage.use(12, "2023-12-20")
    start, anchor = at("2023-11-15"), at("2024-01-15")
    stage.subscribe(calls, backdate_start_date=start, billing_cycle_anchor=anchor)
    stage.use(12)
    stage.until("2024-01-15 02:00")
    return totals(stage)


# ------------------------------------------------------------------ credit and discounts


def balance_and_deletion(stage: Stage) -> list[int]:
    """A draft that is deleted has used no credit."""
    credit(stage, 500)
    once: Any = {"customer": stage.customer, "amount": 700, "currency": "usd"}
    stage.client.v1.invoice_items.create(once)
    params: Any = {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    stage.client.v1.invoices.delete(stage.client.v1.invoices.create(params).id)
    return [stage.client.v1.customers.retrieve(stage.customer).balance or 0]


def balance_and_discount(stage: Stage) -> list[int]:
    """A discount comes off before credit pays."""
    credit(stage, 300)
    half = coupon(stage, percent_off=50, duration="once")
    stage.subscribe(stage.price("Base", 1_000), discounts=half)
    return due(stage)


def balance_and_late(stage: Stage) -> list[int]:
    """Credit pays late usage with the invoice that corrects it."""
    bill_late(stage)
    stage.subscribe(metered(stage))
    stage.use(100)
    stage.until(_RENEWED)
    use_late(stage, 140, "2024-01-20")
    credit(stage, 90)
    stage.until("2024-03-01 02:00")
    return due(stage)


def balance_and_threshold(stage: Stage) -> list[int]:
    """Credit is used once: by the threshold's invoice, and then by the renewal's."""
    credit(stage, 630)
    stage.subscribe(metered(stage), billing_thresholds={"amount_gte": 500})
    stage.until("2024-01-05")
    stage.use(600)
    stage.until("2024-01-06")
    stage.use(200)
    stage.until(_RENEWED)
    return due(stage)


def balance_and_trial(stage: Stage) -> list[int]:
    """Credit waits behind a trial."""
    credit(stage, 500)
    stage.subscribe(stage.price("Base", 1_000), trial_period_days=10)
    stage.until("2024-01-11 02:00")
    return due(stage)


def discount_and_pause(stage: Stage) -> list[int]:
    """A pause gives back what a coupon for once has left to pay."""
    half = coupon(stage, percent_off=50, duration="once")
    made = stage.subscribe(stage.price("Base", 1_000), discounts=half)
    stage.until(_HALFWAY)
    pause(stage, made)
    return totals(stage)


# ------------------------------------------------------------------ trials


def trial_and_item_for_once(stage: Stage) -> list[int]:
    """What is sold once is charged with the trial's first invoice."""
    product = stage.client.v1.products.create({"name": "Set-up"}).id
    once = {"currency": "usd", "product": product, "unit_amount": 700}
    price = stage.price("Base", 1_000)
    stage.subscribe(price, trial_period_days=10, add_invoice_items=[{"price_data": once}])
    stage.until("2024-01-11 02:00")
    return totals(stage)


def tiers_and_trial(stage: Stage) -> list[int]:
    """Free usage uses up no tier."""
    calls = stage.metered("Calls", stage.meter(), **_TIERS)
    stage.subscribe(calls, trial_period_days=10)
    stage.use(50)
    stage.until("2024-01-12")
    stage.use(12)
    stage.until("2024-02-11 02:00")
    return totals(stage)


def late_and_trial(stage: Stage) -> list[int]:
    """Usage of a trial is free also if it comes late."""
    bill_late(stage)
    stage.subscribe(metered(stage), trial_period_days=10)
    stage.until("2024-01-12")
    use_late(stage, 50, "2024-01-05")
    stage.until("2024-03-11 02:00")
    return totals(stage)


# ------------------------------------------------------------------ ends and pauses


def end_and_tiers(stage: Stage) -> list[int]:
    """A period that is cut has all of its tiers: usage is not prorated."""
    calls = stage.metered("Calls", stage.meter(), **_TIERS)
    stage.subscribe(calls, cancel_at=at(_HALFWAY))
    stage.use(12)
    stage.until(_RENEWED)
    return totals(stage)


def threshold_and_pause(stage: Stage) -> list[int]:
    """A pause bills what a threshold has not."""
    made = stage.subscribe(metered(stage), billing_thresholds={"amount_gte": 500})
    stage.use(600)
    stage.until("2024-01-05")
    stage.until("2024-01-06")
    stage.use(40)
    pause(stage, made)
    return totals(stage)


def threshold_and_trial(stage: Stage) -> list[int]:
    """A trial that is given later bills what a threshold has not, and then nothing."""
    made = stage.subscribe(metered(stage), billing_thresholds={"amount_gte": 500})
    stage.use(600)
    stage.until("2024-01-05")
    stage.until("2024-01-06")
    stage.use(40)
    stage.change(made, trial_end=at("2024-03-01"))
    stage.use(1_000)
    stage.until("2024-02-10")
    return totals(stage)


def pause_and_tiers(stage: Stage) -> list[int]:
    """The cycle that begins after a pause goes through the tiers anew."""
    made = stage.subscribe(stage.metered("Calls", stage.meter(), **_TIERS))
    stage.use(12)
    stage.until("2024-01-10")
    pause(stage, made)
    stage.until("2024-01-12")
    stage.use(1_000)
    stage.until("2024-01-14")
    stage.client.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})
    stage.until("2024-01-15")
    stage.use(12)
    stage.until("2024-02-14 02:00")
    return totals(stage)


# ------------------------------------------------------------------ late usage


def late_and_pause(stage: Stage) -> list[int]:
    """Usage of before a pause that comes in it is on the first renewal after it."""
    bill_late(stage)
    made = stage.subscribe(metered(stage))
    stage.use(100)
    stage.until("2024-01-10")
    pause(stage, made)
    stage.until("2024-01-11")
    use_late(stage, 40, "2024-01-05")
    stage.client.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})
    stage.until("2024-02-11 02:00")
    return totals(stage)


def late_and_threshold(stage: Stage) -> list[int]:
    """Late usage of a period that a threshold has billed a part of is billed once."""
    bill_late(stage)
    stage.subscribe(metered(stage), billing_thresholds={"amount_gte": 500})
    stage.until("2024-01-05")
    stage.use(600)
    stage.until("2024-01-06")
    stage.use(50)
    stage.until(_RENEWED)
    use_late(stage, 40, "2024-01-04")
    stage.until("2024-03-01 02:00")
    return totals(stage)


CASES: dict[Callable[[Stage], list[int]], list[int]] = {
    swap_and_date: [21 * 10 + 100 * 3],
    backdate_and_discount: [1_500],
    balance_and_backdate: [0, 500],
    backdate_in_yen: [3_000],
    backdate_and_deletion: [-500],
    backdate_and_end: [2_500],
    backdate_and_late: [100, 40],
    backdate_and_pause: [3_000, -500],
    backdate_and_swap: [-500, 1_500],
    backdate_and_threshold: [600, 600, 0],
    backdate_and_tiers: [102, 114],
    balance_and_deletion: [-500],
    balance_and_discount: [200],
    balance_and_late: [100, 50],
    balance_and_threshold: [0, 170],
    balance_and_trial: [0, 500],
    discount_and_pause: [500, -250],
    trial_and_item_for_once: [700, 1_000],
    tiers_and_trial: [102],
    late_and_trial: [0, 0],
    end_and_tiers: [102],
    threshold_and_pause: [600, 40],
    threshold_and_trial: [600, 40],
    pause_and_tiers: [102, 102],
    late_and_pause: [100, 40],
    late_and_threshold: [600, 50, 40],
}


CLASSIC: dict[Callable[[Stage], list[int]], list[int]] = {
    swap_and_date: [0, 100 * 3],  # usage of before a change is not billed
    backdate_and_late: [0, 140],  # usage of past periods is billed with the next cycle
    backdate_and_threshold: [0, 600, 600, 0],
    backdate_and_tiers: [0, 126],
    balance_and_late: [0, 100, 50],
    balance_and_threshold: [0, 0, 170],
    end_and_tiers: [0, 102],
    late_and_pause: [0, 100, 0, 40],
    late_and_threshold: [0, 600, 50, 40],
    late_and_trial: [0, 0, 0, 0],
    pause_and_tiers: [0, 102, 0, 102],
    threshold_and_pause: [0, 600, 40],
    threshold_and_trial: [0, 600, 40],
    tiers_and_trial: [0, 0, 102],
}
"""Where classic mode bills otherwise: a start, also after a trial or a pause, has a line of 0."""


@pytest.mark.parametrize("mode", ["flexible", "classic"])
@pytest.mark.parametrize("meeting", CASES, ids=lambda case: str(case.__name__))
def test_pairs_that_meet_on_a_bill(
    api: Api, meeting: Callable[[Stage], list[int]], mode: str
) -> None:
    stage = Stage(api, "2024-01-01", terms={"billing_mode": {"type": mode}})
    expected = CASES | (CLASSIC if mode == "classic" else {})
    assert meeting(stage) == expected[meeting]


def test_the_table_has_every_pair_of_terms() -> None:
    assert set(combinations(TERMS, 2)) <= {(row[1], row[2]) for row in ROWS}


def test_each_pair_is_named_once_and_each_case_is_a_pairs() -> None:
    assert len({frozenset(row[1:3]) for row in ROWS}) == len(ROWS)
    told = [row[3] for row in ROWS if row[0] == HERE]
    assert sorted(told) == sorted(str(case.__name__) for case in CASES)


@pytest.mark.parametrize("place", sorted(set(TABLE) - {HERE}))
def test_the_tests_that_hold_pairs_are_there(place: str) -> None:
    source = (ROOT / "tests" / "integration" / f"{place}.py").read_text()
    there = {one.name for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)}
    assert {f"test_{row[3]}" for row in ROWS if row[0] == place} <= there
