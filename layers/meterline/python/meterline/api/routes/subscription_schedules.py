"""``/v1/subscription_schedules``."""

from meterline.api.lists import Keep, created_range, listing, retrieve, under
from meterline.api.operations import post
from meterline.api.params.specs import RANGE, Params, boolean, object_, string
from meterline.api.router import Routes
from meterline.api.routes.catching_up import caught_up
from meterline.api.routes.schedule_params import CANCEL, CREATE, RELEASE, UPDATE
from meterline.services.base.context import Context
from meterline.services.schedules.create import create_schedule
from meterline.services.schedules.ends import cancel_schedule, release_schedule
from meterline.services.schedules.update import update_schedule
from meterline.store.billing.repository import Source

_PATH = "/v1/subscription_schedules"
_KIND = "subscription_schedule"

_ENDS = {"canceled_at": "canceled", "completed_at": "completed", "released_at": "released"}
"""The filters by an instant, and the only status that has it."""

_FILTERS = object_(dict.fromkeys(_ENDS, RANGE), customer=string(), scheduled=boolean())


def _keep(params: Params) -> Keep:
    ranges = {name: created_range(params[name]) for name in _ENDS if name in params}

    def keeps(schedule: Params) -> bool:
        return (
            params.get("customer") in (None, schedule["customer"])
            and (not params.get("scheduled") or schedule["status"] == "not_started")
            and all(
                schedule[name] is not None and first <= schedule[name] <= last
                for name, (first, last) in ranges.items()
            )
        )

    return keeps


def _from(_: Context, params: Params) -> Source:
    """From the schedules of the status that the filters leave."""
    statuses = [status for name, status in _ENDS.items() if name in params]
    statuses += ["not_started"] if params.get("scheduled") else []
    return Source(facets={"status": statuses[:1]} if statuses else {})


ROUTES = Routes(
    [
        caught_up(post(_PATH, _KIND, create_schedule, CREATE)),
        retrieve(_PATH + "/{id}", _KIND),
        caught_up(post(_PATH + "/{id}", _KIND, update_schedule, UPDATE)),
        caught_up(post(_PATH + "/{id}/cancel", _KIND, cancel_schedule, CANCEL)),
        caught_up(post(_PATH + "/{id}/release", _KIND, release_schedule, RELEASE)),
        listing(_PATH, _KIND, filters=_FILTERS, keep=_keep, narrow=under("customer", _from)),
    ]
)
