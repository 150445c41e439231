"""``/console/schedules``: what subscriptions are to become, phase by phase."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meterline.api.console.asking import Value, listing
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page
from meterline.core.base.frozen import frozen

_PATH: Final = "/v1/subscription_schedules"
_EVER: Final = {"gte": 0}
_EXPANDED: Final = ("customer", "phases.items.price.product")

STATUSES: Final[Mapping[str, Mapping[str, Value]]] = {
    "all": {},
    "not_started": {"scheduled": True},
    "completed": {"completed_at": _EVER},
    "released": {"released_at": _EVER},
    "canceled": {"canceled_at": _EVER},
}
"""The lists that can be asked for, by their filters."""

ENDS: Final = {
    "release": "Then the subscription goes on as it is.",
    "cancel": "Then the subscription is cancelled.",
}
"""What happens after the last phase, by ``end_behavior``."""

CHANGES: Final = {
    "always_invoice": "The change to it is prorated and invoiced at once.",
    "create_prorations": "The change to it is prorated on the next invoice.",
    "none": "The change to it is not prorated.",
}
"""How the change to a phase is billed, by ``proration_behavior``."""

_LEAVING: Final = {"release": "released", "cancel": "schedule_canceled"}
"""The ways to end a schedule now, and what the page says then."""


@frozen
class Phase:
    """A phase, and whether it is over, runs or is to come."""

    body: Mapping[str, Any]
    status: str


def _list(visit: Visit) -> Page:
    asked = visit.query.get("status", "all")
    status = asked if asked in STATUSES else "all"
    schedules = visit.api.ask(visit.listing(_PATH, **STATUSES[status], expand=["data.customer"]))
    return visit.page("schedules.html", schedules=schedules, chosen=status, statuses=list(STATUSES))


def _show(visit: Visit, schedule_id: str) -> Page:
    schedule = found(visit.api.ask(listing(f"{_PATH}/{schedule_id}", expand=_EXPANDED)))
    phases = _phases(schedule.body) if schedule.is_good else []
    return visit.page("schedule.html", schedule=schedule, phases=phases, ends=ENDS, changes=CHANGES)


def _phases(schedule: Mapping[str, Any]) -> Sequence[Phase]:
    """The phases with what has become of each: the schedule names the one that runs."""
    running = schedule["current_phase"]
    begins = running["start_date"] if running else None
    is_ahead = schedule["status"] == "not_started"
    return [
        Phase(phase, _status(phase["start_date"], begins, is_ahead=is_ahead))
        for phase in schedule["phases"]
    ]


def _status(start: int, running: int | None, *, is_ahead: bool) -> str:
    """Where a phase stands to the one that runs; of an ended schedule, whether it came to be is
    not told: all are over.
    """
    if running is None:
        return "to come" if is_ahead else "over"
    if start == running:
        return "running"
    return "over" if start < running else "to come"


def _leave(visit: Visit, schedule_id: str) -> Page:
    """End a schedule now: by its release, or with its subscription."""
    way = visit.form.get("way", "release")
    way = way if way in _LEAVING else "release"
    reply = visit.post(f"{_PATH}/{schedule_id}/{way}", {})
    return visit.went(reply, f"/console/schedules/{schedule_id}", _LEAVING[way])


def _create(visit: Visit) -> Page:
    """A new schedule, which begins as the subscription is now."""
    subscription = visit.form.get("subscription", "")
    reply = visit.post(_PATH, {"from_subscription": subscription})
    return visit.went(reply, f"/console/schedules/{reply.body.get('id')}", "created")


PAGES = [
    signed_in("GET", "/console/schedules", _list),
    signed_in("POST", "/console/schedules", _create),
    signed_in("GET", "/console/schedules/{id}", _show),
    signed_in("POST", "/console/schedules/{id}/leave", _leave),
]
