"""Paging while rows are added, whatever their seconds and ids: each is seen once."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from meterline.api import app
from meterline.services.customers.customers import _new_customer
from tests.factories.objects import context, place
from tests.integration.api.conftest import Api

ROWS = 24
SECONDS = 3
LIMIT = 5
NOW = 1_800_000_000


def _add(customer_id: str, created: int) -> None:
    body = _new_customer(context(created), {})
    place({**body, "id": customer_id, "created": created})


def _ids(dice: random.Random) -> Iterator[str]:
    while True:
        yield f"cus_{dice.randrange(16**12):012x}"


@pytest.mark.parametrize("direction", ["starting_after", "ending_before"])
@pytest.mark.parametrize("seed", [1, 2])
def test_auto_paging_sees_each_row_once_while_others_come(
    api: Api, direction: str, seed: int
) -> None:
    dice = random.Random(seed)
    ids = _ids(dice)
    rows = [(NOW + dice.randrange(SECONDS), next(ids)) for _ in range(ROWS)]
    for created, one in rows:
        _add(one, created)
    first, last = max(rows), min(rows)
    start = {"starting_after": first[1], "ending_before": last[1]}[direction]
    pages = api.client().v1.customers.list({"limit": LIMIT, direction: start})
    seen = []
    for number, customer in enumerate(pages.auto_paging_iter()):
        seen.append(customer.id)
        if number % 3 == 0:
            _add(next(ids), NOW + dice.randrange(SECONDS))
    assert len(seen) == len(set(seen))
    expected = {one for _, one in rows} - {start}
    assert expected <= set(seen)


@pytest.mark.parametrize("direction", ["starting_after", "ending_before", "search"])
def test_a_page_too_long_to_send_is_shorter_and_nothing_is_left_out(
    api: Api, monkeypatch: pytest.MonkeyPatch, direction: str
) -> None:
    for number in range(9):
        _add(f"cus_{number}", NOW + number)
    monkeypatch.setattr(app, "MOST_ANSWER_BYTES", 3_500)
    customers = api.client().v1.customers
    if direction == "search":
        monkeypatch.setattr(app, "MOST_ANSWER_BYTES", 2_500)
        pages = customers.search({"query": f"created>{NOW}", "limit": 8})
        expected = [f"cus_{number}" for number in range(8, 0, -1)]
    elif direction == "starting_after":
        pages = customers.list({"starting_after": "cus_8", "limit": 8})
        expected = [f"cus_{number}" for number in range(7, -1, -1)]
    else:
        pages = customers.list({"ending_before": "cus_0", "limit": 8})
        expected = [f"cus_{number}" for number in range(1, 9)]
    assert 0 < len(pages.data) < 8
    assert pages.has_more
    assert [customer.id for customer in pages.auto_paging_iter()] == expected


@pytest.mark.parametrize("dialect", ["v1", "v2"])
def test_a_page_of_events_too_long_to_send_is_shorter_and_leaves_none_out(
    api: Api, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    client = api.client()
    for number in range(9):
        client.v1.customers.create({"description": str(number)})
    whole = client.v1.events.list({"limit": 100}).data
    monkeypatch.setattr(app, "MOST_ANSWER_BYTES", {"v1": 6_000, "v2": 2_000}[dialect])
    if dialect == "v1":
        page = client.v1.events.list({"limit": 9})
        named = [event.id for event in page.auto_paging_iter()]
    else:
        page = client.v2.core.events.list({"limit": 9})
        named = [event.snapshot_event for event in page.auto_paging_iter()]
    assert 0 < len(page.data) < 9
    assert named == [event.id for event in whole]


def test_an_explanation_too_long_to_send_explains_fewer_lines(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api.client()
    customer = client.v1.customers.create()
    for amount in range(1, 8):
        client.v1.invoice_items.create(
            {"customer": customer.id, "currency": "usd", "amount": amount}
        )
    include = {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    invoice = client.v1.invoices.create(include)
    monkeypatch.setattr(app, "MOST_ANSWER_BYTES", 3_000)
    explained: list[str] = []
    after = ""
    while True:
        path = f"/v1/invoices/{invoice.id}/explanation"
        page = client.raw_request("get", f"{path}{after}").data
        assert 0 < len(page["lines"]) < 7
        explained += [line["id"] for line in page["lines"]]
        if not page["has_more"]:
            break
        after = f"?starting_after={explained[-1]}"
    monkeypatch.undo()
    assert explained == [line.id for line in client.v1.invoices.retrieve(invoice.id).lines.data]


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/events?starting_after={}", "starting_after"),
        ("/v1/events?ending_before={}", "ending_before"),
        ("{}", None),  # errors of v2 name no parameter
    ],
)
def test_a_page_from_an_event_that_is_gone_is_refused_by_the_name_of_its_cursor(
    api: Api, monkeypatch: pytest.MonkeyPatch, path: str, param: str | None
) -> None:
    client = api.client()
    for number in range(3):
        client.v1.customers.create({"description": str(number)})
    last = client.v1.events.list().data[0].id
    following = client.v2.core.events.list({"limit": 1}).next_page_url
    monkeypatch.setattr("meterline.services.events.event_log.stored_event", lambda *_: None)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.raw_request("get", path.format(last if param else following))
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"limit": 3}, ["z", "b", "a"]),
        ({"starting_after": "b"}, ["a", "Z", "-"]),
        ({"ending_before": "a"}, ["z", "b"]),
        ({"ending_before": "-", "limit": 2}, ["a", "Z"]),
        ({"starting_after": "z", "limit": 1}, ["b"]),
    ],
)
def test_ids_of_the_caller_s_choice_have_their_places_in_a_second(
    api: Api, frozen: Callable[[int], None], params: dict[str, Any], expected: list[str]
) -> None:
    frozen(NOW)
    client = api.client()
    for one in ("a", "b", "z", "-", "Z"):
        client.v1.coupons.create({"id": one, "percent_off": 10})
    within = {"created": {"gte": NOW, "lte": NOW}}
    assert [coupon.id for coupon in client.v1.coupons.list({**within, **params})] == expected
    assert client.v1.coupons.list({"created": {"gt": NOW}}).data == []
    assert client.v1.coupons.list({"created": {"lt": NOW}}).data == []


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Stops the clock of requests at a second."""

    def freeze(instant: int) -> None:
        monkeypatch.setattr("meterline.api.app.time.time", lambda: instant)

    return freeze
