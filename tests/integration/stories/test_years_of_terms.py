"""Years under changing terms: every invoice of each."""

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at


def test_tiers_give_way_to_a_flat_price_in_the_middle_of_march(api: Api) -> None:
    story = Stage(api, "2024-01-01")
    meter = story.meter()
    tiers = [
        {"up_to": 100, "unit_amount": 10, "flat_amount": 500},
        {"up_to": "inf", "unit_amount": 5},
    ]
    tiered = story.metered(
        "Tiered", meter, tiers=tiers, billing_scheme="tiered", tiers_mode="graduated"
    )
    flat = story.metered("Flat", meter, 4)
    subscription = story.subscribe(tiered)
    item = subscription["items"].data[0].id
    story.until("2024-01-15")
    story.use(150)
    story.until("2024-03-10")
    story.use(40)
    story.until("2024-03-16")
    story.change(subscription, items=[{"id": item, "price": flat}])
    story.until("2024-03-20")
    story.use(100)
    story.until("2024-06-01")
    story.use(1)
    story.until("2025-01-01 02:00")
    # Four cents are too little to charge: they wait on the balance.
    assert story.client.v1.customers.retrieve(story.customer).balance == 4
    assert story.uow() == [
        (
            "2024-02-01",
            "cycle",
            "open",
            1750,
            [
                ("100 × Tiered", 1000, "2024-01-01", "2024-02-01"),
                ("Tiered", 500, "2024-01-01", "2024-02-01"),
                ("50 × Tiered", 250, "2024-01-01", "2024-02-01"),
            ],
        ),
        (
            "2024-03-01",
            "cycle",
            "open",
            500,
            [
                ("0 × Tiered", 0, "2024-02-01", "2024-03-01"),
                ("Tiered", 500, "2024-02-01", "2024-03-01"),
            ],
        ),
        (
            "2024-04-01",
            "cycle",
            "open",
            1300,
            [
                ("40 × Tiered", 900, "2024-03-01", "2024-03-16"),
                ("100 × Flat", 400, "2024-03-16", "2024-04-01"),
            ],
        ),
        ("2024-05-01", "cycle", "paid", 0, [("0 × Flat", 0, "2024-04-01", "2024-05-01")]),
        ("2024-06-01", "cycle", "paid", 0, [("0 × Flat", 0, "2024-05-01", "2024-06-01")]),
        ("2024-07-01", "cycle", "paid", 0, [("1 × Flat", 4, "2024-06-01", "2024-07-01")]),
        ("2024-08-01", "cycle", "paid", 0, [("0 × Flat", 0, "2024-07-01", "2024-08-01")]),
        ("2024-09-01", "cycle", "paid", 0, [("0 × Flat", 0, "2024-08-01", "2024-09-01")]),
        ("2024-10-01", "cycle", "paid", 0, [("0 × Flat", 0, "2024-09-01", "2024-10-01")]),
        ("2024-11-01", "cycle", "paid", 0, [("0 × Flat", 0, "2024-10-01", "2024-11-01")]),
        ("2024-12-01", "cycle", "paid", 0, [("0 × Flat", 0, "2024-11-01", "2024-12-01")]),
        ("2025-01-01", "cycle", "paid", 0, [("0 × Flat", 0, "2024-12-01", "2025-01-01")]),
    ]


def test_sent_invoices_are_paid_late_and_discounted_for_half_a_year(api: Api) -> None:
    story = Stage(api, "2024-01-01")
    coupon = story.client.v1.coupons.create(
        {"percent_off": 10, "duration": "repeating", "duration_in_months": 6}
    )
    story.subscribe(
        story.price("Plan", 30_000, interval_count=3),
        collection_method="send_invoice",
        days_until_due=30,
        discounts=[{"coupon": coupon.id}],
    )
    for day in ("2024-01-20", "2024-04-20", "2024-07-20", "2024-10-20"):
        story.until(day)
        story.client.v1.invoices.pay(story.invoices()[-1].id, {"paid_out_of_band": True})
    story.until("2025-01-01 02:00")
    assert story.uow() == [
        ("2024-01-01", "create", "paid", 27000, [("1 × Plan", 30000, "2024-01-01", "2024-04-01")]),
        ("2024-04-01", "cycle", "paid", 27000, [("1 × Plan", 30000, "2024-04-01", "2024-07-01")]),
        ("2024-07-01", "cycle", "paid", 30000, [("1 × Plan", 30000, "2024-07-01", "2024-10-01")]),
        ("2024-10-01", "cycle", "paid", 30000, [("1 × Plan", 30000, "2024-10-01", "2025-01-01")]),
        ("2025-01-01", "cycle", "open", 30000, [("1 × Plan", 30000, "2025-01-01", "2025-04-01")]),
    ]


