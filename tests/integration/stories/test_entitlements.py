"""What customers are entitled to, as their subscriptions come, change, and end."""

from typing import Any

import pytest
import stripe

from meterline.services.base.workers import worker_context
from meterline.services.billing.limited_features import attach_feature
from meterline.services.catalog.features import create_feature
from meterline.services.customers.erasure import erase_customer
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

SUMMARY = "entitlements.active_entitlement_summary"
UPDATED = f"{SUMMARY}.updated"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def product(stage: Stage, *keys: str) -> str:
    """A product with these features."""
    made = str(stage.client.v1.products.create({"name": "-".join(keys) or "Plain"}).id)
    for key in keys:
        attach(stage, made, key)
    return made


def feature(stage: Stage, key: str) -> str:
    """The active feature of a lookup key, which is made if there is none."""
    found = stage.client.v1.entitlements.features.list({"lookup_key": key}).data
    made = (
        found[0]
        if found
        else stage.client.v1.entitlements.features.create({"name": key, "lookup_key": key})
    )
    return str(made.id)


def attach(stage: Stage, product_id: str, key: str) -> str:
    wanted = {"entitlement_feature": feature(stage, key)}
    return str(stage.client.v1.products.features.create(product_id, wanted).id)


def price(stage: Stage, *keys: str, **params: Any) -> str:
    """The price of a new product with these features."""
    return stage.price("", 1000, product=product(stage, *keys), **params)


def entitled(stage: Stage) -> set[str]:
    listed = stage.client.v1.entitlements.active_entitlements.list({"customer": stage.customer})
    return {one.lookup_key for one in listed}


def keys_of(entitlements: Any) -> set[str]:
    return {one["lookup_key"] for one in entitlements["data"]}


def told(stage: Stage) -> list[tuple[set[str], set[str]]]:
    """What each event says that a customer had before, and has now; the oldest first."""
    events = stage.client.v1.events.list({"type": UPDATED, "limit": 100}).data
    return [
        (
            keys_of(event.data.previous_attributes["entitlements"]),
            keys_of(event.data.object["entitlements"]),
        )
        for event in reversed(events)
    ]


def test_a_subscription_entitles_to_the_features_of_its_products(stage: Stage) -> None:
    assert entitled(stage) == set()
    stage.subscribe(price(stage, "export", "search"), price(stage, "search", "audit"))
    assert entitled(stage) == {"export", "search", "audit"}
    assert told(stage) == [(set(), {"export", "search", "audit"})]


def test_an_entitlement_has_the_documented_shape_and_is_found_by_its_id(stage: Stage) -> None:
    stage.subscribe(price(stage, "export"))
    entitlements = stage.client.v1.entitlements.active_entitlements
    [listed] = entitlements.list({"customer": stage.customer, "expand": ["data.feature"]})
    assert listed.id.startswith("ent_test_")
    assert listed.feature.name == "export"
    found = entitlements.retrieve(listed.id)
    assert found.to_dict() == {
        "id": listed.id,
        "object": "entitlements.active_entitlement",
        "feature": listed.feature.id,
        "livemode": False,
        "lookup_key": "export",
    }
    with pytest.raises(stripe.InvalidRequestError, match="No such active entitlement"):
        entitlements.retrieve(listed.id[:-1] + "_")


def test_the_event_shows_ten_entitlements_and_the_list_pages_through_all(stage: Stage) -> None:
    keys = {f"f{number}" for number in range(12)}
    stage.subscribe(price(stage, *sorted(keys)))
    [event] = stage.client.v1.events.list({"type": UPDATED}).data
    summary = event.data.object
    assert (len(summary.entitlements.data), summary.entitlements.has_more) == (10, True)
    assert summary.entitlements.url == f"/v1/customer/{stage.customer}/entitlements"
    listed = stage.client.v1.entitlements.active_entitlements.list(
        {"customer": stage.customer, "limit": 5}
    )
    assert {one.lookup_key for one in listed.auto_paging_iter()} == keys


