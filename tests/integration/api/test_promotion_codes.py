"""Promotion codes through the official SDK: their words, their limits, and who may redeem them."""

from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Client

_FAR = 1_900_000_000


@dataclass(frozen=True, slots=True)
class Shop:
    """A customer, a price of ten dollars a month, and a coupon that takes a quarter off."""

    client: Client
    customer: str
    price: str
    coupon: str

    def code(self, **params: Any) -> Any:
        promotion = {"type": "coupon", "coupon": params.pop("coupon", self.coupon)}
        return self.client.v1.promotion_codes.create({"promotion": promotion, **params})

    def subscribe(self, code_id: str, customer: str = "", **params: Any) -> Any:
        return self.client.v1.subscriptions.create(
            {
                "customer": customer or self.customer,
                "items": [{"price": self.price}],
                "discounts": [{"promotion_code": code_id}],
                "expand": ["discounts", "latest_invoice"],
                **params,
            }
        )

    def now(self, code_id: str) -> Any:
        return self.client.v1.promotion_codes.retrieve(code_id)


@pytest.fixture
def shop(client: Client) -> Shop:
    v1 = client.v1
    price = {"product_data": {"name": "Seat"}, "currency": "usd", "unit_amount": 1_000}
    return Shop(
        client,
        v1.customers.create().id,
        v1.prices.create({**price, "recurring": {"interval": "month"}}).id,
        v1.coupons.create({"percent_off": 25, "duration": "forever"}).id,
    )


def test_a_promotion_code_comes_back_as_it_was_given(shop: Shop) -> None:
    code = shop.code(
        code="Spring_25",
        customer=shop.customer,
        expires_at=_FAR,
        max_redemptions=3,
        metadata={"a": "1"},
        restrictions={"minimum_amount": 500, "minimum_amount_currency": "usd"},
        expand=["promotion.coupon", "customer"],
    )
    assert code.id.startswith("promo_")
    assert (code.code, code.active, code.times_redeemed) == ("Spring_25", True, 0)
    assert (code.promotion.coupon.percent_off, code.customer.id) == (25, shop.customer)
    assert code.restrictions.to_dict() == {
        "first_time_transaction": False,
        "minimum_amount": 500,
        "minimum_amount_currency": "usd",
    }
    changed = shop.client.v1.promotion_codes.update(code.id, {"active": False, "metadata": ""})
    assert (changed.active, changed.metadata.to_dict()) == (False, {})


def test_a_word_is_made_up_where_none_is_given(shop: Shop) -> None:
    word = shop.code().code
    assert len(word) == 8
    assert word == word.upper()


_WRONG: list[tuple[dict[str, Any], str | None, str]] = [
    ({"promotion": {"type": "coupon"}}, "promotion.coupon", "You must pass promotion.coupon"),
    ({"promotion": {"type": "coupon", "coupon": "x"}}, "promotion[coupon]", "No such coupon: 'x'"),
    ({"coupon": "x"}, "coupon", "unknown parameter"),
    ({"code": "SPRING 25"}, "code", r"/\A[a-zA-Z0-9\-_]+\z/"),
    ({"code": "SPRÜNG"}, "code", "regex"),
    ({"customer": "cus_x"}, "customer", "No such customer"),
    ({"expires_at": 1}, "expires_at", "in the past"),
    ({"expires_at": 4_000_000_000}, "expires_at", "five years"),
    ({"max_redemptions": 0}, "max_redemptions", ""),
    (
        {"restrictions": {"minimum_amount": 5}},
        "restrictions[minimum_amount_currency]",
        "together",
    ),
    (
        {"restrictions": {"minimum_amount_currency": "usd"}},
        "restrictions[minimum_amount]",
        "together",
    ),
    (
        {"restrictions": {"minimum_amount": 5, "minimum_amount_currency": "xxx"}},
        "restrictions[minimum_amount_currency]",
        "",
    ),
    (
        {"restrictions": {"currency_options": {"eur": {"minimum_amount": 5}}}},
        "restrictions[currency_options][eur]",
        "minimum_amount",
    ),
]