def test_credit_is_used_up_then_collection_pauses_for_a_summer(api: Api) -> None:
    story = Stage(api, "2024-01-05")
    story.client.v1.customers.update(story.customer, {"balance": -2500})
    subscription = story.subscribe(story.price("Base", 1000))
    story.until("2024-06-01")
    pause = {"behavior": "void", "resumes_at": at("2024-09-01")}
    story.change(subscription, pause_collection=pause)
    story.until("2024-10-10")
    story.client.v1.invoice_items.create(
        {
            "customer": story.customer,
            "amount": -300,
            "currency": "usd",
            "description": "Goodwill",
        }
    )
    story.until("2025-01-05 02:00")
    assert story.uow() == [
        ("2024-01-05", "create", "paid", 0, [("1 × Base", 1000, "2024-01-05", "2024-02-05")]),
        ("2024-02-05", "cycle", "paid", 0, [("1 × Base", 1000, "2024-02-05", "2024-03-05")]),
        ("2024-03-05", "cycle", "open", 500, [("1 × Base", 1000, "2024-03-05", "2024-04-05")]),
        ("2024-04-05", "cycle", "open", 1000, [("1 × Base", 1000, "2024-04-05", "2024-05-05")]),
        ("2024-05-05", "cycle", "open", 1000, [("1 × Base", 1000, "2024-05-05", "2024-06-05")]),
        ("2024-06-05", "cycle", "void", 1000, [("1 × Base", 1000, "2024-06-05", "2024-07-05")]),
        ("2024-07-05", "cycle", "void", 1000, [("1 × Base", 1000, "2024-07-05", "2024-08-05")]),
        ("2024-08-05", "cycle", "void", 1000, [("1 × Base", 1000, "2024-08-05", "2024-09-05")]),
        ("2024-09-05", "cycle", "open", 1000, [("1 × Base", 1000, "2024-09-05", "2024-10-05")]),
        ("2024-10-05", "cycle", "open", 1000, [("1 × Base", 1000, "2024-10-05", "2024-11-05")]),
        (
            "2024-11-05",
            "cycle",
            "open",
            700,
            [
                ("Goodwill", -300, "2024-10-10", "2024-10-10"),
                ("1 × Base", 1000, "2024-11-05", "2024-12-05"),
            ],
        ),
        ("2024-12-05", "cycle", "open", 1000, [("1 × Base", 1000, "2024-12-05", "2025-01-05")]),
        ("2025-01-05", "cycle", "open", 1000, [("1 × Base", 1000, "2025-01-05", "2025-02-05")]),
    ]


def test_classic_goes_from_free_to_paid_to_yearly_and_leaves_with_credit(api: Api) -> None:
    story = Stage(api, "2024-01-01")
    free, paid = story.price("Free", 0), story.price("Paid", 2000)
    yearly = story.price("Yearly", 20_000, interval="year")
    subscription = story.subscribe(free, billing_mode={"type": "classic"})
    item = subscription["items"].data[0].id
    story.until("2024-03-12")
    story.change(subscription, items=[{"id": item, "price": paid}])
    story.until("2024-06-27")
    story.change(subscription, items=[{"id": item, "price": yearly}])
    story.until("2024-12-12")
    story.client.v1.subscriptions.cancel(subscription.id, {"invoice_now": True, "prorate": True})
    story.until("2025-01-01")
    assert story.client.v1.customers.retrieve(story.customer).balance == -10_795
    assert story.uow() == [
        ("2024-01-01", "create", "paid", 0, [("1 × Free", 0, "2024-01-01", "2024-02-01")]),
        ("2024-02-01", "cycle", "paid", 0, [("1 × Free", 0, "2024-02-01", "2024-03-01")]),
        ("2024-03-01", "cycle", "paid", 0, [("1 × Free", 0, "2024-03-01", "2024-04-01")]),
        (
            "2024-03-12",
            "update",
            "open",
            2000,
            [
                ("Unused time on Free", 0, "2024-03-12", "2024-04-01"),
                ("1 × Paid", 2000, "2024-03-12", "2024-04-12"),
            ],
        ),
        ("2024-04-12", "cycle", "open", 2000, [("1 × Paid", 2000, "2024-04-12", "2024-05-12")]),
        ("2024-05-12", "cycle", "open", 2000, [("1 × Paid", 2000, "2024-05-12", "2024-06-12")]),
        ("2024-06-12", "cycle", "open", 2000, [("1 × Paid", 2000, "2024-06-12", "2024-07-12")]),
        (
            "2024-06-27",
            "update",
            "open",
            19000,
            [
                ("Unused time on Paid", -1000, "2024-06-27", "2024-07-12"),
                ("1 × Yearly", 20000, "2024-06-27", "2025-06-27"),
            ],
        ),
        (
            "2024-12-12",
            "cycle",
            "paid",
            0,
            [("Unused time on Yearly", -10795, "2024-12-12", "2025-06-27")],
        ),
    ]
