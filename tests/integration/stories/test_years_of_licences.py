"""Years of subscriptions to licences: every invoice of each."""

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage


def test_a_subscription_from_the_last_of_january_renews_on_the_last_day_of_every_month(
    api: Api,
) -> None:
    story = Stage(api, "2024-01-31")
    story.subscribe(story.price("Base", 2000))
    story.until("2025-01-31 02:00")
    assert story.uow() == [
        ("2024-01-31", "create", "open", 2000, [("1 × Base", 2000, "2024-01-31", "2024-02-29")]),
        ("2024-02-29", "cycle", "open", 2000, [("1 × Base", 2000, "2024-02-29", "2024-03-31")]),
        ("2024-03-31", "cycle", "open", 2000, [("1 × Base", 2000, "2024-03-31", "2024-04-30")]),
        ("2024-04-30", "cycle", "open", 2000, [("1 × Base", 2000, "2024-04-30", "2024-05-31")]),
        ("2024-05-31", "cycle", "open", 2000, [("1 × Base", 2000, "2024-05-31", "2024-06-30")]),
        ("2024-06-30", "cycle", "open", 2000, [("1 × Base", 2000, "2024-06-30", "2024-07-31")]),
        ("2024-07-31", "cycle", "open", 2000, [("1 × Base", 2000, "2024-07-31", "2024-08-31")]),
        ("2024-08-31", "cycle", "open", 2000, [("1 × Base", 2000, "2024-08-31", "2024-09-30")]),
        ("2024-09-30", "cycle", "open", 2000, [("1 × Base", 2000, "2024-09-30", "2024-10-31")]),
        ("2024-10-31", "cycle", "open", 2000, [("1 × Base", 2000, "2024-10-31", "2024-11-30")]),
        ("2024-11-30", "cycle", "open", 2000, [("1 × Base", 2000, "2024-11-30", "2024-12-31")]),
        ("2024-12-31", "cycle", "open", 2000, [("1 × Base", 2000, "2024-12-31", "2025-01-31")]),
        ("2025-01-31", "cycle", "open", 2000, [("1 × Base", 2000, "2025-01-31", "2025-02-28")]),
    ]


def test_a_startup_upgrades_grows_to_three_seats_and_shrinks_again(api: Api) -> None:
    story = Stage(api, "2024-01-01")
    basic, pro = story.price("Basic", 1000), story.price("Pro", 3000)
    subscription = story.subscribe(basic)
    item = subscription["items"].data[0].id
    story.until("2024-02-15")
    story.change(subscription, items=[{"id": item, "price": pro}])
    story.until("2024-06-10")
    story.change(
        subscription,
        items=[{"id": item, "quantity": 3}],
        proration_behavior="always_invoice",
    )
    story.until("2024-09-16")
    story.change(subscription, items=[{"id": item, "price": basic, "quantity": 1}])
    story.until("2025-01-01 02:00")
    assert story.invoices()[10].total == -3000
    assert story.uow() == [
        ("2024-01-01", "create", "open", 1000, [("1 × Basic", 1000, "2024-01-01", "2024-02-01")]),
        ("2024-02-01", "cycle", "open", 1000, [("1 × Basic", 1000, "2024-02-01", "2024-03-01")]),
        (
            "2024-03-01",
            "cycle",
            "open",
            4035,
            [
                ("Unused time on Basic", -517, "2024-02-15", "2024-03-01"),
                ("Remaining time on Pro", 1552, "2024-02-15", "2024-03-01"),
                ("1 × Pro", 3000, "2024-03-01", "2024-04-01"),
            ],
        ),
        ("2024-04-01", "cycle", "open", 3000, [("1 × Pro", 3000, "2024-04-01", "2024-05-01")]),
        ("2024-05-01", "cycle", "open", 3000, [("1 × Pro", 3000, "2024-05-01", "2024-06-01")]),
        ("2024-06-01", "cycle", "open", 3000, [("1 × Pro", 3000, "2024-06-01", "2024-07-01")]),
        (
            "2024-06-10",
            "update",
            "open",
            4200,
            [
                ("Unused time on Pro", -2100, "2024-06-10", "2024-07-01"),
                ("Remaining time on 3 × Pro", 6300, "2024-06-10", "2024-07-01"),
            ],
        ),
        ("2024-07-01", "cycle", "open", 9000, [("3 × Pro", 9000, "2024-07-01", "2024-08-01")]),
        ("2024-08-01", "cycle", "open", 9000, [("3 × Pro", 9000, "2024-08-01", "2024-09-01")]),
        ("2024-09-01", "cycle", "open", 9000, [("3 × Pro", 9000, "2024-09-01", "2024-10-01")]),
        (
            "2024-10-01",
            "cycle",
            "paid",
            0,
            [
                ("Unused time on 3 × Pro", -4500, "2024-09-16", "2024-10-01"),
                ("Remaining time on Basic", 500, "2024-09-16", "2024-10-01"),
                ("1 × Basic", 1000, "2024-10-01", "2024-11-01"),
            ],
        ),
        ("2024-11-01", "cycle", "paid", 0, [("1 × Basic", 1000, "2024-11-01", "2024-12-01")]),
        ("2024-12-01", "cycle", "paid", 0, [("1 × Basic", 1000, "2024-12-01", "2025-01-01")]),
        ("2025-01-01", "cycle", "paid", 0, [("1 × Basic", 1000, "2025-01-01", "2025-02-01")]),
    ]