def told_in_v2(stage: Stage) -> list[tuple[str, set[str]]]:
    """What thin events say was added or removed, the oldest first."""
    kinds = [f"v1.{SUMMARY}.entitlement_added", f"v1.{SUMMARY}.entitlement_removed"]
    events = stage.client.v2.core.events.list({"types": kinds}).data
    for event in events:
        assert event.related_object.id == stage.customer
        assert "snapshot_event" not in event.to_dict()
    return [
        (event.type.rpartition("_")[2], keys_of(event.data.entitlements))
        for event in reversed(events)
    ]


def test_thin_events_tell_which_entitlements_came_and_went(stage: Stage) -> None:
    both, search = price(stage, "export", "search"), price(stage, "search")
    first = stage.subscribe(both)
    stage.subscribe(search)
    stage.client.v1.subscriptions.cancel(first["id"])
    assert told_in_v2(stage) == [("added", {"export", "search"}), ("removed", {"export"})]


def test_v1_shows_nothing_of_events_that_v2_alone_has(stage: Stage) -> None:
    stage.subscribe(price(stage, "export"))
    events = stage.client.v1.events
    assert not [one for one in events.list({"limit": 100}) if "entitlement_" in one.type[30:]]
    assert events.list({"type": f"{SUMMARY}.entitlement_added"}).data == []
    [thin] = stage.client.v2.core.events.list({"types": [f"v1.{SUMMARY}.entitlement_added"]})
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        events.retrieve(thin.id.replace("evt_test_", "evt_"))
    assert stage.client.v2.core.events.retrieve(thin.id).data.customer == stage.customer


def test_several_subscriptions_unite_and_the_last_one_takes_a_feature_along(stage: Stage) -> None:
    first = stage.subscribe(price(stage, "export", "search"))
    second = stage.subscribe(price(stage, "search"))
    assert told(stage) == [(set(), {"export", "search"})]
    stage.client.v1.subscriptions.cancel(first.id)
    assert entitled(stage) == {"search"}
    stage.client.v1.subscriptions.cancel(second.id)
    assert entitled(stage) == set()
    assert told(stage)[1:] == [({"export", "search"}, {"search"}), ({"search"}, set())]


def test_what_is_attached_or_detached_counts_from_the_next_period(stage: Stage) -> None:
    sold = product(stage, "export")
    subscription = stage.subscribe(stage.price("", 1000, product=sold))
    attach(stage, sold, "search")
    [_, exporting] = stage.client.v1.products.features.list(sold).data
    stage.client.v1.products.features.delete(sold, exporting.id)
    stage.change(subscription, metadata={"touched": "yes"}, items=[])
    stage.until("2024-01-31 23:59")
    assert entitled(stage) == {"export"}
    stage.until("2024-02-01")
    assert entitled(stage) == {"search"}
    stage.until("2024-06-02")
    assert told(stage) == [(set(), {"export"}), ({"export"}, {"search"})]


def test_an_item_that_comes_or_changes_its_product_counts_at_once(stage: Stage) -> None:
    subscription = stage.subscribe(price(stage, "export"))
    [item] = subscription["items"].data
    stage.change(subscription, items=[{"price": price(stage, "audit")}])
    assert entitled(stage) == {"export", "audit"}
    stage.change(subscription, items=[{"id": item.id, "price": price(stage, "search")}])
    assert entitled(stage) == {"search", "audit"}
    stage.change(subscription, items=[{"id": item.id, "deleted": True}])
    assert entitled(stage) == {"audit"}


def test_an_archived_feature_is_still_granted_where_a_product_has_it(stage: Stage) -> None:
    sold = product(stage, "export")
    plan = stage.price("", 1000, product=sold)
    stage.subscribe(plan)
    stage.client.v1.entitlements.features.update(feature(stage, "export"), {"active": False})
    stage.until("2024-02-02")
    assert entitled(stage) == {"export"}
    other = stage.client.v1.customers.create({"test_clock": stage.clock}).id
    stage.client.v1.subscriptions.create({"customer": other, "items": [{"price": plan}]})
    listed = stage.client.v1.entitlements.active_entitlements.list({"customer": other})
    assert [one.lookup_key for one in listed] == ["export"]


