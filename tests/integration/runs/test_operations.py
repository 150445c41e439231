"""The commands of an operator: what is due and stuck, why is an invoice so, try again."""

import json

import boto3
import pytest

from meterline.services.work.due_work import do_due_work
from meterline_cli import due, explain, redrive
from tests.engines import Engine
from tests.factories.objects import context, customer, licence, listed, meter, metered, subscribe
from tests.integration.runs.worlds import DAY

LONG_AGO = 1_600_000_000
MINIMUM = {"minimum_amount": 500}


def renewed() -> str:
    """A subscription of two seats that fell due long ago; its renewal's invoice."""
    sub = subscribe(customer(), licence(interval="week"), at=LONG_AGO)
    do_due_work(context(LONG_AGO + 7 * DAY), sub["id"])
    return str(listed("invoice")[0]["id"])


def test_due_shows_what_is_due_and_for_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    sub = subscribe(customer(), licence(interval="week"), at=LONG_AGO)
    assert due.run([]) == 0
    shown = capsys.readouterr().out
    assert sub["id"] in shown
    assert "renewals" in shown


def test_due_says_when_nothing_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert due.run(["--live"]) == 0
    assert "Nothing is due." in capsys.readouterr().out


def test_explain_tells_how_each_line_came_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.run([renewed()]) == 0
    shown = capsys.readouterr().out
    assert "1 x 1000 = 1000" in shown
    assert "total 1000" in shown


def test_explain_tells_what_bounds_made_of_a_period(capsys: pytest.CaptureFixture[str]) -> None:
    bounded = metered(meter("tokens", at=LONG_AGO), 3, interval="week", meterline=MINIMUM)
    sub = subscribe(customer(), bounded, at=LONG_AGO)
    do_due_work(context(LONG_AGO + 7 * DAY), sub["id"])
    assert explain.run([str(listed("invoice")[0]["id"])]) == 0
    assert "minimum 500 for 604800 s / 604800 s: 0 - 0 + 500" in capsys.readouterr().out


def test_explain_refuses_an_unknown_invoice(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.run(["in_unknown"]) == 1
    assert "No such invoice" in capsys.readouterr().err


def test_redrive_sends_failed_work_again(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName="renewals-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 5}
    url = engine.environment["METERLINE_RENEWALS_QUEUE_URL"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    for number in range(12):
        body = json.dumps({"livemode": False, "kind": "subscription", "id": f"sub_{number}"})
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    assert due.run([]) == 1, "there are dead letters"
    assert redrive.run(["renewals"]) == 0
    assert "renewals: 12 messages" in capsys.readouterr().out
    depths = {name: _depth(queue) for name, queue in (("dead", dead), ("back", url))}
    assert depths == {"dead": 0, "back": 12}


def _depth(url: str) -> int:
    names = ["ApproximateNumberOfMessages"]
    answer = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])
