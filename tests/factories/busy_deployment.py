"""A deployment at work, as an operator sees it: something of everything, ten weeks of it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from meterline.services.base.outbox import Origin
from meterline.services.events.event_destinations import create_event_destination
from meterline.services.events.webhook_endpoints import create_webhook_endpoint
from meterline.services.invoices.pay_or_close import pay_invoice
from meterline.services.metering.alerts import create_alert
from meterline.services.metering.crossings import Finding, Watched, tell
from meterline.services.schedules.create import create_schedule
from meterline.services.work.due_work import do_due_work
from tests.factories.objects import (
    clock,
    context,
    customer,
    licence,
    listed,
    meter,
    metered,
    product,
    stored,
    subscribe,
)
from tests.factories.usage import use

HOUR = 3_600
DAY = 86_400
NAMES = (
    "Ada Lovelace",
    "山田太郎株式会社 東京本社 経理部",
    "شركة المثال للتجارة الدولية",
    "Größenwahn & Söhne GmbH",
    "A company whose name is so long that it has to break somewhere on a small telephone Ltd.",
)
TIERS = [
    {"up_to": 1_000, "unit_amount_decimal": Decimal(0)},
    {"up_to": 50_000, "unit_amount_decimal": Decimal("0.4")},
    {"up_to": "inf", "unit_amount_decimal": Decimal("0.25")},
]


@dataclass
class Busy:
    """The ids of what is there, by what it is called here."""

    now: int
    ids: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.ids[name]


def busy(now: int, names: tuple[str, ...] = NAMES) -> Busy:
    """Customers with subscriptions, usage, invoices paid and not, alerts, a clock and a webhook.

    ``names`` stand wherever somebody chooses a text.
    """
    made = Busy(now)
    began = now - 70 * DAY
    _catalogue(made, began, names)
    for place, name in enumerate(names):
        whose = customer(at=began, name=name, email=f"billing{place}@example.com", **_texts(name))
        made.ids[f"customer {place}"] = whose
    for hours in range(30 * 24, 0, -7):
        for place in range(3):
            _use(made, place, now - hours * HOUR - 60, 400 * (hours % 24 + 1) // (place + 1))
    for hours in range(24):
        for place in range(3):
            _use(made, place, now - hours * HOUR - 120, 90 * ((hours * 7) % 24 + 3) // (place + 1))
    for place in range(3):
        body = subscribe(
            made[f"customer {place}"],
            made["licence"],
            made["tokens"],
            at=began + place * DAY,
            metadata={"note": names[place % len(names)]},
        )
        made.ids[f"subscription {place}"] = body["id"]
    _bill(made)
    _rest(made, names)
    return made


def _texts(name: str) -> dict[str, Any]:
    return {"description": name, "metadata": {"note": name}, "phone": name[:20]}


def _catalogue(made: Busy, at: int, names: tuple[str, ...]) -> None:
    texts = {"description": names[0], "metadata": {"note": names[0]}}
    made.ids["product"] = product(f"Platform {names[0]}", at=at, **texts)
    made.ids["meter"] = meter("api_calls", at=at)
    made.ids["quiet meter"] = meter("tokens", at=at)
    made.ids["licence"] = licence(4_900, at=at, product=made["product"], nickname=names[0])
    usage = product(f"API calls {names[-1]}", at=at, unit_label=names[0][:12])
    made.ids["usage product"] = usage
    tiers: dict[str, Any] = {
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
        "tiers": TIERS,
        "unit_amount": None,
    }
    made.ids["tokens"] = metered(made["meter"], at=at, product=usage, **tiers)
    made.ids["yen"] = licence(5_000, at=at, product=made["product"], currency="jpy")


def _use(made: Busy, place: int, at: int, quantity: int) -> None:
    use(made["meter"], made[f"customer {place}"], at=at, quantity=quantity)


def _bill(made: Busy) -> None:
    """Renew what is due, make drafts final, and let somebody pay some of it."""
    for _ in range(3):
        for body in listed("subscription"):
            due = min(item["current_period_end"] for item in body["items"]["data"])
            if due <= made.now:
                do_due_work(context(due), body["id"])
    drafts = [body for body in listed("invoice") if body["status"] == "draft"]
    for body in drafts:
        if body["created"] + HOUR < made.now:
            do_due_work(context(body["created"] + HOUR), body["id"])
    unpaid = [body for body in listed("invoice") if body["status"] == "open"]
    for body in unpaid[2:]:
        pay_invoice(context(made.now - DAY), body["id"], {"paid_out_of_band": True})
    made.ids["open invoice"] = unpaid[0]["id"]
    made.ids["invoice"] = unpaid[0]["id"]


def _rest(made: Busy, names: tuple[str, ...]) -> None:
    at = context(made.now - HOUR, Origin("req_busy", None))
    made.ids["alert"] = create_alert(
        at,
        {
            "title": names[0],
            "alert_type": "usage_threshold",
            "usage_threshold": {"meter": made["meter"], "gte": 10_000, "recurrence": "one_time"},
        },
    )["id"]
    made.ids["clock"] = clock(made.now - 90 * DAY, at=made.now - HOUR)
    made.ids["clock customer"] = customer(at=made.now - HOUR, test_clock=made["clock"])
    made.ids["endpoint"] = create_webhook_endpoint(
        at,
        {
            "url": "https://hooks.example.com/meterline",
            "enabled_events": ["*"],
            "description": names[0],
            "metadata": {"note": names[0]},
        },
    )["id"]
    made.ids["destination"] = create_event_destination(
        at,
        {
            "name": names[0],
            "description": names[-1],
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["*"],
            "webhook_endpoint": {"url": "https://hooks.example.com/thin"},
            "metadata": {"note": names[0]},
        },
    )["id"]
    _tell(made)
    made.ids["schedule"] = create_schedule(at, {"from_subscription": made["subscription 2"]})["id"]
    for place in range(25):
        customer(at=made.now - place * 60, name=f"Customer {place}", email=f"c{place}@example.com")


def _tell(made: Busy) -> None:
    """Tell of the alert: two customers have reached its threshold, one after the other."""
    alert = stored(made["alert"])
    for place, customer_place in enumerate((0, 1)):
        whose = made[f"customer {customer_place}"]
        at = context(made.now - (place + 1) * HOUR)
        assert tell(at, Finding(Watched(alert, whose), Decimal(12_345 + place)), "triggered")
