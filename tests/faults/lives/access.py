"""The gate says what a recount says: how much of a limit is left, of the customer's best item."""

from collections.abc import Iterator
from decimal import Decimal

from meterline.core.billing.entitlements import GRANTING
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.catalogue import LIMITED
from tests.faults.lives.life import Life, items_of
from tests.faults.lives.usage import used

_END_OF_TIME = 32_503_680_000


def check_access(life: Life) -> None:
    """Each customer is answered what the events that were sent say."""
    for customer in life.customers:
        if life.shop.record.versions[customer][-1].get("deleted"):
            continue
        answer = life.shop.look_up(
            "/v1/meterline/access", method="GET", customer=customer, feature=LIMITED
        ).body
        told = answer["reason"], answer["has_access"], answer["balance"]
        left = list(_left(life, customer))
        if told != _expected(left):
            text = f"{customer} is told {told}, with {left} left"
            raise BrokenRuleError("access is what a recount says", life.shop.say(text))


def _expected(left: list[int]) -> tuple[str | None, bool, str | None]:
    if not left:
        return "feature_unavailable", False, None
    best = max(left)
    reason = None if best >= 1 else "usage_limit_reached"
    return reason, best >= 1, str(Decimal(max(best, 0)))


def _left(life: Life, customer: str) -> Iterator[int]:
    """What each item of a customer that comes with a limit leaves of it."""
    meter = life.catalogue.meters[LIMITED]
    for subscription in life.subscriptions():
        if subscription["customer"] != customer or subscription["status"] not in GRANTING:
            continue
        for item in items_of(subscription):
            limit = life.catalogue.limits.get(item["price"]["product"])
            if limit is None:
                continue
            span = item["current_period_start"], item["current_period_end"]
            if life.now >= span[1]:
                span = span[1], _END_OF_TIME
            yield limit - used(life, customer, meter, span)[0]