@pytest.mark.parametrize(("wrong", "param", "says"), _WRONG)
def test_a_wrong_promotion_code_is_refused(
    shop: Shop, wrong: dict[str, Any], param: str, says: str
) -> None:
    given = {"promotion": {"type": "coupon", "coupon": shop.coupon}, **wrong}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.promotion_codes.create(given)
    assert (refused.value.param, refused.value.http_status) == (param, 400)
    assert says in str(refused.value)
    assert shop.client.v1.promotion_codes.list().data == []


@pytest.mark.parametrize(
    ("coupon", "beyond", "param"),
    [
        ({"max_redemptions": 2}, {"max_redemptions": 3}, "max_redemptions"),
        ({"redeem_by": _FAR}, {"expires_at": _FAR + 1}, "expires_at"),
    ],
)
def test_a_code_stays_within_the_limits_of_its_coupon(
    shop: Shop, coupon: dict[str, Any], beyond: dict[str, Any], param: str
) -> None:
    limited = shop.client.v1.coupons.create({"percent_off": 5, **coupon}).id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.code(coupon=limited, **beyond)
    assert refused.value.param == param
    within = {name: value - 1 for name, value in beyond.items()}
    assert shop.code(coupon=limited, **within).active


class TestWords:
    """One active code has a word, whatever its case: for everybody, or for each customer."""

    @pytest.mark.parametrize(
        ("first", "second", "is_taken"),
        [
            ({}, {}, True),
            ({}, {"customer": 0}, True),
            ({"customer": 0}, {}, True),
            ({"customer": 0}, {"customer": 0}, True),
            ({"customer": 0}, {"customer": 1}, False),
            ({"active": False}, {}, False),
            ({}, {"active": False}, False),
        ],
    )
    def test_who_may_have_it(
        self, shop: Shop, first: dict[str, Any], second: dict[str, Any], *, is_taken: bool
    ) -> None:
        customers = [shop.customer, shop.client.v1.customers.create().id]
        shop.code(code="SPRING", **self._with(first, customers))
        if not is_taken:
            assert shop.code(code="spring", **self._with(second, customers)).code == "spring"
            return
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.code(code="spring", **self._with(second, customers))
        assert "An active promotion code with `code: spring` already exists." in str(refused.value)
        assert (refused.value.code, refused.value.param) == (None, None)

    def _with(self, given: dict[str, Any], customers: list[str]) -> dict[str, Any]:
        return given | ({"customer": customers[given["customer"]]} if "customer" in given else {})

    def test_an_ended_code_frees_it_and_comes_back_only_while_it_is_free(self, shop: Shop) -> None:
        codes = shop.client.v1.promotion_codes
        ended = shop.code(code="SPRING").id
        codes.update(ended, {"active": False})
        other = shop.code(code="SPRING").id
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            codes.update(ended, {"active": True})
        codes.update(other, {"active": False})
        assert codes.update(ended, {"active": True}).active
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            codes.update(other, {"active": True})

    def test_a_code_that_is_used_up_gives_it_away(self, shop: Shop) -> None:
        used = shop.code(code="SPRING", max_redemptions=1).id
        shop.subscribe(used)
        assert not shop.now(used).active
        other = shop.code(code="SPRING").id
        assert not shop.client.v1.promotion_codes.update(used, {"active": False}).active
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            shop.code(code="SPRING")
        assert shop.now(other).active

    def test_lists_find_it_whatever_its_case(self, shop: Shop) -> None:
        codes = shop.client.v1.promotion_codes
        other = shop.code(code="SUMMER", customer=shop.customer).id
        code = shop.code(code="Spring").id
        assert [one.id for one in codes.list({"code": "sPRING"})] == [code]
        assert [one.id for one in codes.list({"customer": shop.customer})] == [other]
        assert [one.id for one in codes.list({"coupon": shop.coupon})] == [code, other]
        assert [one.id for one in codes.list({"coupon": shop.coupon, "active": False})] == []
        assert [one.id for one in codes.list({"active": True, "limit": 1})] == [code]


