"""The kinds of objects that belong to the account itself, and of what only Meterline sees."""

from meterline.core.kinds.kind import Kind, Queue, Sizes, empty

KINDS = (
    Kind(name="meterline.settings", permission="meterline_settings"),
    Kind(name="meterline.api_key", noun="API key", id_prefix="key_"),
    Kind(
        name="meterline.former_seller",
        id_prefix="formerseller_",
        is_listed=False,
        sizes=Sizes(is_own=True),
    ),
    Kind(name="roster", is_listed=False, sizes=Sizes(is_own=True)),
    Kind(
        name="test_helpers.test_clock",
        noun="test clock",
        id_prefix="clock_",
        collection="test_helpers/test_clocks",
        empty=empty(whole="status_details status_details.advancing"),
        queue=Queue.CLOCKS,
    ),
)
