"""A trial's renewal that comes late, on the wall clock: it leaves out the second that is billed."""

import pytest

from meterline.services.billing.private_states import SubscriptionItemState
from meterline.services.subscriptions import handover
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.renewals import renew_subscription
from meterline.store.base.documents import Body
from meterline.store.billing.repository import BillingStore
from tests.factories.objects import (
    NOW,
    context,
    customer,
    meter,
    metered,
    stored,
    subscribe,
)
from tests.integration.runs.worlds import DAY

DUE = NOW + DAY
"""When the trial ends and another subscription to the same meter is cancelled."""


def priced(name: str) -> str:
    """A price for the usage of a meter of its own."""
    return metered(meter(name))


def end(subscription: Body, at: int) -> None:
    cancel_subscription(context(at), subscription["id"], {"invoice_now": True})


def counts_from(subscription: Body, *, renewed_at: int) -> int:
    """From when on the first item bills usage, once its trial was renewed."""
    document = BillingStore(livemode=False).get(subscription["id"])
    assert document is not None
    renew_subscription(context(renewed_at), document)
    [item] = stored(subscription["id"])["items"]["data"]
    counted_from = SubscriptionItemState.of(item).usage_from
    return int(item["current_period_start"] if counted_from is None else counted_from)


def with_trial(calls: str, whose: str) -> Body:
    sent = "send_invoice"
    return subscribe(whose, calls, trial_end=DUE, collection_method=sent, days_until_due=1)


@pytest.mark.parametrize("between", [0, 1, 5, 30])
def test_starts_and_ends_between_do_not_let_a_second_be_billed_twice(between: int) -> None:
    whose, calls, other = customer(), priced("calls"), priced("other")
    trial, ending = with_trial(calls, whose), subscribe(whose, calls)
    end(ending, DUE)
    for number in range(between):
        at = DUE + 1 + number
        end(subscribe(whose, other, at=at), at)
    assert counts_from(trial, renewed_at=DUE + 60) == DUE + 1


def test_a_second_that_nothing_has_billed_is_billed_by_the_late_renewal() -> None:
    whose, calls, other = customer(), priced("calls"), priced("other")
    trial, ending = with_trial(calls, whose), subscribe(whose, calls)
    end(subscribe(whose, other, at=DUE), DUE)
    end(ending, DUE + 1)
    assert counts_from(trial, renewed_at=DUE + 60) == DUE


def test_the_customer_remembers_a_bounded_number_of_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handover, "_SECONDS_REMEMBERED", 3)
    whose, calls = customer(), priced("calls")
    for number in range(6):
        at = NOW + number
        end(subscribe(whose, calls, at=NOW - 1), at)
    assert sorted(stored(whose)["_"]["handover"]["before"]) == [
        str(NOW + number) for number in (2, 3, 4)
    ]