class TestActive:
    """A code is active only while it and its coupon can be redeemed."""

    @pytest.mark.parametrize(
        ("given", "ends"),
        [
            ({"max_redemptions": 1}, "redeem"),
            ({}, "delete"),
            ({}, "redeem_coupon"),
        ],
    )
    def test_until(self, shop: Shop, given: dict[str, Any], ends: str) -> None:
        v1 = shop.client.v1
        coupon = v1.coupons.create({"percent_off": 50, "max_redemptions": 1}).id
        code = shop.code(coupon=coupon, **given).id
        assert shop.now(code).active
        if ends == "redeem":
            shop.subscribe(code)
        elif ends == "delete":
            v1.coupons.delete(coupon)
        else:
            invoice = {"customer": shop.customer, "discounts": [{"coupon": coupon}]}
            v1.invoices.create(invoice)
        assert not shop.now(code).active
        assert [one.id for one in v1.promotion_codes.list({"active": True})] == []
        assert [one.id for one in v1.promotion_codes.list({"active": False})] == [code]
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.subscribe(code)
        assert refused.value.param == "discounts[0][promotion_code]"
        v1.promotion_codes.update(code, {"active": False})
        with pytest.raises(stripe.InvalidRequestError, match="cannot be active"):
            v1.promotion_codes.update(code, {"active": True})


class TestRedeeming:
    """A discount says by which code it came, and takes off what the coupon does."""

    def test_on_a_subscription(self, shop: Shop) -> None:
        code = shop.code(code="SPRING").id
        made = shop.subscribe(code)
        [discount] = made.discounts
        assert (discount.promotion_code, discount.source.coupon) == (code, shop.coupon)
        assert made.latest_invoice.total == 750
        assert shop.now(code).times_redeemed == 1
        assert shop.client.v1.coupons.retrieve(shop.coupon).times_redeemed == 1
        found = {"expand": ["discounts.promotion_code"]}
        again = shop.client.v1.subscriptions.retrieve(made.id, found)
        assert again.discounts[0].promotion_code.code == "SPRING"

    def test_under_its_older_name(self, shop: Shop) -> None:
        code = shop.code().id
        old = {"customer": shop.customer, "items": [{"price": shop.price}], "promotion_code": code}
        assert len(shop.client.v1.subscriptions.create(old).discounts) == 1

    def test_on_an_item_an_invoice_and_an_invoice_item(self, shop: Shop) -> None:
        v1, code = shop.client.v1, shop.code().id
        by_code = [{"promotion_code": code}]
        item = {"price": shop.price, "discounts": by_code}
        made = v1.subscriptions.create({"customer": shop.customer, "items": [item]})
        assert v1.invoices.retrieve(made.latest_invoice).total == 750
        amount = {"customer": shop.customer, "amount": 400, "currency": "usd"}
        v1.invoice_items.create({**amount, "discounts": by_code})
        pending = {"pending_invoice_items_behavior": "include"}
        invoice = v1.invoices.create(
            {"customer": shop.customer, "discounts": by_code, "currency": "usd", **pending}
        )
        assert invoice.total == 225  # 25 % off 400, and then of the invoice
        assert shop.now(code).times_redeemed == 3

    def test_a_preview_shows_it_and_counts_nothing(self, shop: Shop) -> None:
        code = shop.code(max_redemptions=1).id
        asked = {
            "customer": shop.customer,
            "subscription_details": {"items": [{"price": shop.price}]},
            "discounts": [{"promotion_code": code}],
        }
        for _ in range(2):
            assert shop.client.v1.invoices.create_preview(asked).total == 750
        assert shop.now(code).times_redeemed == 0

    def test_one_code_twice_in_a_request_is_refused(self, shop: Shop) -> None:
        code = shop.code().id
        twice = [{"promotion_code": code}, {"promotion_code": code}]
        with pytest.raises(stripe.InvalidRequestError, match="named twice"):
            shop.subscribe(code, discounts=twice)
        assert shop.now(code).times_redeemed == 0

    def test_an_update_judges_the_items_that_it_makes(self, shop: Shop) -> None:
        least = {"minimum_amount": 3_000, "minimum_amount_currency": "usd"}
        code = shop.code(restrictions=least).id
        v1 = shop.client.v1
        running = v1.subscriptions.create(
            {"customer": shop.customer, "items": [{"price": shop.price}]}
        )
        by_code = {"discounts": [{"promotion_code": code}]}
        with pytest.raises(stripe.InvalidRequestError, match="minimum amount"):
            v1.subscriptions.update(running.id, by_code)
        more = {"items": [{"id": running["items"].data[0].id, "quantity": 3}], **by_code}
        assert len(v1.subscriptions.update(running.id, more).discounts) == 1


