"""Top customers of a meter, and what was invoiced by month: added up some at each request."""

from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest

from meterline.core.metering.dimensions import MOST_KEYS, VALUE_CHARACTERS
from meterline.services.account.api_keys import create_key
from meterline.services.analytics import invoiced, tallies, top_customers
from meterline.services.metering.series import EVERYTHING
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import Span
from tests.factories.objects import context, stored
from tests.integration.api.conftest import Api
from tests.integration.metering.worlds import deliver
from tests.integration.stories.stage import Stage, at
from tests.rights import keeping_to_its_rights

TOP = "/v1/meterline/analytics/top_customers"
INVOICED = "/v1/meterline/analytics/invoiced"
USED = {"a": (5, 60), "b": (70,), "c": (7,), "d": (), "e": (7,)}


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def ask(stage: Stage, path: str, key: Any = None, **query: Any) -> tuple[int, Any]:
    reply = stage.api.ask("GET", f"{path}?{urlencode(query)}", key=key)
    return reply.status, reply.body


class Users:
    """Five customers on a clock, and what they used of a meter in two days of January 2024."""

    def __init__(self, stage: Stage, formula: str = "sum", **more: Any) -> None:
        self.meter = stage.meter(formula=formula, **more)
        self.ids: dict[str, str] = {}
        client = stage.client
        clocks = [stage.clock]
        for number, (name, values) in enumerate(USED.items()):
            if number % 2 == 1:
                made = client.v1.test_helpers.test_clocks.create({"frozen_time": stage.now})
                clocks.append(made.id)
            customer = client.v1.customers.create({"test_clock": clocks[-1]}).id
            self.ids[name] = customer
            for value in values:
                self.send(stage, name, value)

    def send(self, stage: Stage, name: str, value: int, **more: str) -> None:
        event = {
            "event_name": stage.client.v1.billing.meters.retrieve(self.meter).event_name,
            "payload": {"stripe_customer_id": self.ids[name], "value": str(value), **more},
            "timestamp": stage.now,
        }
        stage.client.v1.billing.meter_events.create(event)
        deliver(stage.api.engine)

    def names(self, rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
        known = {id_: name for name, id_ in self.ids.items()}
        return [(known[row["customer"]], row["value"]) for row in rows]


def top(stage: Stage, users: Users, **query: Any) -> Any:
    asked = {"meter": users.meter, "starts_at": at("2024-01-01"), "ends_at": at("2024-01-02")}
    status, answer = ask(stage, TOP, **asked | query)
    assert status == 200, answer
    return answer


def by_value(users: Users) -> list[tuple[str, str]]:
    """Customers with the same usage stand in the order of their ids."""
    [first, second] = sorted("ce", key=lambda name: users.ids[name])
    return [("b", "70"), ("a", "65"), (first, "7"), (second, "7")]


def test_customers_are_ranked_by_their_usage(stage: Stage) -> None:
    users = Users(stage)
    answer = top(stage, users)
    assert users.names(answer["rows"]["data"]) == by_value(users)
    assert [row["rank"] for row in answer["rows"]["data"]] == [1, 2, 3, 4]
    assert answer | {"rows": {}, "refreshed_at": 0} == {
        "object": "meterline.analytics.top_customers",
        "customers_read": 6,
        "ends_at": at("2024-01-02"),
        "events_counted": 5,
        "is_complete": True,
        "livemode": False,
        "meter": users.meter,
        "refreshed_at": 0,
        "rows": {},
        "starts_at": at("2024-01-01"),
    }
    assert (
        top(stage, users, starts_at=at("2024-01-02"), ends_at=at("2024-01-03"))["rows"]["data"]
        == []
    )


def test_pages_of_a_ranking_follow_each_other(stage: Stage) -> None:
    users = Users(stage)
    first = top(stage, users, limit=3)["rows"]
    assert first["has_more"]
    second = top(stage, users, limit=3, starting_after=first["data"][-1]["id"])["rows"]
    assert not second["has_more"]
    assert users.names([*first["data"], *second["data"]]) == by_value(users)


@pytest.mark.parametrize(("formula", "value"), [("count", "2"), ("max", "60"), ("avg", "32.5")])
def test_customers_are_ranked_by_the_meters_formula(stage: Stage, formula: str, value: str) -> None:
    users = Users(stage, formula)
    rows = users.names(top(stage, users)["rows"]["data"])
    assert dict(rows)["a"] == value


@pytest.mark.parametrize(
    ("formula", "more", "counted"),
    [
        ("sum", {}, 5),
        ("count", {}, 5),
        ("max", {}, 5),
        ("last", {"event_time_window": "hour"}, 4),
        ("weighted_sum", {}, None),
    ],
)
def test_the_events_that_count_are_counted_whatever_the_formula(
    stage: Stage, formula: str, more: dict[str, str], counted: int | None
) -> None:
    users = Users(stage, formula, **more)
    assert top(stage, users)["events_counted"] == counted


def test_all_cells_of_a_customer_are_added_up(stage: Stage) -> None:
    users = Users(stage)
    users.meter = stage.meter("tokens", dimension_payload_keys=["model"])
    users.send(stage, "d", 3, model="large")
    users.send(stage, "d", 4, model="small")
    assert users.names(top(stage, users)["rows"]["data"]) == [("d", "7")]


PARTS: dict[str, tuple[dict[str, Any], list[tuple[str, str, Any]]]] = {
    "by a value": ({"dimension_filters[model]": "large"}, [("d", "3", None), ("a", "2", None)]),
    "by values": (
        {"dimension_filters[model][0]": "large", "dimension_filters[model][1]": "small"},
        [("d", "7", None), ("a", "2", None)],
    ),
    "by groups": (
        {"dimension_group_by_keys[0]": "model"},
        [
            ("a", "9", {"model": "tiny"}),
            ("d", "4", {"model": "small"}),
            ("d", "3", {"model": "large"}),
            ("a", "2", {"model": "large"}),
        ],
    ),
    "both": (
        {
            "dimension_filters[region]": "eu",
            "dimension_group_by_keys[0]": "model",
            "dimension_group_by_keys[1]": "region",
        },
        [
            ("d", "4", {"model": "small", "region": "eu"}),
            ("a", "2", {"model": "large", "region": "eu"}),
        ],
    ),
}


@pytest.mark.parametrize("case", PARTS)
def test_parts_of_usage_are_ranked_by_themselves(stage: Stage, case: str) -> None:
    asked, expected = PARTS[case]
    users = Users(stage)
    users.meter = stage.meter("tokens", dimension_payload_keys=["model", "region"])
    users.send(stage, "d", 3, model="large", region="us")
    users.send(stage, "d", 4, model="small", region="eu")
    users.send(stage, "a", 2, model="large", region="eu")
    users.send(stage, "a", 9, model="tiny", region="us")
    top(stage, users)
    rows = top(stage, users, **asked)["rows"]["data"]
    names = {id_: name for name, id_ in users.ids.items()}
    told = [(names[row["customer"]], row["value"], row["dimensions"]) for row in rows]
    assert told == expected
    assert len({row["id"] for row in rows}) == len(rows)
    page = top(stage, users, **asked, limit=1)["rows"]
    following = top(stage, users, **asked, starting_after=page["data"][0]["id"])["rows"]
    assert [*page["data"], *following["data"]] == rows


@pytest.mark.parametrize(
    "asked", [{"dimension_filters[colour]": "red"}, {"dimension_group_by_keys[0]": "colour"}]
)
def test_a_part_that_the_meter_does_not_tell_apart_is_refused(
    stage: Stage, asked: dict[str, Any]
) -> None:
    meter = stage.meter("tokens", dimension_payload_keys=["model"])
    span = {"starts_at": at("2024-01-01"), "ends_at": at("2024-01-02")}
    status, answer = ask(stage, TOP, meter=meter, **span, **asked)
    assert (status, answer["error"]["param"]) == (400, next(iter(asked)).partition("[")[0])


def test_of_a_customer_that_was_deleted_just_now_no_level_is_ranked(stage: Stage) -> None:
    meter: Any = stored(stage.meter(formula="weighted_sum"))
    gone = stage.client.v1.customers.create({}).id
    stage.client.v1.customers.delete(gone)
    places, whole = [Cursor(stage.now, gone)], EVERYTHING
    nothing: top_customers.Ranking = {"events": 0, "rows": []}
    found = top_customers.ranked(context(), meter, 0, 3_600, whole, nothing, places)
    assert found == (nothing, 1)


def test_a_ranking_by_long_values_is_as_long_as_can_be_stored(stage: Stage) -> None:
    """Each row has the most dimensions, with the longest values, which nothing makes shorter."""
    stage.client.v1.customers.create({})
    chance = Random(1)

    def value() -> str:
        return "".join(chr(chance.randrange(0x10000, 0x20000)) for _ in range(VALUE_CHARACTERS))

    rows: top_customers.Ranked = [
        (f"cus_{number:024}", "1", [(f"key{place}", value()) for place in range(MOST_KEYS)])
        for number in range(top_customers.MOST_RANKED)
    ]
    counting = tallies.Counting(
        "customer", Span(), 10, [], lambda *_: (top_customers.first_of(rows), 1)
    )
    for _ in range(2):
        found = tallies.tally(context(), ("long",), counting)
    kept = [row[0] for row in found.value]
    assert kept == [row[0] for row in rows][: len(kept)]
    assert len(kept) > 20


def test_a_request_reads_some_customers_and_the_next_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(top_customers, "MOST_CUSTOMERS", 4)
    monkeypatch.setattr(top_customers, "MOST_RANKED", 3)
    users = Users(stage)
    first = top(stage, users)
    assert (first["is_complete"], first["customers_read"]) == (False, 4)
    second = top(stage, users)
    assert (second["is_complete"], second["customers_read"]) == (True, 6)
    assert users.names(second["rows"]["data"]) == by_value(users)[:3]
    assert second["events_counted"] == 5, "also those of who stands behind the first"


def test_a_request_reads_fewer_customers_where_each_has_much_and_refuses_too_much_of_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(top_customers, "_AT_ONCE", 1)
    monkeypatch.setattr(top_customers, "MOST_PARTS", 2)
    users = Users(stage)
    answer = top(stage, users)
    assert (answer["is_complete"], 0 < answer["customers_read"] < 6) == (False, True)
    while not answer["is_complete"]:
        answer = top(stage, users)
    assert (answer["customers_read"], answer["events_counted"]) == (6, 5)
    assert users.names(answer["rows"]["data"]) == by_value(users)
    monkeypatch.setattr(top_customers, "MOST_PARTS", 0)
    asked = {"meter": users.meter, "starts_at": 0, "ends_at": at("2024-01-02")}
    status, refused = ask(stage, TOP, **asked)
    assert (status, refused["error"]["param"]) == (400, "ends_at")


def test_a_ranking_is_kept_for_an_hour_and_shown_until_the_next_is_complete(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = Users(stage)
    before = top(stage, users)
    users.send(stage, "d", 1_000)
    assert top(stage, users) == before
    monkeypatch.setattr(tallies, "FRESH_SECONDS", -1)
    monkeypatch.setattr(top_customers, "MOST_CUSTOMERS", 5)
    assert top(stage, users) == before
    after = top(stage, users)
    assert users.names(after["rows"]["data"]) == [("d", "1000"), *by_value(users)]


def test_two_requests_at_once_count_a_part_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(top_customers, "MOST_CUSTOMERS", 4)
    users = Users(stage)
    add = top_customers.ranked
    beside: list[bool] = []

    def interrupted(*args: Any) -> Any:
        if not beside:
            beside.append(True)
            assert top(stage, users)["customers_read"] == 4
        return add(*args)

    monkeypatch.setattr(top_customers, "ranked", interrupted)
    assert top(stage, users)["customers_read"] == 4
    answer = top(stage, users)
    assert (answer["is_complete"], answer["customers_read"]) == (True, 6)
    assert users.names(answer["rows"]["data"]) == by_value(users)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"meter": "mtr_no"}, "meter"),
        ({"starts_at": 30}, "starts_at"),
        ({"ends_at": 0}, "ends_at"),
        ({"starting_after": "mtrtop_no"}, "starting_after"),
    ],
)
def test_a_ranking_that_cannot_be_told_is_refused(
    stage: Stage, query: dict[str, Any], param: str
) -> None:
    asked = {"meter": stage.meter(), "starts_at": 0, "ends_at": 86_400, **query}
    status, answer = ask(stage, TOP, **asked)
    assert (status, answer["error"]["param"]) == (400, param)


