"""Work that fails and fails: one dead letter for each, visible, until somebody sends it again."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.services.base import workers
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.services.work import queue_workers
from meterline.services.work.message_tries import MOST_TRIES
from meterline.services.work.queue_workers import do_due_batch
from meterline.services.work.sweep import RESEND_SECONDS, sweep
from meterline.store.base.batches import Throttled
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.base.failures import passes
from meterline.store.billing.repository import BillingStore
from meterline.store.work.queues import DueMessage, enqueue
from meterline.store.work.stuck import KEPT_SECONDS, Stuck, note_stuck, read_stuck
from meterline_cli import due, redrive
from tests.engines import Engine, resources
from tests.factories.objects import NOW, customer, licence, listed, subscribe
from tests.handlers import load_handler
from tests.integration.runs.worlds import DAY, told, with_work
from tests.lambda_context import LambdaContext

QUEUES = ("Renewals", "Invoices", "Clocks")


class Deployment:
    """The sweep, the queue of renewals with its dead letters, and the worker; time passes in it."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        sqs = boto3.client("sqs")
        self.sqs, self.now = sqs, NOW
        self.url = engine.environment["METERLINE_RENEWALS_QUEUE_URL"]
        self.dead = sqs.create_queue(QueueName="renewals-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 5}
        attributes = {"RedrivePolicy": json.dumps(policy)}
        sqs.set_queue_attributes(QueueUrl=self.url, Attributes=attributes)
        monkeypatch.setattr(workers, "wall_clock", lambda: self.now)

    def sweep_for(self, seconds: int) -> int:
        """Sweep every five minutes for so long; what is sent fails or succeeds as often as it may.

        Returns how many messages were sent.
        """
        messages = 0
        for _ in range(seconds // 300):
            self.now += 300
            sweep(self.now, modes=[False])
            found = self.sqs.receive_message(QueueUrl=self.url, VisibilityTimeout=0)
            for message in found.get("Messages", []):
                messages += 1
                self._work_on(message)
        return messages

    def _work_on(self, message: dict[str, str]) -> None:
        """Receive a message until it is done or dead, as Lambda and SQS do."""
        for tries in range(1, MOST_TRIES + 1):
            record = {
                "messageId": "1",
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": str(tries)},
            }
            if do_due_batch([record], work="renewals") == {"batchItemFailures": []}:
                break
        else:
            self.sqs.send_message(QueueUrl=self.dead, MessageBody=message["Body"])
        handle = message["ReceiptHandle"]
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handle)

    def dead_letters(self) -> int:
        names = ["ApproximateNumberOfMessages"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=names)
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def deployment(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    return Deployment(dynamodb, monkeypatch)


def fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_ctx: Context, _document: Document) -> list[Document]:
        raise KeyError("price")

    with_work(monkeypatch, "subscription", lambda _: broken)


def test_work_that_keeps_failing_leaves_one_dead_letter_until_it_is_sent_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sub = subscribe(customer(), licence(interval="day"))
    deployment.now = NOW + DAY
    with monkeypatch.context() as broken:
        fails(broken)
        assert deployment.sweep_for(6 * 3_600) == 1, "it is not sent again and again"
        assert deployment.dead_letters() == 1
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr("meterline_cli.deployment.time.time", lambda: deployment.now)
        assert due.run([]) == 1
        shown = capsys.readouterr().out
        assert sub["id"] in shown
        assert "KeyError" in shown
        redrive.run(["renewals"])
        assert deployment.sweep_for(3_600) == 1, "sent again by the command, it fails again"
        assert deployment.dead_letters() == 1
    redrive.run(["renewals"])
    deployment.sweep_for(300)
    assert deployment.dead_letters() == 0
    assert len(listed("invoice")) == 2
    assert read_stuck(livemode=False, object_ids=[sub["id"]]) == {}


PASSING: dict[str, Exception] = {
    "throttling": ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem"),
    "a batch left undone": Throttled("3 keys could not be read"),
    "a lost race": Conflict("sub_1"),
    "no answer": ReadTimeoutError(endpoint_url="https://aws"),
}


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("receives", [MOST_TRIES, 2 * MOST_TRIES])
def test_what_fails_for_a_passing_reason_is_sent_afresh_in_place_of_becoming_a_dead_letter(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, error: Exception, receives: int
) -> None:
    sub = subscribe(customer(), licence(interval="day"))
    deployment.now = NOW + DAY

    def fails_now(*_: object) -> list[Document]:
        raise error

    body = json.dumps({"livemode": False, "kind": "subscription", "id": sub["id"]})
    attributes = {"ApproximateReceiveCount": str(receives)}
    record = {"messageId": "1", "body": body, "attributes": attributes}
    with monkeypatch.context() as patch:
        patch.setattr(queue_workers, "do_due_work", fails_now)
        assert do_due_batch([record], work="renewals") == {"batchItemFailures": []}
    assert read_stuck(livemode=False, object_ids=[sub["id"]]) == {}
    [message] = deployment.sqs.receive_message(QueueUrl=deployment.url)["Messages"]
    assert DueMessage.parse(message["Body"]).object_id == sub["id"]


@pytest.mark.parametrize("is_our_fault", [False, True])
def test_messages_that_a_queue_is_too_busy_for_fail_for_a_passing_reason(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, *, is_our_fault: bool
) -> None:
    class Sqs:
        def send_message_batch(self, **_: object) -> object:
            return {"Failed": [{"Id": "0", "Code": "Error", "SenderFault": is_our_fault}]}

    monkeypatch.setattr("meterline.store.work.queues.sqs", Sqs)
    message = DueMessage(livemode=False, kind="subscription", object_id="sub_1")
    with pytest.raises((RuntimeError, Throttled)) as refused:
        enqueue([message])
    assert passes(refused.value) is not is_our_fault
    assert dynamodb.tables


def writes_without_moving_on(ctx: Context, document: Document) -> list[Document]:
    """Work as it may be wrong one day: it commits and tells, and its object stays due."""
    events = [EventDraft("customer.subscription.updated", document.body, document.body)]
    ctx.save(Change(puts=[document]), events)
    return [document]


def test_work_that_would_leave_its_object_due_writes_nothing_and_is_one_dead_letter(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub = subscribe(customer(), licence(interval="day"))
    deployment.now = NOW + DAY
    events = len(told())
    with_work(monkeypatch, "subscription", lambda _: writes_without_moving_on)
    assert deployment.sweep_for(6 * 3_600) == 1
    assert deployment.dead_letters() == 1
    [stuck] = read_stuck(livemode=False, object_ids=[sub["id"]]).values()
    assert (stuck.due_at, stuck.reason) == (NOW + DAY, "NoProgress")
    stored = BillingStore(livemode=False).get(sub["id"])
    assert stored is not None
    assert stored.version == 1
    assert len(told()) == events


def test_other_overdue_work_is_still_sent_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, lost = (subscribe(customer(), licence(interval="day"))["id"] for _ in range(2))
    deployment.now = NOW + DAY
    note_stuck(livemode=False, object_id=stuck, stuck=Stuck(NOW + DAY, NOW + DAY, "KeyError"))
    sent: list[str] = []

    def enqueue(messages: list[DueMessage]) -> int:
        ids = [message.object_id for message in messages]
        sent.extend(ids)
        return len(ids)

    monkeypatch.setattr("meterline.services.work.sweep.enqueue", enqueue)
    sweep(deployment.now + 60, modes=[False])
    sent.clear()
    for minutes in range(2, 2 * RESEND_SECONDS // 60, 5):
        sweep(deployment.now + minutes * 60, modes=[False])
    assert set(sent) == {lost}


def test_a_function_that_dies_in_its_last_try_leaves_the_note_too(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub = subscribe(customer(), licence(interval="day"))
    deployment.now = NOW + DAY

    def dies(*_: object) -> list[Document]:
        raise SystemExit

    monkeypatch.setattr(queue_workers, "do_due_work", dies)
    record = {
        "messageId": "1",
        "body": json.dumps({"livemode": False, "kind": "subscription", "id": sub["id"]}),
        "attributes": {"ApproximateReceiveCount": str(MOST_TRIES)},
    }
    with pytest.raises(SystemExit):
        do_due_batch([record], work="renewals")
    [(_, stuck)] = read_stuck(livemode=False, object_ids=[sub["id"]]).items()
    assert (stuck.due_at, stuck.reason) == (NOW + DAY, "the function died")


def test_the_note_of_a_past_instant_means_nothing(deployment: Deployment) -> None:
    sub = subscribe(customer(), licence(interval="day"))
    note_stuck(livemode=False, object_id=sub["id"], stuck=Stuck(NOW, NOW, "KeyError"))
    deployment.now = NOW + DAY
    deployment.sweep_for(600)
    assert len(listed("invoice")) == 2


def test_a_message_that_failed_waits_the_longer_the_more_often_it_has_failed(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub = subscribe(customer(), licence(interval="day"))
    monkeypatch.setattr(workers, "wall_clock", lambda: NOW + DAY)
    fails(monkeypatch)
    waits: list[int] = []

    class Sqs:
        def change_message_visibility(self, **given: object) -> None:
            assert given["ReceiptHandle"] == "handle"
            waits.append(int(str(given["VisibilityTimeout"])))

    monkeypatch.setattr("meterline.store.work.queues.sqs", Sqs)
    for tries in range(1, MOST_TRIES + 3):
        record = {
            "messageId": "1",
            "receiptHandle": "handle",
            "body": json.dumps({"livemode": False, "kind": "subscription", "id": sub["id"]}),
            "attributes": {"ApproximateReceiveCount": str(tries)},
        }
        do_due_batch([record], work="renewals")
    assert waits == [10, 20, 40, 80, 10, 10, 10], "what is given up is soon a dead letter"
    assert dynamodb.tables


WORKERS = {
    "Renewals": ("roll_billing_cycles", "subscription"),
    "Invoices": ("produce_invoices", "invoice"),
    "Clocks": ("advance_test_clocks", "test_helpers.test_clock"),
}


@pytest.mark.parametrize("name", QUEUES)
def test_a_killed_worker_delays_its_batch_no_longer_than_it_could_have_lived(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The queue itself would wait for twelve minutes; a worker can live for two."""
    held: dict[str, int] = {}

    class Sqs:
        def change_message_visibility_batch(self, **given: Any) -> None:
            assert given["QueueUrl"] == dynamodb.environment[f"METERLINE_{name.upper()}_QUEUE_URL"]
            assert len({entry["Id"] for entry in given["Entries"]}) == len(given["Entries"])
            held.update(
                (entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in given["Entries"]
            )

    def dies(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr("meterline.store.work.queues.sqs", Sqs)
    monkeypatch.setattr(queue_workers, "process_messages", dies)
    function, kind = WORKERS[name]
    records = [
        {
            "messageId": str(number),
            "receiptHandle": f"handle {number}",
            "body": json.dumps({"livemode": False, "kind": kind, "id": "object_1"}),
        }
        for number in range(10)
    ]
    with pytest.raises(SystemExit):
        load_handler(function)({"Records": records}, LambdaContext(remaining_milliseconds=119_900))
    assert held == {f"handle {number}": 119 + 15 for number in range(10)}


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_waits_six_times_as_long_as_its_worker_can_live(name: str) -> None:
    """What Lambda advises, so that a batch is not given out twice before a worker has begun."""
    functions = resources("AWS::Serverless::Function").values()
    [timeout] = [
        function["Timeout"]
        for function in functions
        if function["CodeUri"] == f"functions/{WORKERS[name][0]}"
    ]
    visibility = resources("AWS::SQS::Queue")[f"{name}Queue"]["VisibilityTimeout"]
    assert visibility == 6 * timeout


@pytest.mark.parametrize("name", QUEUES)
def test_throttled_receives_leave_a_message_its_tries(name: str) -> None:
    """A receive counts before a worker begins: the last try, which notes, must not be lost so."""
    queues = resources("AWS::SQS::Queue")
    assert queues[f"{name}Queue"]["RedrivePolicy"]["maxReceiveCount"] == 2 * MOST_TRIES
    assert queues[f"{name}DeadLetters"]["MessageRetentionPeriod"] == KEPT_SECONDS
