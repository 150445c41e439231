"""A subscription has what the current phase of its schedule says, from its first second on."""

from collections.abc import Iterable

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.life import Life, items_of

type Sold = list[tuple[str, int | None]]


def check_phases(life: Life) -> None:
    """Each schedule that is active stands in the phase of the present second."""
    record = life.shop.record
    for schedule in record.latest("subscription_schedule"):
        if schedule["status"] == "canceled":
            _check_end(life, schedule)
        if schedule["status"] != "active":
            continue
        current = schedule["current_phase"]
        if not current["start_date"] <= life.now < current["end_date"]:
            raise _fault(life, schedule, "a phase begins in its second", f"{current}")
        phase = next(
            one for one in schedule["phases"] if one["start_date"] == current["start_date"]
        )
        subscription = record.versions[schedule["subscription"]][-1]
        if subscription["schedule"] != schedule["id"]:
            raise _fault(life, schedule, "a subscription knows its schedule", subscription["id"])
        found, wanted = sold(items_of(subscription)), sold(phase["items"])
        if found != wanted:
            raise _fault(life, schedule, "a phase sells what it says", f"{found}, not {wanted}")
        taxed = _ids(subscription["default_tax_rates"])
        if phase["default_tax_rates"] and taxed != _ids(phase["default_tax_rates"]):
            raise _fault(life, schedule, "a phase is taxed as it says", f"{taxed}")
        _check_discounts(life, schedule, phase, subscription)
    check_following(life)
    check_entered(life)


def _check_discounts(life: Life, schedule: Body, phase: Body, subscription: Body) -> None:
    """What is taken off in a phase is of a coupon, a code or a discount that it names."""
    names = ("coupon", "discount", "promotion_code")
    named = {entry[name] for entry in phase["discounts"] for name in names} - {None}
    for discount_id in subscription["discounts"]:
        discount = life.shop.record.versions[discount_id][-1]
        if not {discount_id, discount["source"]["coupon"], discount["promotion_code"]} & named:
            raise _fault(life, schedule, "a phase is discounted as it says", discount_id)


def check_entered(life: Life) -> None:
    """Each phase that a schedule was in was sold, though it may be over by now."""
    record = life.shop.record
    for versions in record.of_kind("subscription_schedule"):
        for body in versions:
            current = body["current_phase"]
            if current is None or body["status"] != "active":
                continue
            phase = next(
                one for one in body["phases"] if one["start_date"] == current["start_date"]
            )
            subscription = record.versions[body["subscription"]]
            if not any(sold(items_of(one)) == sold(phase["items"]) for one in subscription):
                text = f"{current} {sold(phase['items'])}"
                raise _fault(life, body, "a phase sells what it says", text)


def _check_end(life: Life, schedule: Body) -> None:
    """Time alone gives up no schedule: what was agreed on can be entered."""
    record = life.shop.record
    subscription = record.versions.get(str(schedule["subscription"] or ""))
    ended = subscription and subscription[-1]["status"] in ("canceled", "incomplete_expired")
    gone = record.versions[schedule["customer"]][-1].get("deleted")
    if record.causes[schedule["id"]][-1] is None and not (ended or gone):
        raise _fault(life, schedule, "a phase that was agreed on is entered", schedule["status"])


def check_following(life: Life) -> None:
    """Phases follow each other without gap or overlap."""
    for schedule in life.shop.record.latest("subscription_schedule"):
        ends = [phase["end_date"] for phase in schedule["phases"]]
        starts = [phase["start_date"] for phase in schedule["phases"]]
        if starts[1:] != ends[:-1] or any(
            end <= start for start, end in zip(starts, ends, strict=True)
        ):
            raise _fault(life, schedule, "phases follow each other", f"{starts} {ends}")


def sold(items: Iterable[Body]) -> Sold:
    """Prices and quantities, in any order."""
    return sorted(
        (_id(item["price"]), item.get("quantity")) for item in items if not item.get("deleted")
    )


def _id(price: Body | str) -> str:
    return price if isinstance(price, str) else str(price["id"])


def _ids(rates: Iterable[Body] | None) -> list[str]:
    return [rate["id"] for rate in rates or ()]


def _fault(life: Life, schedule: Body, rule: str, text: str) -> BrokenRuleError:
    return BrokenRuleError(rule, life.shop.say(f"{schedule['id']}: {text}"))