def test_a_cycle_is_reset_once_with_credit_and_once_without(api: Api) -> None:
    story = Stage(api, "2024-01-20")
    subscription = story.subscribe(story.price("Base", 3100))
    story.until("2024-05-05")
    story.change(subscription, billing_cycle_anchor="now")
    story.until("2024-08-15")
    story.change(subscription, billing_cycle_anchor="now", proration_behavior="none")
    story.until("2025-01-20")
    assert story.uow() == [
        ("2024-01-20", "create", "open", 3100, [("1 × Base", 3100, "2024-01-20", "2024-02-20")]),
        ("2024-02-20", "cycle", "open", 3100, [("1 × Base", 3100, "2024-02-20", "2024-03-20")]),
        ("2024-03-20", "cycle", "open", 3100, [("1 × Base", 3100, "2024-03-20", "2024-04-20")]),
        ("2024-04-20", "cycle", "open", 3100, [("1 × Base", 3100, "2024-04-20", "2024-05-20")]),
        (
            "2024-05-05",
            "update",
            "open",
            1550,
            [
                ("Unused time on Base", -1550, "2024-05-05", "2024-05-20"),
                ("1 × Base", 3100, "2024-05-05", "2024-06-05"),
            ],
        ),
        ("2024-06-05", "cycle", "open", 3100, [("1 × Base", 3100, "2024-06-05", "2024-07-05")]),
        ("2024-07-05", "cycle", "open", 3100, [("1 × Base", 3100, "2024-07-05", "2024-08-05")]),
        ("2024-08-05", "cycle", "open", 3100, [("1 × Base", 3100, "2024-08-05", "2024-09-05")]),
        ("2024-08-15", "update", "open", 3100, [("1 × Base", 3100, "2024-08-15", "2024-09-15")]),
        ("2024-09-15", "cycle", "open", 3100, [("1 × Base", 3100, "2024-09-15", "2024-10-15")]),
        ("2024-10-15", "cycle", "open", 3100, [("1 × Base", 3100, "2024-10-15", "2024-11-15")]),
        ("2024-11-15", "cycle", "open", 3100, [("1 × Base", 3100, "2024-11-15", "2024-12-15")]),
        ("2024-12-15", "cycle", "open", 3100, [("1 × Base", 3100, "2024-12-15", "2025-01-15")]),
        ("2025-01-15", "cycle", "open", 3100, [("1 × Base", 3100, "2025-01-15", "2025-02-15")]),
    ]


def test_after_a_stub_everything_is_billed_on_the_first(api: Api) -> None:
    story = Stage(api, "2024-01-17 12:00")
    first = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    story.subscribe(story.price("Base", 3100), billing_cycle_anchor_config=first)
    story.until("2025-01-01 02:00")
    assert story.uow() == [
        (
            "2024-01-17 12:00",
            "create",
            "open",
            1450,
            [("1 × Base", 1450, "2024-01-17 12:00", "2024-02-01")],
        ),
        ("2024-02-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-02-01", "2024-03-01")]),
        ("2024-03-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-03-01", "2024-04-01")]),
        ("2024-04-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-04-01", "2024-05-01")]),
        ("2024-05-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-05-01", "2024-06-01")]),
        ("2024-06-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-06-01", "2024-07-01")]),
        ("2024-07-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-07-01", "2024-08-01")]),
        ("2024-08-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-08-01", "2024-09-01")]),
        ("2024-09-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-09-01", "2024-10-01")]),
        ("2024-10-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-10-01", "2024-11-01")]),
        ("2024-11-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-11-01", "2024-12-01")]),
        ("2024-12-01", "cycle", "open", 3100, [("1 × Base", 3100, "2024-12-01", "2025-01-01")]),
        ("2025-01-01", "cycle", "open", 3100, [("1 × Base", 3100, "2025-01-01", "2025-02-01")]),
    ]
