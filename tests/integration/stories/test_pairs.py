"""The table of all pairs of terms that money goes through together: each is held by a test.

Cases that no other story tells are in ``test_pairs_on_bills``.
"""

import ast
from itertools import combinations

import pytest

from tests.engines import ROOT
from tests.integration.stories.test_pairs_on_bills import CASES

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

CASES_ARE_IN = "stories/test_pairs_on_bills"

# one | other | the test that holds the two, without test_; a case of pairs on bills by its name
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
        late | swap | usage_before_a_price_change_is_corrected_at_the_old_price
    """,
    "runs/test_late_usage_records": """
        end | late | the_final_invoice_of_a_cancellation_corrects_what_came_late
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
    CASES_ARE_IN: """
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


def test_the_table_has_every_pair_of_terms() -> None:
    assert set(combinations(TERMS, 2)) <= {(row[1], row[2]) for row in ROWS}


def test_each_pair_is_named_once_and_each_case_is_a_pairs() -> None:
    assert len({frozenset(row[1:3]) for row in ROWS}) == len(ROWS)
    told = [row[3] for row in ROWS if row[0] == CASES_ARE_IN]
    assert sorted(told) == sorted(str(case.__name__) for case in CASES)


@pytest.mark.parametrize("place", sorted(set(TABLE) - {CASES_ARE_IN}))
def test_the_tests_that_hold_pairs_are_there(place: str) -> None:
    source = (ROOT / "tests" / "integration" / f"{place}.py").read_text()
    there = {
        statement.name
        for statement in ast.parse(source).body
        if isinstance(statement, ast.FunctionDef)
    }
    assert {f"test_{row[3]}" for row in ROWS if row[0] == place} <= there
