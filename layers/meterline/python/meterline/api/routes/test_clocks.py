"""``/v1/test_helpers/test_clocks``."""

from meterline.api.lists import listing, retrieve
from meterline.api.operations import delete, post
from meterline.api.params.specs import object_, string, timestamp
from meterline.api.router import Routes
from meterline.services.work.test_clocks import (
    KIND,
    advance_test_clock,
    create_test_clock,
    delete_test_clock,
)

ROUTES = Routes(
    [
        post(
            "/v1/test_helpers/test_clocks",
            KIND,
            create_test_clock,
            object_(frozen_time=timestamp(required=True), name=string(max_length=300)),
        ),
        retrieve("/v1/test_helpers/test_clocks/{id}", KIND),
        post(
            "/v1/test_helpers/test_clocks/{id}/advance",
            KIND,
            advance_test_clock,
            object_(frozen_time=timestamp(required=True)),
        ),
        delete("/v1/test_helpers/test_clocks/{id}", KIND, delete_test_clock),
        listing("/v1/test_helpers/test_clocks", KIND, created=False),
    ]
)