class TestRestrictions:
    @pytest.mark.parametrize(
        ("restrictions", "quantity", "says"),
        [
            ({"minimum_amount": 2_000, "minimum_amount_currency": "usd"}, 2, ""),
            ({"minimum_amount": 2_001, "minimum_amount_currency": "usd"}, 2, "minimum amount"),
            ({"minimum_amount": 1, "minimum_amount_currency": "eur"}, 2, "minimum amount"),
            (
                {
                    "minimum_amount": 1,
                    "minimum_amount_currency": "eur",
                    "currency_options": {"usd": {"minimum_amount": 2_000}},
                },
                2,
                "",
            ),
        ],
    )
    def test_the_least_amount_is_that_of_the_currency(
        self, shop: Shop, restrictions: dict[str, Any], quantity: int, says: str
    ) -> None:
        code = shop.code(restrictions=restrictions).id
        items = [{"price": shop.price, "quantity": quantity}]
        if not says:
            assert shop.subscribe(code, items=items).latest_invoice.total == 750 * quantity
            return
        with pytest.raises(stripe.InvalidRequestError, match=says):
            shop.subscribe(code, items=items)
        assert shop.now(code).times_redeemed == 0

    def test_least_amounts_in_more_currencies_can_be_added_but_not_changed(
        self, shop: Shop
    ) -> None:
        least = {"minimum_amount": 500, "minimum_amount_currency": "usd"}
        code, codes = shop.code(restrictions=least).id, shop.client.v1.promotion_codes
        more = {"restrictions": {"currency_options": {"eur": {"minimum_amount": 400}}}}
        shown = codes.update(code, {**more, "expand": ["restrictions.currency_options"]})
        assert shown.restrictions.currency_options["eur"].minimum_amount == 400
        for currency in ("eur", "usd"):
            other = {"restrictions": {"currency_options": {currency: {"minimum_amount": 1}}}}
            with pytest.raises(stripe.InvalidRequestError, match="never change"):
                codes.update(code, other)

    def test_a_code_for_one_customer_is_refused_to_others(self, shop: Shop) -> None:
        code = shop.code(customer=shop.customer).id
        other = shop.client.v1.customers.create().id
        with pytest.raises(stripe.InvalidRequestError, match="another customer"):
            shop.subscribe(code, other)
        assert shop.subscribe(code).latest_invoice.total == 750

    @pytest.mark.parametrize(
        ("former", "is_first"), [("draft", True), ("void", True), ("open", False)]
    )
    def test_a_first_time_code_is_for_customers_who_were_never_billed(
        self, shop: Shop, former: str, *, is_first: bool
    ) -> None:
        v1 = shop.client.v1
        code = shop.code(restrictions={"first_time_transaction": True}).id
        item = {"customer": shop.customer, "amount": 400, "currency": "usd"}
        v1.invoice_items.create(item)
        invoice = v1.invoices.create(
            {
                "customer": shop.customer,
                "collection_method": "send_invoice",
                "days_until_due": 9,
                "pending_invoice_items_behavior": "include",
            }
        )
        if former != "draft":
            v1.invoices.finalize_invoice(invoice.id)
        if former == "void":
            v1.invoices.void_invoice(invoice.id)
        if is_first:
            assert shop.subscribe(code).latest_invoice.total == 750
            return
        with pytest.raises(stripe.InvalidRequestError, match="prior transactions") as refused:
            shop.subscribe(code)
        assert refused.value.code == "promotion_code_customer_not_first_time"
        assert refused.value.param == "discounts[0][promotion_code]"


def test_events_tell_of_codes_that_come_and_change(shop: Shop) -> None:
    code = shop.code(code="SPRING").id
    shop.client.v1.promotion_codes.update(code, {"active": False})
    found = shop.client.v1.events.list(
        {"types": ["promotion_code.created", "promotion_code.updated"]}
    )
    changed, made = found.data
    assert (changed.type, made.type) == ("promotion_code.updated", "promotion_code.created")
    assert changed.data.previous_attributes.to_dict() == {"active": True}
