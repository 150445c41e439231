"""The lines of drafts: ``add_lines``, ``update_lines``, ``remove_lines`` and one line at a time."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api, Client
from tests.integration.stories.stage import Stage


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


@pytest.fixture
def invoices(client: Client) -> Any:
    return client.v1.invoices


@pytest.fixture
def draft(stage: Stage, invoices: Any) -> str:
    return str(invoices.create({"customer": stage.customer}).id)


def _pending(stage: Stage, amount: int, **params: Any) -> str:
    given = {"customer": stage.customer, "amount": amount, "currency": "usd", **params}
    return str(stage.client.v1.invoice_items.create(given).id)


def _product(stage: Stage) -> str:
    return str(stage.client.v1.products.create({"name": "Desk"}).id)


def _lines(invoice: Any) -> list[tuple[str | None, int]]:
    return [(line.description, line.amount) for line in invoice.lines.data]


def test_lines_are_added_in_every_spelling_of_an_amount(
    stage: Stage, invoices: Any, draft: str
) -> None:
    once = {"currency": "usd", "product": _product(stage), "unit_amount": 250}
    price = stage.client.v1.prices.create(once).id
    waiting = _pending(stage, 70, description="Waiting")
    made = invoices.add_lines(
        draft,
        {
            "lines": [
                {"amount": 100, "description": "Fee"},
                {"pricing": {"price": price}, "quantity": 2},
                {"price_data": {**once, "unit_amount": 3}, "quantity_decimal": "1.5"},
                {"invoice_item": waiting},
                {
                    "price_data": {
                        "currency": "usd",
                        "product_data": {"name": "Chair"},
                        "unit_amount": 900,
                    }
                },
            ],
            "invoice_metadata": {"order": "7"},
        },
    )
    assert _lines(made) == [
        ("Fee", 100),
        ("Desk", 500),
        ("Desk", 5),
        ("Waiting", 70),
        ("Chair", 900),
    ]
    assert (made.total, made.metadata.to_dict()) == (1_575, {"order": "7"})
    assert stage.client.v1.invoice_items.retrieve(waiting).invoice == draft
    assert invoices.finalize_invoice(draft).amount_due == 1_575


def test_lines_are_changed_and_their_items_with_them(
    stage: Stage, invoices: Any, draft: str
) -> None:
    added = invoices.add_lines(draft, {"lines": [{"amount": 100}, {"amount": 200}]})
    first, second = added.lines.data
    changed = invoices.update_lines(
        draft,
        {
            "lines": [
                {"id": first.id, "amount": 150, "description": "More", "metadata": {"a": "1"}},
                {"id": second.id, "period": {"start": 5, "end": 10}},
            ]
        },
    )
    assert _lines(changed) == [("More", 150), (None, 200)]
    assert changed.lines.data[1].period.to_dict() == {"start": 5, "end": 10}
    item = first.parent.invoice_item_details.invoice_item
    kept = stage.client.v1.invoice_items.retrieve(item)
    assert (kept.amount, kept.description, kept.metadata.to_dict()) == (150, "More", {"a": "1"})


def test_one_line_changes_and_is_the_answer(stage: Stage, invoices: Any, draft: str) -> None:
    coupon = stage.client.v1.coupons.create({"percent_off": 50}).id
    line = invoices.add_lines(draft, {"lines": [{"amount": 100}]}).lines.data[0]
    changed = invoices.line_items.update(
        draft, line.id, {"amount": 300, "discounts": [{"coupon": coupon}]}
    )
    assert (changed.object, changed.id, changed.amount) == ("line_item", line.id, 300)
    assert changed.discount_amounts[0].amount == 150
    assert invoices.retrieve(draft).total == 150


def test_a_pending_item_is_put_onto_a_draft_once(stage: Stage, invoices: Any, draft: str) -> None:
    waiting = _pending(stage, 70)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        invoices.add_lines(draft, {"lines": [{"invoice_item": waiting}, {"invoice_item": waiting}]})
    assert refused.value.param == "lines[1][invoice_item]"
    assert invoices.retrieve(draft).total == 0
    assert stage.client.v1.invoice_items.retrieve(waiting).invoice is None


@pytest.mark.parametrize("times", [1, 11])
def test_what_a_draft_gave_back_does_not_take_along_what_is_put_onto_the_draft_later(
    stage: Stage, invoices: Any, draft: str, times: int
) -> None:
    for amount in range(1, times + 1):
        first = invoices.add_lines(draft, {"lines": [{"amount": amount}]}).lines.data[0]
        invoices.remove_lines(draft, {"lines": [{"id": first.id, "behavior": "unassign"}]})
    invoices.add_lines(draft, {"lines": [{"amount": 1_000}]})
    other = invoices.create(
        {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    )
    assert other.total == sum(range(1, times + 1))
    assert invoices.retrieve(draft).total == 1_000
    listed = stage.client.v1.invoice_items.list({"customer": stage.customer, "invoice": draft})
    assert [item.amount for item in listed.data] == [1_000]


def test_a_removed_line_is_deleted_or_waits_again(stage: Stage, invoices: Any, draft: str) -> None:
    waiting = _pending(stage, 70)
    added = invoices.add_lines(draft, {"lines": [{"invoice_item": waiting}, {"amount": 100}]})
    first, second = added.lines.data
    removed = invoices.remove_lines(
        draft,
        {
            "lines": [
                {"id": first.id, "behavior": "unassign"},
                {"id": second.id, "behavior": "delete"},
            ]
        },
    )
    assert (removed.lines.data, removed.total) == ([], 0)
    items = stage.client.v1.invoice_items
    assert items.retrieve(waiting).invoice is None
    gone = second.parent.invoice_item_details.invoice_item
    with pytest.raises(stripe.InvalidRequestError) as missing:
        items.retrieve(gone)
    assert missing.value.code == "resource_missing"
    again = invoices.create(
        {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    )
    assert again.total == 70


def test_the_words_of_a_subscriptions_line_change_but_not_its_amount(
    stage: Stage, invoices: Any
) -> None:
    meter = stage.meter()
    stage.subscribe(stage.metered("Calls", meter, 10))
    stage.use(5)
    stage.until("2024-02-01 00:30")
    renewal = stage.invoices()[-1]
    line = renewal.lines.data[0]
    changed = invoices.line_items.update(
        renewal.id, line.id, {"description": "Your calls", "metadata": {"a": "1"}}
    )
    assert changed.description == "Your calls"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        invoices.line_items.update(renewal.id, line.id, {"amount": 1})
    assert refused.value.param == "amount"
    with pytest.raises(stripe.InvalidRequestError):
        invoices.remove_lines(renewal.id, {"lines": [{"id": line.id, "behavior": "delete"}]})
    stage.use(1, "2024-01-31")
    stage.until("2024-02-01 02:00")
    final = stage.invoices()[-1]
    assert (final.status, _lines(final)) == ("open", [("Your calls", 60)])


def test_usage_whose_amount_was_set_is_not_rated_again(stage: Stage, invoices: Any) -> None:
    made = stage.subscribe(stage.metered("Calls", stage.meter(), 10), stage.price("Seat", 100))
    metered = next(item for item in made["items"].data if item.price.recurring.meter)
    stage.use(5)
    stage.until("2024-01-10")
    stage.change(made, items=[{"id": metered.id, "deleted": True}])
    stage.until("2024-02-01 00:30")
    renewal = stage.invoices()[-1]
    usage = next(line for line in renewal.lines.data if line.amount == 50)
    invoices.line_items.update(renewal.id, usage.id, {"amount": 20})
    stage.until("2024-02-01 02:00")
    assert stage.invoices()[-1].total == 120


@pytest.mark.parametrize(
    ("wrong", "param", "code"),
    [
        ({"lines": []}, "lines", None),
        ({"lines": [{"description": "x"}]}, "lines[0][amount]", "parameter_missing"),
        ({"lines": [{"amount": 1, "pricing": {"price": "x"}}]}, None, "parameters_exclusive"),
        ({"lines": [{"invoice_item": "ii_x"}]}, "lines[0][invoice_item]", "resource_missing"),
        ({"lines": [{"pricing": {"price": "x"}}]}, "lines[0][pricing][price]", "resource_missing"),
        ({"lines": [{"amount": 5, "quantity": 2}]}, "lines[0][amount]", None),
        (
            {"lines": [{"amount": 5, "tax_rates": ["x"]}]},
            "lines[0][tax_rates][0]",
            "resource_missing",
        ),
    ],
)
def test_wrong_lines_are_refused(
    invoices: Any, draft: str, wrong: dict[str, Any], param: str | None, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        invoices.add_lines(draft, wrong)
    assert param in (None, refused.value.param)
    assert code in (None, refused.value.code)
    assert invoices.retrieve(draft).lines.data == []


def test_a_line_that_is_not_on_the_invoice_is_missing(invoices: Any, draft: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        invoices.update_lines(draft, {"lines": [{"id": "il_x", "amount": 1}]})
    assert (refused.value.param, refused.value.http_status) == ("lines[0][id]", 400)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        invoices.line_items.update(draft, "il_x", {"amount": 1})
    assert missing.value.http_status == 404


def test_the_lines_of_a_final_invoice_never_change(invoices: Any, draft: str) -> None:
    line = invoices.add_lines(draft, {"lines": [{"amount": 100}]}).lines.data[0]
    invoices.finalize_invoice(draft)
    for verb, given in {
        "add_lines": {"amount": 1},
        "update_lines": {"id": line.id, "amount": 1},
        "remove_lines": {"id": line.id, "behavior": "delete"},
    }.items():
        with pytest.raises(stripe.InvalidRequestError) as refused:
            getattr(invoices, verb)(draft, {"lines": [given]})
        assert refused.value.code == "invoice_not_editable"


def test_an_item_of_another_customer_or_invoice_cannot_be_added(
    stage: Stage, invoices: Any, draft: str, client: Client
) -> None:
    other = client.v1.customers.create().id
    foreign = _pending(stage, 5, customer=other)
    taken = _pending(stage, 5, invoice=draft)
    for item in (foreign, taken):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            invoices.add_lines(draft, {"lines": [{"invoice_item": item}]})
        assert refused.value.param == "lines[0][invoice_item]"


def test_an_invoice_item_brings_its_own_price_and_a_decimal_quantity(
    stage: Stage, client: Client
) -> None:
    once = {"currency": "usd", "product": _product(stage), "unit_amount_decimal": "-10.5"}
    item = client.v1.invoice_items.create(
        {"customer": stage.customer, "price_data": once, "quantity_decimal": "2.5"}
    )
    assert (item.amount, str(item.quantity_decimal), item.discountable) == (-26, "2.5", False)
    changed = client.v1.invoice_items.update(item.id, {"quantity": 4})
    assert changed.amount == -42
