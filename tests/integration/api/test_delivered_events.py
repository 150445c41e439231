"""Events by whether they were delivered: a page reads a bounded part, whatever few it shows."""

import re
from dataclasses import replace
from typing import Any

import pytest
import stripe

from meterline.api.routes import events as routes
from meterline.services.events import thin_listing
from meterline.services.events.deliveries import DeliveryState
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import BillingStore
from tests.factories.webhooks import BUSY, Webhooks
from tests.integration.api.conftest import Client
from tests.integration.api.test_webhook_deliveries import DAY, delivery, endpoint, happen
from tests.integration.reads import items_read

LOOKED_AT = 10
TAKEN = {"delivery_success": True}
MISSED = {"delivery_success": False}


@pytest.fixture(autouse=True)
def short_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages look at few events, so that few are many."""
    monkeypatch.setattr(routes, "MOST_LOOKED_AT", LOOKED_AT)
    monkeypatch.setattr(thin_listing, "MOST_LOOKED_AT", LOOKED_AT)


def happened(client: Client, webhooks: Webhooks, numbers: range) -> list[str]:
    """Events that are older than all others and are on their way: their ids, as lists have them."""
    [like] = client.v1.events.list({"type": "customer.created", "limit": 1}).data
    store, created = BillingStore(livemode=False), like.created - DAY
    box = store.get(like.id[:-3])
    assert box is not None
    [event] = box.body["events"]
    for number in numbers:
        box_id = f"evt_{number:021}"
        events = [{**event, "id": f"{box_id}000", "created": created}]
        body = {"id": box_id, "created": created, "events": events}
        later = (box.expires_at or 0) + 60  # than the endpoint that is to be sent it
        store.put(replace(box, body=body, stored=None, version=0, expires_at=later))
    webhooks.publish()
    return [f"evt_{number:021}000" for number in reversed(numbers)]


def place_after_refusal(client: Client, **params: Any) -> str:
    """Where a refusal says that a list goes on."""
    with pytest.raises(stripe.InvalidRequestError, match="Go on with") as refusal:
        client.v1.events.list(params)
    assert (refusal.value.param, refusal.value.http_status) == ("delivery_success", 400)
    found = re.search(r"`(?:starting_after|ending_before)=(evt_\d+)`", str(refusal.value))
    assert found is not None
    return found[1]


def test_one_event_among_many_is_found_by_going_on_and_each_page_reads_as_much(
    client: Client, webhooks: Webhooks
) -> None:
    newest = happen(client)
    [taken] = happened(client, webhooks, range(1))
    endpoint(client)
    costs = []
    for numbers in (range(1, 61), range(61, 121)):
        ids = happened(client, webhooks, numbers)
        with items_read() as items:
            place = place_after_refusal(client, **TAKEN, starting_after=newest.id)
        costs.append(items[0])
        assert place == ids[LOOKED_AT - 1]
    assert costs[0] == costs[1]
    for _ in range(11):
        place = place_after_refusal(client, **TAKEN, starting_after=place)
    listed = client.v1.events.list({**TAKEN, "starting_after": place})
    assert ([one.id for one in listed], listed.has_more) == ([taken], False)


def test_the_same_holds_towards_newer_events(client: Client, webhooks: Webhooks) -> None:
    newest = happen(client)
    [oldest] = happened(client, webhooks, range(1))
    endpoint(client)
    ids = happened(client, webhooks, range(1, 15))
    place = place_after_refusal(client, **TAKEN, ending_before=oldest)
    assert place == ids[-LOOKED_AT]
    listed = client.v1.events.list({**TAKEN, "ending_before": place})
    assert newest.id in [one.id for one in listed]


def test_a_page_that_is_not_full_says_that_more_may_follow(
    client: Client, webhooks: Webhooks
) -> None:
    happen(client)
    taken = happened(client, webhooks, range(50, 52))
    endpoint(client)
    happened(client, webhooks, range(50))
    params = {**TAKEN, "type": "customer.created", "limit": 5}
    listed = client.v1.events.list(params)
    assert [one.id for one in listed][-2:] == taken
    assert (len(listed.data) < 5, listed.has_more) == (True, True)


def test_what_a_deleted_endpoint_has_not_taken_is_missed_by_nobody(
    client: Client, webhooks: Webhooks
) -> None:
    gone, hook = endpoint(client, "gone.example"), endpoint(client, "a.example")
    webhooks.receivers.answers = {"gone.example": BUSY, "a.example": BUSY}
    event = happen(client)
    webhooks.send()

    def listed() -> list[list[str]]:
        found = [client.v1.events.list({**params}).data for params in (MISSED, TAKEN)]
        return [[one.id for one in page] for page in found]

    assert listed() == [[event.id], []]
    client.v1.webhook_endpoints.delete(gone.id)
    assert listed() == [[event.id], []]
    client.v1.webhook_endpoints.delete(hook.id)
    assert listed() == [[], [event.id]]


def test_deliveries_that_are_no_events_of_v1_are_passed_over_up_to_a_number(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    webhooks.receivers.answers["a.example"] = BUSY
    event = happen(client)
    webhooks.send()
    known = delivery(event, hook)
    for number in range(LOOKED_AT):
        own = f"evt_test_{number}"
        state = DeliveryState(failures=1, endpoints=1, held_by=own, type="v2.own")
        body = state.on({**known.body, "id": f"whd_{own}.{hook.id}", "event": own})
        body["created"] = event.created + 5
        BillingStore(livemode=False).put(replace(known, body=body, stored=None, version=0))
    with pytest.raises(stripe.InvalidRequestError, match=rf"created\[lte\]={event.created + 5}"):
        client.v1.events.list(MISSED)
    [found] = client.v1.events.list({**MISSED, "created": {"lt": event.created + 5}})
    assert found.id == event.id


def test_a_page_of_v2_may_be_empty_and_says_where_it_goes_on(client: Client) -> None:
    event = happen(client)
    about = event.data.object.id
    for _ in range(2 * LOOKED_AT):
        happen(client)
    pages, address = [], f"/v2/core/events?object_id={about}&limit=1"
    while address:
        page = client.raw_request("get", address).data
        pages.append([one["related_object"]["id"] for one in page["data"]])
        address = page["next_page_url"]
    assert pages == [[], [], [about]]
    found = client.v2.core.events.list({"object_id": about}).auto_paging_iter()
    assert [one.related_object.id for one in found] == [about]


def test_a_page_of_v2_that_was_halved_goes_on_after_what_it_shows() -> None:
    shown = {"id": "shown"}
    entries = [
        thin_listing.ThinEntry(5, None, "evt_5"),
        thin_listing.ThinEntry(4, shown, "evt_4"),
        thin_listing.ThinEntry(3, shown, Cursor(3, "report")),
        thin_listing.ThinEntry(2, None, "evt_2"),
    ]
    page, start = thin_listing.ThinPage(entries, has_more=True), thin_listing.Place("evt_6")
    assert page.place_after(start, 1) == thin_listing.Place("evt_4")
    assert page.place_after(start, 2) == thin_listing.Place("evt_2", Cursor(3, "report"))
