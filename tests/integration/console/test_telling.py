"""Who is told of what: alerts and whom they told, destinations and what they are sent."""

import json
import re
from decimal import Decimal

import pytest

from meterline.api.console import asking, events
from meterline.api.console.formats import instant
from meterline.services.account.api_keys import create_key
from meterline.services.metering.crossings import Action, Finding, Watched, tell
from tests.engines import Engine
from tests.factories.objects import context, customer, listed, meter, stored
from tests.factories.webhooks import BUSY, OK, Webhooks
from tests.integration.console.operators import Answer, Operator

ALERTS = "/console/alerts"
DESTINATIONS = "/console/destinations"
HOUR = 3_600


def _alert(operator: Operator, **form: str) -> str:
    usual = {"title": "Heavy use", "gte": "100", "recurrence": "billing_period"}
    usual["meter"] = form.get("meter") or meter("calls")
    answer = operator.submit(ALERTS, ALERTS, {**usual, **form})
    assert answer.status == 303, answer.text
    return answer.location.partition("?")[0].rpartition("/")[2]


def _tell(alert: str, whose: str, at: int, value: int, action: Action = "triggered") -> None:
    assert tell(context(at), Finding(Watched(stored(alert), whose), Decimal(value)), action)


def test_an_alert_is_made_for_all_customers_or_for_one(operator: Operator, now: int) -> None:
    whose = customer(at=now)
    for_all, for_one = _alert(operator), _alert(operator, meter=meter("b"), customer=whose)
    assert stored(for_all)["usage_threshold"]["filters"] is None
    assert stored(for_one)["usage_threshold"]["filters"][0]["customer"] == whose
    assert stored(for_one)["usage_threshold"]["gte"] == 100
    assert "usage of 100 or more" in operator.get(f"{ALERTS}/{for_all}").text


@pytest.mark.parametrize(
    "form", [{"gte": "many"}, {"meter": "mtr_no"}, {"customer": "cus_no"}, {"title": ""}]
)
def test_an_alert_that_could_not_be_is_refused(operator: Operator, form: dict[str, str]) -> None:
    usual = {"title": "T", "meter": meter("calls"), "gte": "1", "recurrence": "one_time"}
    answer = operator.submit(ALERTS, ALERTS, {**usual, **form})
    assert answer.status == 400
    assert "That was not done" in answer.text
    assert listed("billing.alert") == []


def test_an_alert_is_silent_active_and_archived(operator: Operator) -> None:
    alert = _alert(operator)
    page = f"{ALERTS}/{alert}"
    for verb, status in (
        ("deactivate", "inactive"),
        ("activate", "active"),
        ("archive", "archived"),
    ):
        assert operator.submit(page, f"{page}/act", {"verb": verb}).status == 303
        assert stored(alert)["status"] == status
    assert page not in operator.get(ALERTS).tags.values("a", "href")
    assert page in operator.get(f"{ALERTS}?status=archived").tags.values("a", "href")
    assert "/act" not in operator.get(page).text


def test_an_alert_s_page_says_who_was_told_when_and_of_what(operator: Operator, now: int) -> None:
    alert, other = _alert(operator), _alert(operator, meter=meter("other"))
    ada, bob = (customer(at=now, name=name) for name in ("Ada Lovelace", "Bob Noyce"))
    _tell(alert, ada, now - HOUR, 12_345)
    _tell(other, bob, now - 2 * HOUR, 99)
    text = operator.get(f"{ALERTS}/{alert}").text
    for shown in ("Ada Lovelace", "12,345", instant(now - HOUR), "triggered"):
        assert shown in text, shown
    assert "Bob Noyce" not in text
    assert "Bob Noyce" in operator.get(f"{ALERTS}/{other}").text


def test_all_that_one_customer_was_told_is_asked_for(operator: Operator, now: int) -> None:
    alert = _alert(operator)
    ada, bob = customer(at=now), customer(at=now)
    _tell(alert, ada, now - HOUR, 12_345)
    _tell(alert, ada, 1_700_000_000, 6_789, "recovered")
    told = operator.get(f"{ALERTS}/{alert}?customer={ada}").text
    assert told.count("12,345") == 2, "among the latest, and of the customer"
    assert told.count("6,789") == 1, "of the customer: it was told three years ago"
    assert "Nothing so far." in operator.get(f"{ALERTS}/{alert}?customer={bob}").text


def _destination(operator: Operator, **form: str) -> Answer:
    usual = {"name": "Accounting", "type": "webhook_endpoint", "event_payload": "thin"}
    usual |= {"url": "https://a.example/hook", "enabled_events": "v1.customer.created"}
    return operator.submit(DESTINATIONS, DESTINATIONS, {**usual, **form})


def _page(answer: Answer) -> str:
    [page] = [one for one in answer.tags.values("a", "href") if one.startswith(f"{DESTINATIONS}/")]
    return page


def test_the_secret_of_a_destination_is_shown_once(operator: Operator) -> None:
    answer = _destination(operator)
    assert "whsec_" in answer.text
    page = _page(answer)
    shown = operator.get(page).text
    assert "whsec_" not in shown
    assert "https://a.example/hook" in shown
    assert page in operator.get(DESTINATIONS).tags.values("a", "href")


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"url": "ftp://a.example"}, "url"),
        ({"event_payload": ""}, "event_payload"),
        ({"enabled_events": "no type"}, "invoice.paid"),
        ({"type": "amazon_eventbridge", "account": "12"}, "12 digits"),
        ({"type": "azure_event_grid"}, "Azure"),
    ],
)
def test_a_destination_that_could_not_be_is_refused(
    operator: Operator, form: dict[str, str], problem: str
) -> None:
    answer = _destination(operator, **form)
    assert answer.status == 400
    assert problem in answer.text
    assert listed("v2.core.event_destination") == []


