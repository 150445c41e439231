"""A new kind of object needs one record, its service and its routes; everything else follows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from meterline.api import app
from meterline.api.auth import forget_cached
from meterline.api.lists import listing, retrieve
from meterline.api.openapi import openapi_document
from meterline.api.operations import delete, post
from meterline.api.params.specs import Params, metadata, object_, string
from meterline.api.router import Routes
from meterline.api.routes import customers, events, test_clocks
from meterline.api.searching import searching
from meterline.core.kinds.divisions import Division, Facet
from meterline.core.kinds.kind import Edge, Kind, Queue, Search
from meterline.core.kinds.registry import forget, register
from meterline.services.account.api_keys import create_key
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.base.workers import worker_context
from meterline.services.work.test_clocks import run_test_clock
from meterline.store.base.documents import Body, Change, Document
from meterline.store.base.settings import settings
from meterline.store.billing.repository import BillingStore
from meterline.store.work.queues import DueMessage, queue_of
from tests.contract.answers import WATCH
from tests.engines import Engine
from tests.handlers import gateway_event

NAME = "widget"
GOLD = {"metadata[plan]": "gold"}

WIDGET = Kind(
    name=NAME,
    noun="widget",
    id_prefix="wdg_",
    collection="widgets",
    edges={"customer": Edge("customer")},
    hidden=("recipe",),
    answered=lambda widget, now: widget.update(age=now - widget["created"]),
    emitted=lambda widget: widget | {"told": True},
    division=Division({"size": Facet({"large": 1, "small": 2}, lambda one: str(one["size"]))}),
    search=Search(frozenset({"customer", "metadata", "size"}), owner="customer"),
    queue=Queue.INVOICES,
    belongs_to_customer=True,
)


def create_widget(ctx: Context, params: Params) -> Body:
    """The service of the kind."""
    owner = find(ctx, "customer", params["customer"], param="customer")
    body = {
        "id": new_object_id(NAME),
        "object": NAME,
        "created": ctx.now,
        "customer": owner.id,
        "livemode": ctx.livemode,
        "metadata": params.get("metadata", {}),
        "recipe": "secret",
        "size": params["size"],
        "_": {"private": True},
    }
    document = Document(NAME, ctx.livemode, body, parent=owner.id)
    ctx.save(Change(puts=[document]), [EventDraft("widget.created", body)], result_id=body["id"])
    return body


def delete_widget(ctx: Context, widget_id: str, params: Params) -> Body:
    assert params == {}
    found = find(ctx, NAME, widget_id)
    ctx.save(Change(deletes=[found]), [EventDraft("widget.deleted", found.body)])
    return {"id": widget_id, "object": NAME, "deleted": True}


CREATE = object_(
    customer=string(required=True), metadata=metadata(), size=string(pattern="large|small")
)
ROUTES = Routes(
    [
        post("/v1/widgets", NAME, create_widget, CREATE),
        searching("/v1/widgets/search", NAME),
        listing("/v1/widgets", NAME, filters=object_(size=string())),
        retrieve("/v1/widgets/{id}", NAME),
        delete("/v1/widgets/{id}", NAME, delete_widget),
        *customers.ROUTES.operations,
        *events.ROUTES.operations,
        *test_clocks.ROUTES.operations,
    ]
)


class Shop:
    """Calls of an API that has widgets."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def call(self, method: str, path: str, **params: Any) -> tuple[int, Any]:
        form = urlencode(params)
        target = f"{path}?{form}" if method == "GET" and form else path
        headers = {"authorization": f"Bearer {self.secret}"}
        body = form.encode() if method != "GET" else b""
        answer = app.handle(gateway_event(method, target, headers, body), ROUTES)
        return answer["statusCode"], json.loads(answer["body"])

    def get(self, path: str, **params: Any) -> Any:
        status, body = self.call("GET", path, **params)
        assert status == 200, body
        return body

    def post(self, path: str, **params: Any) -> Any:
        status, body = self.call("POST", path, **params)
        assert status == 200, body
        return body


@pytest.fixture
def shop(dynamodb: Engine) -> Iterator[Shop]:
    assert dynamodb.tables
    forget_cached()
    register(WIDGET)
    yield Shop(create_key(livemode=False, name="tests").secret)
    forget(NAME)
    # The contract knows no widgets, so what is said of them is off its schema.
    WATCH.improper = [one for one in WATCH.improper if NAME not in one]


@pytest.fixture
def ada(shop: Shop) -> str:
    return str(shop.post("/v1/customers", name="Ada")["id"])


def widget(shop: Shop, ada: str, size: str = "small", **params: str) -> Any:
    return shop.post("/v1/widgets", customer=ada, size=size, **params)