def test_a_trial_entitles_and_one_that_pauses_does_not(stage: Stage) -> None:
    pausing = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = stage.subscribe(
        price(stage, "export"), trial_end=stage.now + 5 * 86_400, trial_settings=pausing
    )
    assert entitled(stage) == {"export"}
    stage.until("2024-01-06 01:00")
    assert stage.client.v1.subscriptions.retrieve(subscription.id).status == "paused"
    assert entitled(stage) == set()
    stage.client.v1.subscriptions.resume(subscription.id, {"billing_cycle_anchor": "now"})
    assert entitled(stage) == {"export"}


def test_an_incomplete_subscription_entitles_once_it_is_paid(stage: Stage) -> None:
    made = stage.subscribe(price(stage, "export"), payment_behavior="default_incomplete")
    assert (made.status, entitled(stage)) == ("incomplete", set())
    stage.client.v1.invoices.pay(made.latest_invoice, {"paid_out_of_band": True})
    assert entitled(stage) == {"export"}
    assert told(stage) == [(set(), {"export"})]


def test_past_due_keeps_what_unpaid_takes_and_payment_brings_back(stage: Stage) -> None:
    stage.client.raw_request(
        "post",
        "/v1/meterline/settings",
        past_due_window_seconds=7 * 86_400,
        unpaid_window_seconds=7 * 86_400,
        unpaid_action="mark_unpaid",
    )
    subscription = stage.subscribe(price(stage, "export", interval="year"))
    stage.until("2024-01-09")
    assert stage.client.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    assert entitled(stage) == {"export"}
    stage.until("2024-01-16")
    assert stage.client.v1.subscriptions.retrieve(subscription.id).status == "unpaid"
    assert entitled(stage) == set()
    stage.client.v1.invoices.pay(subscription.latest_invoice, {"paid_out_of_band": True})
    assert entitled(stage) == {"export"}
    assert told(stage) == [(set(), {"export"}), ({"export"}, set()), (set(), {"export"})]


def test_a_pause_of_collection_takes_nothing(stage: Stage) -> None:
    subscription = stage.subscribe(price(stage, "export"))
    stage.change(subscription, pause_collection={"behavior": "void"})
    assert entitled(stage) == {"export"}


def test_an_end_at_the_periods_end_takes_features_then(stage: Stage) -> None:
    subscription = stage.subscribe(price(stage, "export"))
    stage.change(subscription, cancel_at_period_end=True)
    assert entitled(stage) == {"export"}
    stage.until("2024-02-01")
    assert entitled(stage) == set()


def test_a_deleted_customer_is_told_to_have_nothing_and_is_not_found(stage: Stage) -> None:
    stage.subscribe(price(stage, "export"))
    stage.client.v1.customers.delete(stage.customer)
    assert told(stage)[-1] == ({"export"}, set())
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        entitled(stage)


def test_erasing_a_customer_leaves_what_it_is_entitled_to(stage: Stage) -> None:
    stage.subscribe(price(stage, "export"))
    assert erase_customer(worker_context(livemode=False), stage.customer)
    assert entitled(stage) == {"export"}


def test_a_customer_is_refused_more_features_than_are_remembered(stage: Stage) -> None:
    sold, ctx = product(stage), worker_context(livemode=False)
    for number in range(50):
        made = create_feature(ctx, {"name": "F", "lookup_key": f"f{number}"})
        attach_feature(ctx, sold, {"entitlement_feature": made["id"]})
    prices = [stage.price("", 1000, product=sold) for _ in range(21)]
    stage.subscribe(*prices[:20])
    with pytest.raises(stripe.InvalidRequestError, match="can have 1000 features at most"):
        stage.subscribe(prices[20])
    assert len(told(stage)) == 1


def test_a_preview_neither_grants_nor_tells(stage: Stage) -> None:
    subscription = stage.subscribe(price(stage, "export"))
    stage.preview(subscription, items=[{"price": price(stage, "search")}])
    assert entitled(stage) == {"export"}
    assert len(told(stage)) == 1
