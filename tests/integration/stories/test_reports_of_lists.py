"""Lists that lost or repeated objects in public: of one second, whatever the page."""

from itertools import pairwise

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

_ITEMS, _SUBSCRIPTIONS = 25, 13


def test_all_of_one_second_are_listed_once_whatever_the_page(api: Api) -> None:
    """stripe/sync-engine#378, airbytehq/airbyte#32976."""
    stage = Stage(api, "2024-01-01")
    price = stage.price("Base", 100)
    made = [stage.subscribe(price).id for _ in range(_SUBSCRIPTIONS)]
    items = [
        stage.client.v1.invoice_items.create(
            {"customer": stage.customer, "amount": 1, "currency": "usd"}
        ).id
        for _ in range(_ITEMS)
    ]
    for listing, ids in [
        (stage.client.v1.subscriptions.list, made),
        (stage.client.v1.invoice_items.list, items),
    ]:
        newest_first = list(reversed(ids))
        for limit in (1, 2, 3, 7, 12, 13, 25, 100):
            asked = {"customer": stage.customer, "limit": limit}
            assert [one.id for one in listing(asked).auto_paging_iter()] == newest_first
        within = {"customer": stage.customer, "created": {"gte": stage.now, "lte": stage.now}}
        assert [one.id for one in listing(within).auto_paging_iter()] == newest_first
        for bound in ("gt", "lt"):
            beyond = {"customer": stage.customer, "created": {bound: stage.now}}
            assert list(listing(beyond).auto_paging_iter()) == []
        backwards = {"customer": stage.customer, "limit": 4, "ending_before": newest_first[-1]}
        assert [one.id for one in listing(backwards).auto_paging_iter()] == ids[1:]
        for one, other in pairwise(newest_first):
            after = listing({"customer": stage.customer, "limit": 1, "starting_after": one})
            assert [found.id for found in after.data] == [other]