def invoice(stage: Stage, amount: int, currency: str = "usd", *, final: bool = True) -> Any:
    """An invoice of the customer, at the time of its clock."""
    invoices, items = stage.client.v1.invoices, stage.client.v1.invoice_items
    items.create({"customer": stage.customer, "amount": amount, "currency": currency})
    made = invoices.create(
        {
            "customer": stage.customer,
            "currency": currency,
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "pending_invoice_items_behavior": "include",
        }
    )
    return invoices.finalize_invoice(made.id) if final else made


def test_final_invoices_are_added_up_by_month_and_currency(stage: Stage) -> None:
    stage.until("2024-01-31 23:30")
    invoice(stage, 1_000)
    paid = invoice(stage, 250)
    invoice(stage, 7_000, "jpy")
    invoice(stage, 99, final=False)
    void = invoice(stage, 98)
    stage.client.v1.invoices.pay(paid.id, {"paid_out_of_band": True})
    stage.client.v1.invoices.void_invoice(void.id)
    stage.until("2024-02-01 01:00")
    invoice(stage, 5)
    _, answer = ask(stage, INVOICED, month="2024-02", months=3)
    assert (answer["object"], answer["is_complete"]) == ("meterline.analytics.invoiced", True)
    assert [(one["starts_at"], one["sums"]) for one in answer["months"]] == [
        (at("2024-02-01"), [sums("usd", 1, 5)]),
        (at("2024-01-01"), [sums("jpy", 1, 7_000), sums("usd", 2, 1_250, 250)]),
        (at("2023-12-01"), []),
    ]
    _, answer = ask(stage, INVOICED, month="2024-02", months=1, timezone="Europe/Berlin")
    [month] = answer["months"]
    assert (month["starts_at"], month["ends_at"]) == (
        at("2024-01-31 23:00"),
        at("2024-02-29 23:00"),
    )
    assert month["sums"] == [sums("jpy", 1, 7_000), sums("usd", 3, 1_255, 250)]


