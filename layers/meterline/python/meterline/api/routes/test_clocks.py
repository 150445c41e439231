"""``/v1/test_helpers/test_clocks``.

A clock runs all of billing, so the service is imported when one is used.
"""

from typing import TYPE_CHECKING

from meterline.api.lists import listing, retrieve
from meterline.api.operations import delete, post
from meterline.api.params.specs import Params, object_, string, timestamp
from meterline.api.router import Routes
from meterline.services.base.context import Context

if TYPE_CHECKING:
    from meterline.core.base.wire import Deleted, TestClock

KIND = "test_helpers.test_clock"


def _create(ctx: Context, params: Params) -> "TestClock":
    from meterline.services.work.test_clocks import create_test_clock  # noqa: PLC0415 - see above

    return create_test_clock(ctx, params)


def _advance(ctx: Context, clock_id: str, params: Params) -> "TestClock":
    from meterline.services.work.test_clocks import advance_test_clock  # noqa: PLC0415 - see above

    return advance_test_clock(ctx, clock_id, params)


def _delete(ctx: Context, clock_id: str, params: Params) -> "Deleted":
    from meterline.services.work.test_clocks import delete_test_clock  # noqa: PLC0415 - see above

    return delete_test_clock(ctx, clock_id, params)


ROUTES = Routes(
    [
        post(
            "/v1/test_helpers/test_clocks",
            KIND,
            _create,
            object_(frozen_time=timestamp(required=True), name=string(max_length=300)),
        ),
        retrieve("/v1/test_helpers/test_clocks/{id}", KIND),
        post(
            "/v1/test_helpers/test_clocks/{id}/advance",
            KIND,
            _advance,
            object_(frozen_time=timestamp(required=True)),
        ),
        delete("/v1/test_helpers/test_clocks/{id}", KIND, _delete),
        listing("/v1/test_helpers/test_clocks", KIND, created=False),
    ]
)
