"""The page of a schedule says what its subscription becomes, and ends it one way or the other."""

import pytest

from tests.factories.objects import customer, licence, listed, stored, subscribe
from tests.integration.console.operators import Operator


@pytest.fixture
def subscription(now: int, operator: Operator) -> str:  # noqa: ARG001 - in its deployment
    whose = customer(at=now, name="Ada Lovelace")
    return str(subscribe(whose, licence(4_900, at=now), at=now)["id"])


def _scheduled(operator: Operator, subscription: str) -> str:
    page = "/console/schedules"
    answer = operator.submit(page, page, {"subscription": subscription})
    assert answer.status == 303, answer.text
    return answer.location.partition("?")[0]


def test_a_schedule_is_made_of_a_subscription_and_shown_on_both_pages(
    operator: Operator, subscription: str
) -> None:
    page = _scheduled(operator, subscription)
    [schedule] = listed("subscription_schedule")
    assert page == f"/console/schedules/{schedule['id']}"
    text = operator.get(page).text
    for shown in ("Ada Lovelace", "Phase 1", "running", "49.00 USD / month", subscription):
        assert shown in text, shown
    assert page in operator.get(f"/console/subscriptions/{subscription}").tags.values("a", "href")
    assert page in operator.get("/console/schedules").tags.values("a", "href")


@pytest.mark.parametrize(
    ("way", "status", "of_subscription"),
    [("release", "released", "active"), ("cancel", "canceled", "canceled")],
)
def test_a_schedule_is_released_or_cancelled_with_its_subscription(
    operator: Operator, subscription: str, way: str, status: str, of_subscription: str
) -> None:
    page = _scheduled(operator, subscription)
    assert operator.submit(page, f"{page}/leave", {"way": way}).status == 303
    [schedule] = listed("subscription_schedule")
    assert (schedule["status"], stored(subscription)["status"]) == (status, of_subscription)
    assert "/leave" not in operator.get(page).text, "it cannot be ended twice"
    assert page in operator.get(f"/console/schedules?status={status}").tags.values("a", "href")
    assert page not in operator.get("/console/schedules?status=completed").text


def test_a_subscription_that_cannot_be_scheduled_is_refused(operator: Operator) -> None:
    page = "/console/schedules"
    answer = operator.submit(page, page, {"subscription": "sub_no"})
    assert answer.status in (400, 404)
    assert "No such subscription" in answer.text
    assert listed("subscription_schedule") == []
