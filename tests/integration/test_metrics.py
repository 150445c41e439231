"""What functions emit is what the template's alarms watch and its dashboard shows, to the last
dimension: CloudWatch takes another set of dimensions for another metric.
"""

import json
from typing import Any

import pytest

from meterline import observability
from meterline.services.base.outbox import EventDraft, batch_ahead, outbox
from meterline.services.invoices.line_verbs import add_lines
from meterline.services.invoices.manual import create_invoice
from meterline.store.base.documents import Document
from meterline.store.base.packing import pack
from tests.engines import Engine
from tests.factories import objects
from tests.factories.streams import inserted
from tests.handlers import load_handler
from tests.lambda_context import LambdaContext
from tests.tax_engine import deployed
from tests.template_metrics import emitted, on_dashboard, watched

RECORDING: dict[str, dict[str, Any]] = {
    "dispatch_due_work": {},
    "reconcile_usage": {},
    "roll_billing_cycles": {"id": "sub_gone"},
    "produce_invoices": {"id": "in_gone"},
    "advance_test_clocks": {"id": "clock_gone"},
    "deliver_webhooks": {"id": "whd_evt_gone.we_gone"},
}
"""The functions that record metrics, and the message that each is given."""


UNREADABLE = {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "1", "NewImage": {}}}


def _event(message: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps({"livemode": False, "kind": "any", **message})
    return {"Records": [{"messageId": "1", "body": body}]} if message else {}


def _told_of_usage() -> dict[str, Any]:
    """The stored events of a commit that tells of usage."""
    customer = Document(
        kind="customer", livemode=False, body={"id": "cus_ada", "object": "customer"}
    )
    drafts = [EventDraft("customer.updated", customer.body)]
    ahead = batch_ahead("cus_ada", accepted_at=1)
    [box] = outbox(drafts, customer, None, now=1, wall_clock=1, ahead=ahead)
    return {"kind": {"S": box.kind}, "body": {"B": pack(box.body)}}


def _draft_without_taxes() -> None:
    """Draft an invoice whose tax engine fails."""
    ctx = objects.context(1_800_000_000)
    asked = {"customer": objects.customer(at=ctx.now), "automatic_tax": {"enabled": True}}
    with deployed() as engine:
        engine.fails = "unreachable"
        draft = create_invoice(ctx, {**asked, "currency": "usd"})
        add_lines(ctx, draft["id"], {"lines": [{"amount": 5, "description": "Help"}]})


@pytest.mark.usefixtures("dynamodb")
def test_the_template_names_every_metric_as_it_is_emitted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observability, "_told", lambda _unit, values: values)  # zeros too
    for function, message in RECORDING.items():
        load_handler(function)(_event(message), None)
    load_handler("count_usage")({"Records": [UNREADABLE]}, LambdaContext("the-function"))
    load_handler("publish_events")({"Records": inserted([_told_of_usage()])}, None)
    _draft_without_taxes()
    found = set(emitted(capsys.readouterr().out))
    assert found == on_dashboard()
    assert found >= set(watched().values())


@pytest.mark.parametrize(
    ("function", "work"),
    [
        ("roll_billing_cycles", "renewals"),
        ("produce_invoices", "invoices"),
        ("advance_test_clocks", "clocks"),
        ("deliver_webhooks", "webhooks"),
    ],
)
def test_what_fails_is_counted_for_the_work_of_its_function(
    dynamodb: Engine, capsys: pytest.CaptureFixture[str], function: str, work: str
) -> None:
    assert dynamodb.tables
    unreadable = {"messageId": "1", "body": "no message of ours"}
    answer = load_handler(function)({"Records": [unreadable]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [counted] = [line for line in lines if "_aws" in line]
    assert (counted["work"], counted.get("WorkDone"), counted["WorkFailed"]) == (work, None, [1])


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize("function", ["count_usage", "watch_usage", "publish_events"])
def test_records_that_are_set_aside_are_counted(
    capsys: pytest.CaptureFixture[str], function: str
) -> None:
    record = {
        "eventName": "INSERT",
        "dynamodb": {"SequenceNumber": "1", "NewImage": {"kind": {"S": "event"}}},
    }
    for _ in range(2):
        load_handler(function)({"Records": [record]}, LambdaContext("the-function"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["RecordsSetAside"] for line in lines if "_aws" in line] == [[1], [1]]
