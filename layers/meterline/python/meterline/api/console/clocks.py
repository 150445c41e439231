"""``/console/test-clocks``: time that passes when somebody says so."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meterline.api.console.asking import Call, listing
from meterline.api.console.visits import Visit, found, signed_in, whole
from meterline.api.pages.answers import Page
from meterline.core.base.frozen import frozen

_PATH: Final = "/v1/test_helpers/test_clocks"
_HOUR: Final = 3_600
_DAY: Final = 86_400
STEPS: Final = (("An hour", _HOUR), ("A day", _DAY), ("A week", 7 * _DAY), ("31 days", 31 * _DAY))
MOST_DAYS: Final = 62
"""How far the slider goes: two months, as far as a clock of monthly prices goes at once."""


@frozen
class Way:
    """The way of a clock from one instant to another, and how far its work has come; None if
    nothing on it shows that.
    """

    start: int
    target: int
    reached: int | None


def _list(visit: Visit) -> Page:
    clocks = visit.api.ask(visit.listing(_PATH))
    return visit.page("clocks.html", clocks=clocks)


def _create(visit: Visit) -> Page:
    """A new clock, which stands at the real time unless the form says otherwise."""
    form = visit.form
    frozen_time = form.get("frozen_time") or str(visit.now)
    reply = visit.post(_PATH, {"frozen_time": frozen_time, "name": form.get("name")})
    return visit.went(reply, f"/console/test-clocks/{reply.body.get('id')}", "created")


def _show(visit: Visit, clock_id: str) -> Page:
    clock, customers = visit.api.ask_all(
        [Call("GET", f"{_PATH}/{clock_id}"), listing("/v1/customers", test_clock=clock_id)]
    )
    found(clock)
    subscriptions = visit.api.ask_all(
        [
            listing("/v1/subscriptions", customer=one["id"], status="all", limit=5)
            for one in customers.rows
        ]
    )
    rows = [row for reply in subscriptions for row in reply.rows]
    return visit.page(
        "clock.html",
        clock=clock,
        customers=customers,
        replies=subscriptions,
        subscriptions=rows,
        way=_way(clock.body, rows),
        steps=STEPS,
        most_days=MOST_DAYS,
    )


def _way(clock: Mapping[str, Any], subscriptions: Sequence[Mapping[str, Any]]) -> Way | None:
    """The way of a clock that advances: its subscriptions have come to the earliest end of a period
    that has not been renewed.
    """
    details = clock.get("status_details") or {}
    if not details.get("advancing"):
        return None
    start, target = clock["frozen_time"], details["advancing"]["target_frozen_time"]
    ends = [
        item["current_period_end"]
        for one in subscriptions
        if not one["ended_at"]
        for item in one["items"]["data"]
    ]
    return Way(start, target, min([target, *ends]) if ends else None)


def _advance(visit: Visit, clock_id: str) -> Page:
    """Let time pass: so many seconds, or as many days as the slider says."""
    form = visit.form
    start = visit.api.ask(Call("GET", f"{_PATH}/{clock_id}"))
    if not start.is_good:
        return visit.refused(start)
    seconds = whole(form.get("seconds")) or whole(form.get("days")) * _DAY
    params = {"frozen_time": start.body["frozen_time"] + seconds}
    reply = visit.post(f"{_PATH}/{clock_id}/advance", params)
    return visit.went(reply, f"/console/test-clocks/{clock_id}", "advanced")


def _delete(visit: Visit, clock_id: str) -> Page:
    reply = visit.api.ask(Call("DELETE", f"{_PATH}/{clock_id}"))
    return visit.went(reply, "/console/test-clocks", "deleted")


PAGES = [
    signed_in("GET", "/console/test-clocks", _list),
    signed_in("POST", "/console/test-clocks", _create),
    signed_in("GET", "/console/test-clocks/{id}", _show),
    signed_in("POST", "/console/test-clocks/{id}/advance", _advance),
    signed_in("POST", "/console/test-clocks/{id}/delete", _delete),
]
