"""Which grants pay for which lines, in which order, and never more than there is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.money import minor_digits
from meterline.core.credits.application import (
    CreditableInvoice,
    CreditableLine,
    Taken,
    take_credits,
)
from meterline.core.credits.grants import GrantBalance, in_order, is_eligible


def balance(grant: str = "a", left: int = 100, **more: Any) -> GrantBalance:
    usual: GrantBalance = {
        "grant": grant,
        "category": "paid",
        "created": 100,
        "currency": "usd",
        "effective_at": 100,
        "expires_at": None,
        "left": left,
        "prices": None,
        "priority": 50,
    }
    return usual | more  # type: ignore[return-value]


# What the billing credits guide of Stripe publishes, on grants of our own:
# docs.stripe.com/billing/subscriptions/usage-based/billing-credits
# first | second
ORDER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"priority": 0}, {"priority": 50}),
    ({"expires_at": 800}, {"expires_at": None}),
    ({"expires_at": 800}, {"expires_at": 801}),
    ({"category": "promotional"}, {"category": "paid"}),
    ({"effective_at": 99}, {"effective_at": 100}),
    ({"created": 10}, {"created": 20}),
    (
        {"priority": 50},
        {"priority": 51, "category": "promotional", "expires_at": 1, "created": 1},
    ),
    ({"expires_at": 800}, {"expires_at": 900, "category": "promotional"}),
    ({"category": "promotional"}, {"effective_at": 1}),
    ({"effective_at": 99}, {"created": 1}),
]


@pytest.mark.parametrize(("first", "second"), ORDER)
def test_grants_are_taken_in_the_published_order(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    given_ = [balance("z", **first), balance("a", **second)]
    assert [one["grant"] for one in in_order(given_)] == ["z", "a"]
    assert [one["grant"] for one in in_order(given_[::-1])] == ["z", "a"]


# effective_at | expires_at | whether it pays for what ends at 1,000
ELIGIBLE = [
    (1_000, None, True),
    (1_001, None, False),
    (1, 1_000, False),
    (1, 1_001, True),
]


@pytest.mark.parametrize(("effective_at", "expires_at", "pays"), ELIGIBLE)
def test_a_grant_pays_from_when_it_is_effective_until_before_it_expires(
    effective_at: int,
    expires_at: int | None,
    pays: bool,  # noqa: FBT001 - a case
) -> None:
    granted = balance(effective_at=effective_at, expires_at=expires_at)
    assert is_eligible(granted, 1_000) is pays


CALLS, IMAGES = "price_calls", "price_images"

# lines | grants | what each line takes
TAKEN: list[tuple[list[tuple[int, str | None]], list[GrantBalance], list[list[Taken]]]] = [
    ([(30, CALLS)], [balance(left=20)], [[Taken("a", 20)]]),
    ([(30, CALLS), (30, CALLS)], [balance(left=40)], [[Taken("a", 30)], [Taken("a", 10)]]),
    ([(30, None), (30, CALLS)], [balance(left=40)], [[], [Taken("a", 30)]]),
    (
        [(30, CALLS)],
        [balance("b", 20), balance("a", 100, priority=51)],
        [[Taken("b", 20), Taken("a", 10)]],
    ),
    (
        [(30, CALLS), (30, IMAGES)],
        [balance(prices=[IMAGES], left=40)],
        [[], [Taken("a", 30)]],
    ),
    ([(30, CALLS), (-10, None)], [balance()], [[Taken("a", 20)], []]),
    ([(30, CALLS), (-50, None)], [balance()], [[], []]),
    ([(-30, CALLS), (50, CALLS)], [balance()], [[], [Taken("a", 20)]]),
    ([(0, CALLS)], [balance()], [[]]),
    ([(30, CALLS)], [balance(currency="eur")], [[]]),
    ([(30, CALLS)], [balance(left=0)], [[]]),
]


@pytest.mark.parametrize(("lines", "grants", "taken"), TAKEN)
def test_lines_take_in_their_order_what_grants_pay_for(
    lines: list[tuple[int, str | None]], grants: list[GrantBalance], taken: list[list[Taken]]
) -> None:
    assert taken_by(lines, grants) == taken


def taken_by(
    lines: list[tuple[int, str | None]], grants: list[GrantBalance], currency: str = "usd"
) -> list[list[Taken]]:
    invoice = CreditableInvoice(sum(amount for amount, _ in lines), currency, 1_000)
    return take_credits([CreditableLine(*line) for line in lines], grants, invoice)


CURRENCIES = ["jpy", "usd", "kwd"]
PRICES = [CALLS, IMAGES]
LINES = st.lists(
    st.tuples(st.integers(-1_000, 10_000), st.sampled_from([*PRICES, None])), max_size=8
)


@st.composite
def grants_(draw: st.DrawFn) -> list[GrantBalance]:
    return [
        balance(
            f"grant_{place}",
            draw(st.integers(1, 5_000)),
            currency=draw(st.sampled_from(CURRENCIES)),
            priority=draw(st.integers(0, 2)),
            category=draw(st.sampled_from(["paid", "promotional"])),
            effective_at=draw(st.integers(0, 1_500)),
            expires_at=draw(st.none() | st.integers(500, 1_500)),
            prices=draw(st.none() | st.lists(st.sampled_from(PRICES), min_size=1, unique=True)),
        )
        for place in range(draw(st.integers(0, 6)))
    ]


@given(LINES, grants_(), st.sampled_from(CURRENCIES))
def test_nothing_is_taken_that_is_not_there(
    lines: list[tuple[int, str | None]], grants: list[GrantBalance], currency: str
) -> None:
    assert minor_digits(currency) in (0, 2, 3)
    taken = taken_by(lines, grants, currency)
    by_grant = {one["grant"]: one for one in grants}
    spent = dict.fromkeys(by_grant, 0)
    for (amount, price), parts in zip(lines, taken, strict=True):
        assert all(part.amount_minor > 0 for part in parts)
        assert sum(part.amount_minor for part in parts) <= max(0, amount)
        for part in parts:
            spent[part.grant] += part.amount_minor
            granted = by_grant[part.grant]
            assert granted["currency"] == currency
            assert is_eligible(granted, 1_000)
            assert price in (granted["prices"] or PRICES)
    assert all(spent[grant] <= one["left"] for grant, one in by_grant.items())
    assert sum(spent.values()) <= max(0, sum(amount for amount, _ in lines))


@given(LINES, grants_(), st.sampled_from(CURRENCIES))
def test_nothing_is_left_that_could_be_taken(
    lines: list[tuple[int, str | None]], grants: list[GrantBalance], currency: str
) -> None:
    taken = taken_by(lines, grants, currency)
    spent: dict[str, int] = {}
    for part in (part for parts in taken for part in parts):
        spent[part.grant] = spent.get(part.grant, 0) + part.amount_minor
    room = max(0, sum(amount for amount, _ in lines)) - sum(spent.values())
    for (amount, price), parts in zip(lines, taken, strict=True):
        open_amount = min(room, amount - sum(part.amount_minor for part in parts))
        for one in grants:
            pays = (
                one["currency"] == currency
                and is_eligible(one, 1_000)
                and price in (one["prices"] or PRICES)
            )
            left = one["left"] - spent.get(one["grant"], 0)
            assert not (pays and left > 0 and open_amount > 0)


@given(LINES, grants_())
def test_a_grant_is_used_up_before_a_later_one_pays_the_same_line(
    lines: list[tuple[int, str | None]], grants: list[GrantBalance]
) -> None:
    ranks = {one["grant"]: rank for rank, one in enumerate(in_order(grants))}
    for parts in taken_by(lines, grants):
        assert [ranks[part.grant] for part in parts] == sorted(ranks[part.grant] for part in parts)
