"""The rules prove something only if they notice when billing goes wrong.

Each planted fault breaks one mechanism; a life among the first few must break a rule by it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from meterline.core.billing import credit_notes, taxes
from meterline.core.billing.credit_notes import Portions, Settlement
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.entitlements import (
    GRANTING,
    GrantPeriod,
    ItemGrant,
    ItemPeriod,
    grants_after,
)
from meterline.core.billing.taxes import Rate, Tax
from meterline.core.credits.application import CreditableInvoice
from meterline.core.subscriptions import item_changes
from meterline.core.subscriptions.item_changes import ProrationLine
from meterline.services.billing import (
    access,
    entitlements,
    line_credits,
    line_taxes,
    redemption,
)
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.credit_notes import credited_parts, note_lines
from meterline.services.credit_notes import decision as notes
from meterline.services.credit_notes import verbs as note_verbs
from meterline.services.invoices import (
    deleted_prorations,
    drafting,
    finalize,
    late_usage,
)
from meterline.services.metering import usage_query
from meterline.services.previews import preview
from meterline.services.previews import renewals as previewed_renewals
from meterline.services.schedules import phase_params
from meterline.services.subscriptions import create, first_periods, handover, prorations, renewals
from meterline.store.base.documents import Body
from tests.faults.lives.kinds import KINDS
from tests.faults.lives.life import Lives
from tests.faults.lives.test_lives import broken

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Subscription,
    )

LIVES = 60

FIRST = {
    "usage_of_before_a_start_that_is_forgotten": 41,
    "late_usage_that_no_invoice_corrects": 29,
    "late_usage_that_is_corrected_again": 29,
    "a_threshold_that_is_billed_again": 17,
    "a_preview_that_forgets_a_discount": 33,
    "a_debit_that_is_deleted_and_comes_back": 40,
    "a_debit_that_is_deleted_under_its_credit": 33,
    "an_end_that_does_not_cut_the_period": 3,
    "an_end_that_does_not_end": 3,
    "usage_of_the_last_second_that_is_dropped": 5,
    "a_second_that_who_stops_and_who_begins_both_bill": 9,
    "usage_of_a_removed_item_that_is_dropped": 10,
    "a_change_of_price_that_counts_the_period_again": 7,
    "a_preview_of_a_start_that_forgets_its_discounts": 5,
    "grants_that_outlive_their_subscription": 4,
    "a_limit_whose_usage_never_begins_anew": 7,
    "a_grant_that_keeps_its_former_period": 7,
    "a_void_invoice_that_keeps_its_credits": 12,
    "credits_that_pay_what_other_lines_give_back": 193,
    "a_note_that_lowers_what_was_paid": 1,
    "a_note_that_keeps_the_taxes": 10,
    "a_rest_that_cannot_be_charged": 51,
    "a_tax_that_comes_back_with_an_amount_and_its_line": 23,
    "a_void_note_that_still_counts": 3,
    "a_note_that_gives_discounts_back_as_money": 8,
    "taxes_in_a_price_that_ignore_each_other": 2,
    "taxes_on_what_discounts_took_off": 3,
    "a_tax_that_an_exempt_customer_owes": 56,
    "a_tax_that_does_not_come_back": 1,
    "defaults_before_the_rates_of_an_item": 4,
    "a_phase_with_one_more_of_each": 5,
}
"""Where to begin to look: some faults need a life of a rare kind. Earlier ones come at the end."""

type Plant = Callable[[pytest.MonkeyPatch], None]


def an_end_that_does_not_cut_the_period(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CyclePeriod, "until", lambda span, _end: span)


def an_end_that_does_not_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(renewals, "ends_at", lambda _subscription, _due: False)


def a_due_instant_that_is_not_moved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        renewals,
        "next_pending_invoice",
        lambda subscription, _after: subscription["next_pending_invoice_item_invoice"],
    )


def a_number_that_is_used_twice(patch: pytest.MonkeyPatch) -> None:
    def numbered(uow: UnitOfWork, invoice: Body) -> Body:
        return invoice | {"number": f"{uow.customer['invoice_prefix']}-0001"}

    patch.setattr(finalize, "numbered", numbered)


def a_period_that_is_billed_twice(patch: pytest.MonkeyPatch) -> None:
    item_lines = renewals.renewal_item_lines

    def twice(*arguments: Any) -> list[Any]:
        lines = item_lines(*arguments)
        return lines + lines[-1:]

    patch.setattr(renewals, "renewal_item_lines", twice)


def usage_of_the_last_second_that_is_dropped(patch: pytest.MonkeyPatch) -> None:
    billed_usage = usage_query.billed_usage

    def dropping(meter: Any, customer: str, start: int, end: int, *more: Any, **mode: Any) -> Any:
        return billed_usage(meter, customer, start, max(start, end - 1), *more, **mode)

    patch.setattr(usage_query, "billed_usage", dropping)


def a_balance_that_is_booked_twice(patch: pytest.MonkeyPatch) -> None:
    change_balance = finalize.change_balance

    def twice(uow: UnitOfWork, amount: int, *more: Any) -> None:
        change_balance(uow, amount, *more)
        change_balance(uow, amount, *more)

    patch.setattr(finalize, "change_balance", twice)


def a_credit_of_more_than_was_charged(patch: pytest.MonkeyPatch) -> None:
    credit_billed = item_changes.credit_billed

    def more(*arguments: Any) -> tuple[ProrationLine, ...]:
        lines = credit_billed(*arguments)
        return tuple(replace(line, amount_minor=2 * line.amount_minor - 1) for line in lines)

    patch.setattr(item_changes, "credit_billed", more)


def a_preview_that_forgets_a_discount(patch: pytest.MonkeyPatch) -> None:
    draft_renewal = renewals.draft_renewal

    def forgetting(uow: UnitOfWork, subscription: "Subscription", *more: Any) -> Any:
        return draft_renewal(uow, subscription | {"discounts": []}, *more)

    patch.setattr(previewed_renewals, "draft_renewal", forgetting)


def a_second_that_who_stops_and_who_begins_both_bill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(handover, "_note", lambda _uow, _notes: None)


def usage_of_a_removed_item_that_is_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(prorations, "bill_usage", lambda *_: None)


def a_change_of_price_that_counts_the_period_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(prorations, "_counting_since", lambda _uow, _of, _old, new, _how: new)


def usage_of_before_a_start_that_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(first_periods, "owing_usage_of", lambda item, _past: item)
    patch.setattr(first_periods, "counting_from", lambda item, _at: item)


def late_usage_that_no_invoice_corrects(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drafting, "late_lines", lambda *_: late_usage.LateLines([], 0))


def late_usage_that_is_corrected_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(late_usage, "with_corrected", lambda note, _billed: note)
    patch.setattr(late_usage, "closed", lambda note, _wall_clock: note)


def a_threshold_that_is_billed_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drafting, "usage_billed", lambda _uow, _item: None)


def a_debit_that_is_deleted_and_comes_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deleted_prorations, "_without_charges", lambda item, _gone: item)


def a_debit_that_is_deleted_under_its_credit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(prorations, "note_credit", lambda *_: None)


def a_preview_of_a_start_that_forgets_its_discounts(patch: pytest.MonkeyPatch) -> None:

    def forgetting(uow: UnitOfWork, params: Body) -> Any:
        return create.start_subscription(uow, params | {"discounts": []})

    patch.setattr(preview, "start_subscription", forgetting)


def grants_that_outlive_their_subscription(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(entitlements, "GRANTING", GRANTING | {"canceled", "paused"})


def a_limit_whose_usage_never_begins_anew(patch: pytest.MonkeyPatch) -> None:
    running = access._running  # noqa: SLF001 - the rule that is broken

    def since_ever(now: int, period: GrantPeriod) -> tuple[int, int, int | None]:
        _, end, resets_at = running(now, period)
        return 0, end, resets_at

    patch.setattr(access, "_running", since_ever)


def a_grant_that_keeps_its_former_period(patch: pytest.MonkeyPatch) -> None:
    def as_before(
        grants: Sequence[ItemGrant], subscription: str, items: dict[str, ItemPeriod], fresh: Any
    ) -> list[ItemGrant]:
        former = {one["item"]: one["period"] for one in grants if "period" in one}
        kept = {item: {**period, **former.get(item, {})} for item, period in items.items()}
        return grants_after(grants, subscription, kept, fresh)  # type: ignore[arg-type]  # as before

    patch.setattr(entitlements, "grants_after", as_before)


def a_void_invoice_that_keeps_its_credits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finalize, "give_credits_back", lambda *_: None)


def units_at_what_they_cost_before_discounts(patch: pytest.MonkeyPatch) -> None:
    def undiscounted(line: Any, amount_minor: int) -> int:
        return max(amount_minor, int(line["amount"]))

    patch.setattr(line_credits, "_for_usage", undiscounted)


def credits_that_pay_what_other_lines_give_back(patch: pytest.MonkeyPatch) -> None:
    def as_if_nothing_came_back(_amount_minor: int, *terms: Any) -> CreditableInvoice:
        return CreditableInvoice(10**12, *terms)

    patch.setattr(line_credits, "CreditableInvoice", as_if_nothing_came_back)


def a_note_that_lowers_what_was_paid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notes, "settle", lambda total, _remaining: Settlement(total, 0))


def a_note_that_forgets_those_before_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notes, "credited_minor", lambda _invoice: 0)


def a_tax_that_comes_back_with_an_amount_and_its_line(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(credited_parts.TaxRooms, "take", lambda _self, _tax, amount: amount)


def a_note_that_keeps_the_taxes(patch: pytest.MonkeyPatch) -> None:
    def none_of_them(_line: Body, portions: Portions, *_: object) -> Portions:
        return replace(portions, taxes=(0,) * len(portions.taxes))

    patch.setattr(note_lines, "with_taxes", none_of_them)


def a_void_note_that_still_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(note_verbs, "without_note", lambda invoice, *_: invoice)


def a_rest_that_cannot_be_charged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notes, "_check_rest", lambda *_: None)


def a_note_that_gives_discounts_back_as_money(patch: pytest.MonkeyPatch) -> None:
    shares = credit_notes.credited

    def without_reductions(billed: Portions, before: Portions, amount_minor: int) -> Portions:
        part = shares(billed, before, amount_minor)
        return replace(part, pretax=(0,) * len(part.pretax))

    patch.setattr(note_lines, "credited", without_reductions)


def taxes_on_what_discounts_took_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(line_taxes, "taxable_minor", lambda line: line["amount"])


def taxes_in_a_price_that_ignore_each_other(patch: pytest.MonkeyPatch) -> None:
    together = taxes.taxes_on

    def one_by_one(amount: int, rates: Sequence[Rate]) -> list[Tax]:
        return [tax for rate in rates for tax in together(amount, [rate])]

    patch.setattr(line_taxes, "taxes_on", one_by_one)


def a_tax_that_an_exempt_customer_owes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(line_taxes, "_REASONS", {})


def a_tax_that_does_not_come_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(line_taxes, "_as_taxed", lambda state, _: replace(state, tax_rates=[]))


def defaults_before_the_rates_of_an_item(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drafting, "_with_rates", lambda line, _item: line)


def a_code_that_is_redeemed_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redemption, "_check_code", lambda *_: None)


def a_phase_with_one_more_of_each(patch: pytest.MonkeyPatch) -> None:
    changed_items = phase_params._changed_items  # noqa: SLF001 - the rule that is broken

    def one_more(*arguments: Any) -> list[Any]:
        changes = changed_items(*arguments)
        return [
            one | {"quantity": one["quantity"] + 1} if "quantity" in one else one for one in changes
        ]

    patch.setattr(phase_params, "_changed_items", one_more)


NOTICED_BY: dict[Plant, set[str]] = {
    an_end_that_does_not_cut_the_period: {
        "a period is cut by the end",
        "every clock becomes ready",
        "what has an end ends in its second",
    },
    an_end_that_does_not_end: {"no work fails (NoProgress)", "what has an end ends"},
    a_due_instant_that_is_not_moved: {"no work fails (NoProgress)"},
    a_number_that_is_used_twice: {"a number is used once"},
    a_period_that_is_billed_twice: {
        "a line stands once",
        "each period is billed once",
        "usage is billed once",
    },
    usage_of_the_last_second_that_is_dropped: {"a line bills the usage of its period"},
    a_balance_that_is_booked_twice: {
        "a balance is the sum of its transactions",
        "an invoice moves the balance by what it says",
    },
    a_credit_of_more_than_was_charged: {"no more comes back than was charged"},
    a_preview_that_forgets_a_discount: {"a preview is the bill"},
    a_second_that_who_stops_and_who_begins_both_bill: {"every second is billed once"},
    usage_of_a_removed_item_that_is_dropped: {"every second is billed once"},
    a_change_of_price_that_counts_the_period_again: {"every second is billed once"},
    usage_of_before_a_start_that_is_forgotten: {"every second is billed once"},
    late_usage_that_no_invoice_corrects: {"late usage is billed once"},
    late_usage_that_is_corrected_again: {"late usage is billed once"},
    a_debit_that_is_deleted_and_comes_back: {
        "no time is given back more often than it was charged"
    },
    a_debit_that_is_deleted_under_its_credit: {
        "no time is given back more often than it was charged"
    },
    a_threshold_that_is_billed_again: {"what thresholds billed is taken off once"},
    a_preview_of_a_start_that_forgets_its_discounts: {"a preview is the bill"},
    grants_that_outlive_their_subscription: {"access is what a recount says"},
    a_limit_whose_usage_never_begins_anew: {"access is what a recount says"},
    a_grant_that_keeps_its_former_period: {"access is what a recount says"},
    a_void_invoice_that_keeps_its_credits: {"a ledger is what is left"},
    units_at_what_they_cost_before_discounts: {"credits pay in their order"},
    credits_that_pay_what_other_lines_give_back: {"credits pay in their order"},
    a_note_that_lowers_what_was_paid: {
        "a note goes where it says",
        "what is not paid is left",
        "what is owed is due",
    },
    a_note_that_forgets_those_before_it: {"notes never exceed"},
    a_tax_that_comes_back_with_an_amount_and_its_line: {"no tax comes back more than it was"},
    a_note_that_keeps_the_taxes: {"taxes come back in proportion"},
    a_void_note_that_still_counts: {"an invoice says what its notes took"},
    a_rest_that_cannot_be_charged: {"what is due can be charged"},
    a_note_that_gives_discounts_back_as_money: {"reductions come back in proportion"},
    taxes_on_what_discounts_took_off: {"a line is taxed by its rates"},
    taxes_in_a_price_that_ignore_each_other: {"a line is taxed by its rates"},
    a_tax_that_an_exempt_customer_owes: {"who is exempt owes no tax"},
    a_tax_that_does_not_come_back: {"what comes back is taxed as it was billed"},
    defaults_before_the_rates_of_an_item: {"an item's rates come before the defaults"},
    a_code_that_is_redeemed_for_ever: {"a code is redeemed as often as it says"},
    a_phase_with_one_more_of_each: {
        "a phase sells what it says",
        "a phase that was agreed on is entered",
    },
}


IN_LIVES_OF_USAGE: set[Plant] = {
    a_second_that_who_stops_and_who_begins_both_bill,
    late_usage_that_no_invoice_corrects,
    late_usage_that_is_corrected_again,
    a_threshold_that_is_billed_again,
}

IN_LIVES_OF_PRORATIONS: set[Plant] = {
    a_debit_that_is_deleted_and_comes_back,
    a_debit_that_is_deleted_under_its_credit,
}

IN_LIVES_OF_OFFERS: set[Plant] = {
    a_void_invoice_that_keeps_its_credits,
    units_at_what_they_cost_before_discounts,
    credits_that_pay_what_other_lines_give_back,
    a_note_that_lowers_what_was_paid,
    a_note_that_gives_discounts_back_as_money,
    taxes_on_what_discounts_took_off,
    taxes_in_a_price_that_ignore_each_other,
    a_tax_that_an_exempt_customer_owes,
    a_tax_that_does_not_come_back,
    defaults_before_the_rates_of_an_item,
    a_code_that_is_redeemed_for_ever,
    a_phase_with_one_more_of_each,
}

IN_LIVES_OF_NOTES: set[Plant] = {
    a_note_that_forgets_those_before_it,
    a_tax_that_comes_back_with_an_amount_and_its_line,
    a_note_that_keeps_the_taxes,
    a_void_note_that_still_counts,
    a_rest_that_cannot_be_charged,
}

LIVES_OF = [
    ("notes", IN_LIVES_OF_NOTES),
    ("usage", IN_LIVES_OF_USAGE),
    ("prorations", IN_LIVES_OF_PRORATIONS),
    ("offers", IN_LIVES_OF_OFFERS),
]


@pytest.mark.parametrize("plant", NOTICED_BY, ids=lambda plant: str(plant.__name__))
def test_some_life_notices(plant: Plant, lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    first = FIRST.get(plant.__name__, 0)
    kind = next((kind for kind, of in LIVES_OF if plant in of), "anything")
    for seed in (*range(first, first + LIVES), *range(first)):
        fault = broken(lives, lives.drawn(seed, KINDS[kind]))
        if fault is not None and fault.rule in NOTICED_BY[plant]:
            print(plant.__name__, seed, fault)
            return
    pytest.fail(f"{plant.__name__} went unnoticed in {LIVES} lives")