def test_a_destination_is_disabled_enabled_and_deleted(operator: Operator) -> None:
    page = _page(_destination(operator))
    one = page.rpartition("/")[2]
    for disabled, status in (("true", "disabled"), ("false", "enabled")):
        operator.submit(page, f"{page}/switch", {"disabled": disabled})
        assert stored(one)["status"] == status
    assert operator.submit(page, f"{page}/delete", {}).location == f"{DESTINATIONS}?done=deleted"
    assert operator.get(page).status == 404


@pytest.mark.parametrize(
    ("answer", "status", "looks_again"), [(OK, "succeeded", False), (BUSY, "pending", True)]
)
def test_a_ping_is_sent_and_what_became_of_it_is_seen(
    operator: Operator,
    deployment: Engine,
    monkeypatch: pytest.MonkeyPatch,
    answer: object,
    status: str,
    looks_again: bool,  # noqa: FBT001 - of a table
) -> None:
    webhooks = Webhooks(deployment)
    webhooks.follow(monkeypatch)
    webhooks.receivers.answers["a.example"] = answer  # type: ignore[assignment]  # one of two replies
    page = _page(_destination(operator))
    seen = operator.submit(page, f"{page}/ping", {}).location
    assert "done=pinged" in seen
    assert 'data-again="2"' in operator.get(seen).text, "it is on its way"
    webhooks.deliver()
    text = operator.get(seen).text
    assert f">{status}</span>" in text
    assert ('data-again="2"' in text) == looks_again


def test_a_disabled_destination_offers_no_ping_and_refuses_one(operator: Operator) -> None:
    page = _page(_destination(operator))
    operator.submit(page, f"{page}/switch", {"disabled": "true"})
    assert "Send a ping" not in operator.get(page).text
    refused = operator.submit(page, f"{page}/ping", {})
    assert refused.status == 400
    assert "Enable it first" in refused.text


def test_a_call_of_v2_is_shown_and_sent_as_json() -> None:
    call = asking.Call("POST", "/v2/core/x", {"name": "it's", "a": None, "in": {"b": None, "c": 1}})
    assert json.loads(call.json) == {"name": "it's", "in": {"c": 1}}
    shown = call.curl("https://a.example").replace(" \\\n  ", " ")
    assert shown == (
        'curl https://a.example/v2/core/x -u "$METERLINE_KEY:" '
        """--json '{"name": "it'"'"'s", "in": {"c": 1}}'"""
    )


def _not_taken(operator: Operator, webhooks: Webhooks, events: int) -> None:
    """Let an endpoint be busy when it is sent so many events, and well from then on."""
    page = "/console/webhooks"
    form = {"url": "https://b.example/hook", "enabled_events": "customer.created"}
    assert operator.submit(page, page, form).status == 200
    webhooks.receivers.answers["b.example"] = BUSY
    [hook] = listed("webhook_endpoint")
    for _ in range(events):
        customer(at=hook["created"])  # what happened before there was an endpoint is not sent to it
    webhooks.send()
    del webhooks.receivers.answers["b.example"]
    webhooks.receivers.posts.clear()


def test_all_that_was_not_taken_is_sent_again_some_at_a_time(
    operator: Operator, deployment: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_AT_ONCE", 2)
    webhooks = Webhooks(deployment)
    webhooks.follow(monkeypatch)
    _not_taken(operator, webhooks, 5)
    waiting = "/console/events?delivery=false"
    shown = operator.submit(waiting, "/console/events/retry", {})
    told = []
    while "data-goes-on" in shown.text:
        told.append(_sent(shown))
        form = {name: shown.field(name) for name in ("token", "once", "after", "sent")}
        again = operator.post("/console/events/retry", form)
        shown = operator.post("/console/events/retry", form)
        assert _sent(again) == _sent(shown), "a form that is sent twice acts once"
        webhooks.deliver()
    told.append(_sent(shown))
    assert told == [2, 4, 5]
    assert "These were all." in shown.text
    assert len(webhooks.receivers.posts) == 5, "each of them once"
    assert "Everything is delivered" in operator.get(waiting).text


def _sent(answer: Answer) -> int:
    found = re.search(r"(\d+) events? (?:is|are) on the way again", answer.text)
    assert found
    return int(found[1])


def test_who_may_only_read_is_not_offered_to_send_again_and_cannot(
    operator: Operator, deployment: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks = Webhooks(deployment)
    webhooks.follow(monkeypatch)
    _not_taken(operator, webhooks, 1)
    reader = Operator()
    reader.sign_in(create_key(livemode=False, rights={"*": "read"}).secret)
    page = reader.get("/console/events?delivery=false")
    assert "/console/events/retry" not in page.tags.values("form", "action")
    answer = reader.post("/console/events/retry", {"token": page.field("token"), "once": "o"})
    assert "0 events are on the way again" in answer.text
    assert "does not have the required permissions" in answer.text
    webhooks.deliver()
    assert webhooks.receivers.posts == []