def sums(currency: str, invoices: int, total: int, paid: int = 0) -> dict[str, Any]:
    return {
        "currency": currency,
        "invoices": invoices,
        "total": total,
        "amount_paid": paid,
        "amount_remaining": total - paid,
    }


def test_a_request_reads_some_invoices_and_the_next_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoiced, "MOST_INVOICES", 2)
    for amount in (1, 20, 300):
        invoice(stage, amount)
    stage.until("2024-02-01")
    invoice(stage, 4_000)
    seen = []
    for _ in range(4):
        _, answer = ask(stage, INVOICED, month="2024-02", months=2)
        seen.append((answer["is_complete"], [one["sums"][:1] for one in answer["months"]]))
    assert [complete for complete, _ in seen] == [False, True, True, True]
    assert seen[-1][1] == [[sums("usd", 1, 4_000)], [sums("usd", 3, 321)]]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"month": "2024-13"}, "month"),
        ({"month": "0000-01"}, "month"),
        ({"month": "1969-12"}, "month"),
        ({"month": "3000-01"}, "month"),
        ({"month": "9999-12"}, "month"),
        ({"month": "x"}, "month"),
        ({"months": 25}, "months"),
        ({"timezone": "UTC+1"}, "timezone"),
    ],
)
def test_months_that_cannot_be_told_are_refused(
    stage: Stage, query: dict[str, Any], param: str
) -> None:
    status, answer = ask(stage, INVOICED, **query)
    assert (status, answer["error"]["param"]) == (400, param)


