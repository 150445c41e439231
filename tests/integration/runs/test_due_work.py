"""Workers decide from stored state: late, repeated and half-done work ends in the same bills."""

import json

import pytest

from meterline.services.account.settings_changes import update_settings
from meterline.services.base import workers
from meterline.services.work import due_work, queue_workers
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Conflict, Document
from tests.factories.objects import NOW, context, customer, licence, listed, stored, subscribe
from tests.integration.runs.worlds import DAY, with_work


def work_on(object_id: str, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "wall_clock", lambda: at)
    message = {"livemode": False, "kind": "subscription", "id": object_id}
    record = {"messageId": object_id, "body": json.dumps(message)}
    assert queue_workers.do_due_batch([record], work="renewals") == {"batchItemFailures": []}


def test_after_downtime_each_missed_period_is_billed_by_itself() -> None:
    sub = subscribe(customer(), licence(interval="day"))
    do_due_work(context(NOW + 20 * DAY + 5), sub["id"])
    renewals = [
        invoice
        for invoice in listed("invoice")
        if invoice["billing_reason"] == "subscription_cycle"
    ]
    periods = sorted((renewal["period_start"], renewal["period_end"]) for renewal in renewals)
    assert periods == [(NOW + day * DAY, NOW + (day + 1) * DAY) for day in range(20)]


def test_a_long_downtime_is_caught_up_with_more_than_one_message(
    sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_work, "_MOST_PASSES", 4)
    sub = subscribe(customer(), licence(interval="day"))
    rounds = 0
    sent.append(sub["id"])
    while sent:
        work_on(sent.pop(), NOW + 10 * DAY + 5, monkeypatch)
        rounds += 1
    assert rounds == 3
    assert stored(sub["id"])["items"]["data"][0]["current_period_start"] == NOW + 10 * DAY


def test_an_invoice_without_grace_is_sent_to_be_finalised_at_once(
    sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    update_settings(context(), {"invoice_grace_seconds": 0})
    sub = subscribe(customer(), licence(interval="day"))
    work_on(sub["id"], NOW + DAY, monkeypatch)
    assert sent == [stored(sub["id"])["latest_invoice"]]
    work_on(sent.pop(), NOW + DAY, monkeypatch)
    assert listed("invoice")[0]["status"] == "open"


def test_a_message_that_comes_early_twice_or_late_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sub = subscribe(customer(), licence(interval="day"))
    work_on(sub["id"], NOW + DAY - 1, monkeypatch)
    assert len(listed("invoice")) == 1
    for _ in range(3):
        work_on(sub["id"], NOW + DAY + 7, monkeypatch)
    assert len(listed("invoice")) == 2


def test_a_race_that_is_lost_every_time_is_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sub = subscribe(customer(), licence(interval="day"))

    def loses(*_: object) -> list[Document]:
        raise Conflict("always")

    with_work(monkeypatch, "subscription", lambda _: loses)
    with pytest.raises(Conflict):
        do_due_work(context(NOW + DAY), sub["id"])