def test_it_is_created_and_read_as_the_record_says(shop: Shop, ada: str) -> None:
    made = widget(shop, ada)
    assert made["id"].startswith("wdg_")
    assert made.keys() & {"_", "recipe"} == set()
    read = shop.get(f"/v1/widgets/{made['id']}")
    assert read | {"age": 0} == made | {"age": 0}
    assert read["age"] >= 0


def test_what_is_not_there_is_refused_by_its_noun(shop: Shop) -> None:
    status, body = shop.call("GET", "/v1/widgets/wdg_none")
    assert (status, body["error"]["message"]) == (404, "No such widget: 'wdg_none'")


def test_fields_expand_along_its_edges_and_show_what_is_hidden(shop: Shop, ada: str) -> None:
    made = widget(shop, ada)
    path = f"/v1/widgets/{made['id']}"
    assert shop.get(path, **{"expand[0]": "customer"})["customer"]["name"] == "Ada"
    assert shop.get(path, **{"expand[0]": "recipe"})["recipe"] == "secret"
    status, _ = shop.call("GET", path, **{"expand[0]": "size"})
    assert status == 400


def test_it_is_listed_by_what_divides_its_lists(shop: Shop, ada: str) -> None:
    small, large = widget(shop, ada), widget(shop, ada, "large")
    everything = {one["id"] for one in shop.get("/v1/widgets")["data"]}
    assert everything == {small["id"], large["id"]}
    found = shop.get("/v1/widgets", size="large")
    assert [one["id"] for one in found["data"]] == [large["id"]]


def test_it_is_found_by_its_metadata_and_its_owner(shop: Shop, ada: str) -> None:
    gold = widget(shop, ada, **GOLD)
    widget(shop, ada)
    found = shop.get("/v1/widgets/search", query='metadata["plan"]:"gold"')
    assert [one["id"] for one in found["data"]] == [gold["id"]]
    owned = shop.get("/v1/widgets/search", query=f'customer:"{ada}" AND size:"small"')
    assert len(owned["data"]) == 2
    status, body = shop.call("GET", "/v1/widgets/search", query='name:"x"')
    assert (status, "`widgets`" in body["error"]["message"]) == (400, True)


def test_its_events_say_it_in_both_dialects(shop: Shop, ada: str) -> None:
    made = widget(shop, ada)
    [told] = shop.get("/v1/events", type="widget.created")["data"]
    assert told["data"]["object"] == {
        name: value for name, value in (made | {"told": True}).items() if name != "age"
    }
    [thin] = shop.get("/v2/core/events", object_id=made["id"])["data"]
    assert thin["related_object"] == {
        "id": made["id"],
        "type": "widget",
        "url": f"/v1/widgets/{made['id']}",
    }


def test_a_restricted_key_needs_the_right_that_follows_from_its_collection(
    shop: Shop, ada: str
) -> None:
    made = widget(shop, ada)
    rights = {"customers": "read"}
    shop.secret = create_key(livemode=False, name="restricted", rights=rights).secret
    status, body = shop.call("GET", f"/v1/widgets/{made['id']}")
    assert (status, "'widgets_read'" in body["error"]["message"]) == (403, True)


@pytest.mark.usefixtures("shop")
def test_its_work_goes_to_its_queue_whatever_its_id() -> None:
    message = DueMessage(livemode=False, kind=NAME, object_id="sub_looks_like_another")
    assert queue_of(message) == settings().invoices_queue_url


def test_a_deleted_one_is_found_no_more(shop: Shop, ada: str) -> None:
    made = widget(shop, ada, **GOLD)
    status, body = shop.call("DELETE", f"/v1/widgets/{made['id']}")
    assert (status, body) == (200, {"id": made["id"], "object": NAME, "deleted": True})
    assert shop.get("/v1/widgets")["data"] == []
    assert shop.get("/v1/widgets/search", query='metadata["plan"]:"gold"')["data"] == []


def test_what_belongs_to_customers_goes_with_their_test_clock(shop: Shop) -> None:
    clock = shop.post("/v1/test_helpers/test_clocks", frozen_time=1_700_000_000)["id"]
    bob = shop.post("/v1/customers", test_clock=clock)["id"]
    made = widget(shop, bob)
    shop.call("DELETE", f"/v1/test_helpers/test_clocks/{clock}")
    run_test_clock(worker_context(livemode=False), clock)
    assert BillingStore(livemode=False).get(made["id"]) is None


@pytest.mark.usefixtures("shop")
def test_it_is_described() -> None:
    document = openapi_document(ROUTES.operations)
    assert {"/v1/widgets", "/v1/widgets/{id}"} <= document["paths"].keys()


@pytest.mark.usefixtures("shop")
def test_there_is_one_record_of_a_kind() -> None:
    with pytest.raises(ValueError, match="two records of widget"):
        register(replace(WIDGET, noun="gadget"))
