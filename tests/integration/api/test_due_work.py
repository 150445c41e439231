"""``GET /v1/meterline/due_work``: what is due, the longest due first, and what is stuck."""

from typing import Any

import pytest

from meterline.store.work.stuck import Stuck, note_stuck
from tests.factories.objects import NOW, customer, licence, stored, subscribe
from tests.integration.api.conftest import Api
from tests.rights import keeping_to_its_rights

PATH = "/v1/meterline/due_work"
DAY = 86_400


@pytest.fixture
def due(api: Api) -> list[str]:  # noqa: ARG001 - where they are
    """Subscriptions of 40 and 35 days ago, which were to be renewed."""
    whose, price = customer(at=NOW - 50 * DAY), licence(at=NOW - 50 * DAY)
    return [str(subscribe(whose, price, at=NOW - days * DAY)["id"]) for days in (40, 35)]


def asked(api: Api, monkeypatch: pytest.MonkeyPatch, query: str = "") -> Any:
    monkeypatch.setattr("meterline.api.app.time.time", lambda: NOW)
    with keeping_to_its_rights("ServeEventsFunction", api.engine):
        reply = api.ask("GET", f"{PATH}{query}")
    assert reply.status == 200, reply.body
    return reply.body


def test_what_is_longest_due_comes_first(
    api: Api, due: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = asked(api, monkeypatch, "?limit=100")
    subscriptions = [one for one in body["data"] if one["object_type"] == "subscription"]
    assert [one["id"] for one in subscriptions] == due
    first = subscriptions[0]
    assert (first["status"], first["livemode"], first["stuck"]) == ("active", False, None)
    assert first["due_at"] == stored(due[0])["items"]["data"][0]["current_period_end"]


def test_a_list_that_is_cut_says_so(
    api: Api,
    due: list[str],  # noqa: ARG001 - what is listed
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = asked(api, monkeypatch, "?limit=100")
    body = asked(api, monkeypatch, "?limit=1")
    assert body["data"] == whole["data"][:1]
    assert (body["has_more"], whole["has_more"]) == (True, False)


def test_stuck_work_says_since_when_and_why(
    api: Api, due: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    due_at = stored(due[0])["items"]["data"][0]["current_period_end"]
    note_stuck(livemode=False, object_id=due[0], stuck=Stuck(due_at, NOW - 60, "BillingError"))
    body = asked(api, monkeypatch, "?limit=100")
    stuck = next(one["stuck"] for one in body["data"] if one["id"] == due[0])
    assert stuck == {"due_at": due_at, "since": NOW - 60, "reason": "BillingError"}