@pytest.mark.parametrize("month", ["1970-01", "2999-12"])
def test_the_first_and_the_last_months_can_be_asked_for(stage: Stage, month: str) -> None:
    for zone in ("UTC", "Asia/Kathmandu", "America/New_York"):
        assert ask(stage, INVOICED, month=month, months=2, timezone=zone)[0] == 200


def test_analytics_need_no_more_rights_than_their_function_has(stage: Stage) -> None:
    users = Users(stage)
    subscription = stage.subscribe(stage.metered("Calls", users.meter, 1))
    invoice(stage, 1_000)
    span = {"starts_at": at("2024-01-01"), "ends_at": at("2024-01-02")}
    asked: dict[str, dict[str, Any]] = {
        INVOICED: {"month": "2024-01"},
        TOP: {"meter": users.meter, **span},
        "/v1/meterline/analytics/amounts": {"customer": stage.customer, **span},
        "/v1/meterline/analytics/forecast": {"subscription": subscription.id},
    }
    with keeping_to_its_rights("ServeInvoicesFunction", stage.api.engine):
        for path, query in asked.items():
            assert ask(stage, path, **query)[0] == 200, path


def test_modes_and_rights_are_told_apart(stage: Stage) -> None:
    invoice(stage, 1_000)
    live = create_key(livemode=True, name="live").secret
    _, answer = ask(stage, INVOICED, live, month="2024-01", months=1)
    assert answer["months"][0]["sums"] == []
    query = {"meter": stage.meter(), "starts_at": 0, "ends_at": 60}
    for rights, status in (({"invoices": "read"}, 403), ({"meterline_analytics": "read"}, 200)):
        secret = create_key(livemode=False, name="some", rights=rights).secret
        assert ask(stage, INVOICED, secret)[0] == status
        assert ask(stage, TOP, secret, **query)[0] == status
