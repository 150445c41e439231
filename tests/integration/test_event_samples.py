"""Every function, invoked with its sample in ``events/``, does what it is there for."""

import base64
import gzip
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from meterline.api.auth import forget_cached
from meterline.services.account.api_keys import create_key
from meterline.services.base.context import Context
from meterline.services.base.outbox import Origin
from meterline.services.subscriptions.create import create_subscription
from meterline.services.work.due_work import do_due_work
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.directory import forget_directory
from tests.engines import ROOT, Engine
from tests.handlers import load_handler
from tests.rights import keeping_to_its_rights

DAY = 86_400
KEY = "sk_test_ReplaceThisByAKeyOfYourOwn000000000000000000"
METER = "mtr_test_61SampleMeter00000000000000000000"
CUSTOMER = "cus_SampleCustomer0000"
SUBSCRIPTION = "sub_SampleSubscription00"
INVOICE = "in_SampleInvoice0000000"
TOKEN = "test_SampleInvoice0000000_0123456789abcdefghijAB"
CLOCK = "clock_SampleClock000000"


@dataclass
class Samples:
    """Invokes functions with their samples; ``ids`` take the place of the made-up ones."""

    engine: Engine
    ids: dict[str, str] = field(default_factory=dict)

    def invoke(self, name: str, function: str) -> Any:
        """What the function answers to its sample; HTTP answers decoded, and successful.

        It must not use a table in a way that the template gives it no right to.
        """
        with keeping_to_its_rights(f"{name}Function", self.engine):
            answer = load_handler(function)(self.sample(name), None)
        if "statusCode" not in answer:
            return answer
        assert answer["statusCode"] == 200, answer["body"]
        return json.loads(answer["body"])

    def sample(self, name: str) -> Any:
        """A sample, about real objects."""
        return self._known(json.loads((ROOT / "events" / f"{name}.json").read_text()))

    def post(self, function: str, path: str, params: Mapping[str, str]) -> Any:
        """A call of our own, made from the sample of customers."""
        event = self.sample("ServeCustomers")
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["headers"].pop("idempotency-key")
        event["body"] = "&".join(f"{name}={value}" for name, value in params.items())
        event["isBase64Encoded"] = False
        answer = load_handler(function)(event, None)
        assert answer["statusCode"] == 200, answer["body"]
        return json.loads(answer["body"])

    def stored(self, object_id: str) -> dict[str, Any]:
        """The body of a stored object."""
        document = BillingStore(livemode=False).get(object_id)
        assert document is not None
        body: dict[str, Any] = document.body
        return body

    def _known(self, event: dict[str, Any]) -> dict[str, Any]:
        if event.get("isBase64Encoded"):
            event["body"] = base64.b64decode(event["body"]).decode()
            event["isBase64Encoded"] = False
        text = json.dumps(event)
        # The longest first: one may be a part of another.
        for made_up, real in sorted(self.ids.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(made_up, real)
        replaced: dict[str, Any] = json.loads(text)
        return replaced


@pytest.fixture
def samples(dynamodb: Engine) -> Samples:
    forget_cached()
    forget_directory()
    return Samples(dynamodb, {KEY: create_key(livemode=False, name="samples").secret})


@pytest.fixture
def metered(samples: Samples) -> Samples:
    """With the meter and the customer that the samples of usage are about."""
    samples.ids[METER] = samples.invoke("ServeCatalog", "serve_catalog")["id"]
    samples.ids[CUSTOMER] = samples.invoke("ServeCustomers", "serve_customers")["id"]
    return samples


@pytest.fixture
def subscribed(metered: Samples) -> Samples:
    """With a monthly subscription that began 40 days ago and has not been renewed yet."""
    product = metered.post("serve_catalog", "/v1/products", {"name": "Base"})
    price = metered.post(
        "serve_catalog",
        "/v1/prices",
        {
            "product": product["id"],
            "currency": "usd",
            "unit_amount": "1000",
            "recurring[interval]": "month",
        },
    )
    params = {"customer": metered.ids[CUSTOMER], "items": [{"price": price["id"]}]}
    metered.ids[SUBSCRIPTION] = create_subscription(context(40 * DAY), params)["id"]
    return metered


def context(ago_seconds: int) -> Context:
    """The context of work done some time ago."""
    then = int(time.time()) - ago_seconds
    return Context(BillingStore(livemode=False), then, then, Origin("req_sample", None))


def test_the_catalogue_makes_a_meter(samples: Samples) -> None:
    assert samples.invoke("ServeCatalog", "serve_catalog")["event_name"] == "tokens"


def test_customers_makes_a_customer(samples: Samples) -> None:
    assert samples.invoke("ServeCustomers", "serve_customers")["name"] == "Ada Lovelace"


def test_alerts_makes_an_alert_on_the_meter(metered: Samples) -> None:
    alert = metered.invoke("ServeAlerts", "serve_alerts")
    assert alert["usage_threshold"]["meter"] == metered.ids[METER]


def test_an_accepted_event_is_stored_and_answered(metered: Samples) -> None:
    event = metered.invoke("IngestMeterEvents", "ingest_meter_events")
    assert event["identifier"] == "sample-1"
    assert len(metered.engine.scan("meter_events")) == 1


def test_a_delivered_event_is_counted_once_however_often_it_comes(metered: Samples) -> None:
    for _ in range(2):
        answer = metered.invoke("CountUsage", "count_usage")
        assert answer == {"batchItemFailures": []}
    hours = [item for item in metered.engine.scan("usage") if item["sk"]["S"].startswith("h#")]
    assert [item["sums"]["S"].split()[1] for item in hours] == ["25"]


def test_counters_are_compared_with_their_events(metered: Samples) -> None:
    stored = metered.sample("CountUsage")["Records"][0]["dynamodb"]["NewImage"]
    del stored["expires_at"]
    for name in ("request", "fingerprint"):  # Lambda's JSON has base64, the engine takes bytes
        stored[name] = {"B": b"sample"}
    metered.engine.client.put_item(TableName=metered.engine.tables["meter_events"], Item=stored)
    answer = metered.invoke("ReconcileUsage", "reconcile_usage")
    assert answer == {"buckets": 1, "differences": 1, "unreadable": 0}
    types = [event["type"] for event in metered.invoke("ServeEvents", "serve_events")["data"]]
    assert "meterline.usage_difference.found" in types


def test_counted_usage_is_summed_up(metered: Samples) -> None:
    metered.invoke("CountUsage", "count_usage")
    summaries = metered.invoke("ServeUsage", "serve_usage")["data"]
    assert [summary["aggregated_value"] for summary in summaries] == [25]


def test_usage_that_crosses_a_threshold_triggers_the_alert(metered: Samples) -> None:
    metered.invoke("ServeAlerts", "serve_alerts")
    metered.invoke("CountUsage", "count_usage")
    assert metered.invoke("WatchUsage", "watch_usage") == {"batchItemFailures": []}
    types = [event["type"] for event in metered.invoke("ServeEvents", "serve_events")["data"]]
    assert "billing.alert.triggered" in types


def test_a_committed_event_is_published_on_both_topics(samples: Samples) -> None:
    heard = {name: subscribe(samples.engine, name) for name in ("events", "alerts")}
    assert samples.invoke("PublishEvents", "publish_events") == {"batchItemFailures": []}
    for queue in heard.values():
        messages = boto3.client("sqs").receive_message(QueueUrl=queue)["Messages"]
        told = json.loads(json.loads(messages[0]["Body"])["Message"])
        assert told["type"] == "billing.alert.triggered"


def test_a_message_of_a_delivery_that_is_gone_is_done(samples: Samples) -> None:
    assert samples.invoke("DeliverWebhooks", "deliver_webhooks") == {"batchItemFailures": []}


def test_what_is_due_is_sent_to_its_queue(subscribed: Samples) -> None:
    assert subscribed.invoke("DispatchDueWork", "dispatch_due_work")["sent"] == 1
    queue = subscribed.engine.environment["METERLINE_RENEWALS_QUEUE_URL"]
    messages = boto3.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(messages[0]["Body"])["id"] == subscribed.ids[SUBSCRIPTION]


def test_a_due_subscription_rolls_into_the_period_of_now(subscribed: Samples) -> None:
    answer = subscribed.invoke("RollBillingCycles", "roll_billing_cycles")
    assert answer == {"batchItemFailures": []}
    item = subscribed.stored(subscribed.ids[SUBSCRIPTION])["items"]["data"][0]
    assert item["current_period_start"] <= time.time() < item["current_period_end"]


def test_a_draft_whose_hour_has_come_is_finalised(subscribed: Samples) -> None:
    do_due_work(context(9 * DAY), subscribed.ids[SUBSCRIPTION])
    invoice = subscribed.invoke("ServeInvoices", "serve_invoices")["data"][0]
    assert invoice["billing_reason"] == "subscription_cycle"
    subscribed.ids[INVOICE] = invoice["id"]
    answer = subscribed.invoke("ProduceInvoices", "produce_invoices")
    assert answer == {"batchItemFailures": []}
    assert subscribed.stored(invoice["id"])["status"] != "draft"


def make_final(subscribed: Samples) -> None:
    """Let there be a final invoice, whose address the samples ask for."""
    do_due_work(context(9 * DAY), subscribed.ids[SUBSCRIPTION])
    [drafted] = subscribed.invoke("ServeInvoices", "serve_invoices")["data"][:1]
    subscribed.ids[INVOICE] = drafted["id"]
    subscribed.invoke("ProduceInvoices", "produce_invoices")
    url = subscribed.stored(drafted["id"])["hosted_invoice_url"]
    subscribed.ids[TOKEN] = url.rpartition("/")[2]


def test_the_page_of_an_invoice_needs_no_key_and_only_reads(subscribed: Samples) -> None:
    make_final(subscribed)
    with keeping_to_its_rights("ServeInvoicePagesFunction", subscribed.engine):
        answer = load_handler("serve_invoice_pages")(subscribed.sample("ServeInvoicePages"), None)
    assert answer["statusCode"] == 200
    assert "Rechnung" in gzip.decompress(base64.b64decode(answer["body"])).decode()


def test_the_pdf_of_an_invoice_needs_no_key_and_is_kept(subscribed: Samples) -> None:
    make_final(subscribed)
    with keeping_to_its_rights("ServePdfsFunction", subscribed.engine):
        answer = load_handler("serve_pdfs")(subscribed.sample("ServePdfs"), None)
    assert answer["statusCode"] == 200
    assert base64.b64decode(answer["body"]).startswith(b"%PDF")


def test_subscriptions_are_listed(subscribed: Samples) -> None:
    listed = subscribed.invoke("ServeSubscriptions", "serve_subscriptions")
    assert [one["id"] for one in listed["data"]] == [subscribed.ids[SUBSCRIPTION]]


def test_an_advancing_clock_arrives(samples: Samples) -> None:
    clock = samples.post(
        "serve_customers", "/v1/test_helpers/test_clocks", {"frozen_time": "1700000000"}
    )
    samples.ids[CLOCK] = clock["id"]
    path = f"/v1/test_helpers/test_clocks/{clock['id']}/advance"
    samples.post("serve_customers", path, {"frozen_time": "1700086400"})
    answer = samples.invoke("AdvanceTestClocks", "advance_test_clocks")
    assert answer == {"batchItemFailures": []}
    arrived = samples.stored(clock["id"])
    assert (arrived["status"], arrived["frozen_time"]) == ("ready", 1_700_086_400)


def test_an_unknown_path_is_refused_in_the_api_s_own_words(samples: Samples) -> None:
    event = json.loads((ROOT / "events" / "AnswerUnknownRoute.json").read_text())
    event["headers"]["authorization"] = f"Bearer {samples.ids[KEY]}"
    answer = load_handler("answer_unknown_route")(event, None)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["type"] == "invalid_request_error"


def test_an_empty_list_needs_a_key_and_the_right_to_find_it(samples: Samples) -> None:
    event = json.loads((ROOT / "events" / "AnswerUnknownRoute.json").read_text())
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/v1/charges"
    event["headers"]["authorization"] = f"Bearer {samples.ids[KEY]}"
    forget_cached()
    with keeping_to_its_rights("AnswerUnknownRouteFunction", samples.engine):
        answer = load_handler("answer_unknown_route")(event, None)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["data"] == []


def test_the_console_asks_who_is_there(samples: Samples) -> None:
    with keeping_to_its_rights("ServeConsoleFunction", samples.engine):
        answer = load_handler("serve_console")(samples.sample("ServeConsole"), None)
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"].startswith("text/html")


def subscribe(engine: Engine, topic: str) -> str:
    """A queue that hears a topic."""
    queue = str(boto3.client("sqs").create_queue(QueueName=f"heard-{topic}")["QueueUrl"])
    arn = queue_arn(queue)
    topic_arn = engine.environment[f"METERLINE_{topic.upper()}_TOPIC_ARN"]
    boto3.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return queue


def queue_arn(url: str) -> str:
    """The ARN of a queue."""
    answer = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])
