"""What holds for every input: periods tile, tiers meet at their edges, prorations cancel."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.periods import (
    Interval,
    IntervalUnit,
    Period,
    add_intervals,
    add_months,
    boundary,
    next_boundary,
    period_at,
    stub_denominator,
)
from meterline.core.base.proration import prorate
from meterline.core.billing.anchors import AnchorConfig, first_full_invoice_at, resolve_anchor
from meterline.core.billing.balances import apply_balance
from meterline.core.billing.discounts import (
    Billed,
    Discount,
    DiscountableLine,
    DiscountAmount,
    allocate,
    discount_lines,
)
from meterline.core.billing.invoicing import BillingMode
from meterline.core.catalog.rating import PricePlan, TiersMode, rate
from meterline.core.subscriptions.item_changes import BilledSpan, Fee, ItemChange, prorate_change
from tests.unit.core.strategies import instants, intervals, quantities, tiered_plans

fees = st.integers(0, 10_000_000)
modes = st.sampled_from(list(BillingMode))


@given(anchor=instants, interval=intervals, instant=instants)
def test_every_instant_lies_in_exactly_one_period(
    anchor: int, interval: Interval, instant: int
) -> None:
    period = period_at(anchor, interval, instant)
    assert period.start <= instant < period.end
    assert period_at(anchor, interval, period.start) == period
    assert period_at(anchor, interval, period.end - 1) == period
    assert period_at(anchor, interval, period.end).start == period.end


@given(anchor=instants, interval=intervals, n=st.integers(-40, 40))
def test_walking_from_boundary_to_boundary_never_drifts(
    anchor: int, interval: Interval, n: int
) -> None:
    walked = boundary(anchor, interval, min(n, 0))
    for _ in range(abs(n)):
        walked = next_boundary(anchor, interval, walked)
    assert walked == boundary(anchor, interval, max(n, 0))


@given(anchor=instants, months=st.integers(1, 36), n=st.integers(0, 30))
def test_n_periods_of_m_months_are_n_times_m_months(anchor: int, months: int, n: int) -> None:
    interval = Interval(IntervalUnit.MONTH, months)
    assert boundary(anchor, interval, n) == add_months(anchor, n * months)


@given(anchor=instants, count=st.integers(1, 3), n=st.integers(-10, 10))
def test_years_are_twelve_months(anchor: int, count: int, n: int) -> None:
    years = Interval(IntervalUnit.YEAR, count)
    months = Interval(IntervalUnit.MONTH, 12 * count)
    assert boundary(anchor, years, n) == boundary(anchor, months, n)


@given(created=instants, day=st.integers(1, 31), count=st.integers(1, 36))
def test_a_config_s_anchor_has_a_boundary_within_a_month_of_creation(
    created: int, day: int, count: int
) -> None:
    """Without a month the day comes round within a month, however far ahead the anchor is."""
    interval = Interval(IntervalUnit.MONTH, count)
    anchor = resolve_anchor(AnchorConfig(day), created, interval)
    first = first_full_invoice_at(anchor, interval, created)
    assert created <= first <= created + 31 * 86_400
    assert period_at(anchor, interval, first).start == first


@given(created=instants, day=st.integers(1, 31), month=st.integers(1, 12), interval=intervals)
def test_a_config_s_first_full_invoice_is_within_one_period(
    created: int, day: int, month: int, interval: Interval
) -> None:
    """To the day: a clamped day may come up to three days after the natural date."""
    if not interval.months:
        return
    anchor = resolve_anchor(AnchorConfig(day, month), created, interval)
    first = first_full_invoice_at(anchor, interval, created)
    assert created <= first <= add_intervals(created, interval, 1) + 3 * 86_400


@given(anchor=instants, interval=intervals, start=instants)
def test_a_stub_never_costs_more_than_a_full_period(
    anchor: int, interval: Interval, start: int
) -> None:
    stub = Period(start, next_boundary(anchor, interval, start))
    assert 0 <= prorate(1000, stub, stub_denominator(stub, interval)) <= 1000


@given(plan=tiered_plans(TiersMode.GRADUATED), one=quantities, other=quantities)
def test_graduated_amounts_never_fall_as_usage_grows(
    plan: PricePlan, one: Decimal, other: Decimal
) -> None:
    less, more = sorted((one, other))
    assert rate(plan, less).exact <= rate(plan, more).exact


@given(plan=tiered_plans(TiersMode.GRADUATED, flat=False))
def test_graduated_amounts_are_continuous_at_the_edges_of_tiers(plan: PricePlan) -> None:
    step = Decimal("0.000001")
    dearest = max(tier.unit_amount or Decimal(0) for tier in plan.tiers)
    for tier in plan.tiers[:-1]:
        edge = tier.up_to or Decimal(0)
        jump = rate(plan, edge + step).exact - rate(plan, edge).exact
        assert 0 <= jump <= dearest * step


@given(plan=tiered_plans(TiersMode.GRADUATED) | tiered_plans(TiersMode.VOLUME), quantity=quantities)
def test_the_steps_of_a_rating_add_up_to_its_amount(plan: PricePlan, quantity: Decimal) -> None:
    rated = rate(plan, quantity)
    assert sum(step.amount for step in rated.steps) == rated.exact
    assert sum(step.quantity for step in rated.steps) == quantity
    assert sum(tier.amount_minor for tier in rated.by_tier) == rated.amount_minor
    for one in rated.by_tier:
        assert abs(one.exact - one.amount_minor) <= Decimal("0.5")


@given(
    plan=tiered_plans(TiersMode.GRADUATED),
    quantity=st.decimals(0, 60, places=1),
    more=st.decimals(0, 60, places=1),
)
def test_more_usage_of_a_graduated_price_only_adds_lines(
    plan: PricePlan, quantity: Decimal, more: Decimal
) -> None:
    """So a line is of the same tier, or flat amount, however often its usage is rated again."""
    before, after = rate(plan, quantity).steps, rate(plan, quantity + more).steps
    named = [(step.tier, step.is_flat) for step in after]
    assert [(step.tier, step.is_flat) for step in before] == named[: len(before)]


@given(
    fee=fees, start=instants, seconds=st.integers(1, 94_608_000), used=st.integers(0, 94_608_000)
)
def test_credit_and_debit_of_an_unchanged_item_cancel(
    fee: int, start: int, seconds: int, used: int
) -> None:
    period = Period(start, start + seconds)
    change = ItemChange(
        at=start + used % seconds,
        period=period,
        whole=period,
        old_fee=Fee(fee),
        new_fee=Fee(fee),
        billed=(BilledSpan(Fee(fee), period),),
    )
    for mode in BillingMode:
        assert prorate_change(change, mode).net_minor == 0


@given(fee=fees, start=instants, seconds=st.integers(2, 94_608_000), cuts=st.data())
def test_credit_and_debit_after_earlier_changes_cancel_to_one_minor_unit(
    fee: int, start: int, seconds: int, cuts: st.DataObject
) -> None:
    """What an earlier debit rounded may differ from today's debit by one minor unit, not more."""
    period = Period(start, start + seconds)
    state: tuple[BilledSpan, ...] = (BilledSpan(Fee(fee), period),)
    times = cuts.draw(st.lists(st.integers(start, period.end - 1), max_size=4).map(sorted))
    for instant in times:
        change = ItemChange(instant, period, period, Fee(fee), Fee(fee), state)
        result = prorate_change(change, BillingMode.FLEXIBLE)
        assert abs(result.net_minor) <= 1
        state = result.billed


@given(first=fees, middle=fees, last=fees, mode=modes, used=st.integers(0, 2_591_999))
def test_two_changes_at_one_instant_equal_one(
    first: int, middle: int, last: int, mode: BillingMode, used: int
) -> None:
    period = Period(0, 2_592_000)
    billed = (BilledSpan(Fee(first), period),)

    def change(old: int, new: int, state: tuple[BilledSpan, ...]) -> ItemChange:
        return ItemChange(used, period, period, Fee(old), Fee(new), state)

    once = prorate_change(change(first, last, billed), mode)
    step = prorate_change(change(first, middle, billed), mode)
    rest = prorate_change(change(middle, last, step.billed), mode)
    assert step.net_minor + rest.net_minor == once.net_minor
    assert rest.billed == once.billed


@given(amount=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**7), max_size=12))
def test_an_allocation_spreads_all_of_the_amount_that_finds_room(
    amount: int, weights: list[int]
) -> None:
    shares = allocate(amount, weights)
    assert sum(shares) == min(amount, sum(weights))
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@given(
    lines=st.lists(st.integers(-10_000, 10_000), max_size=6),
    percents=st.lists(st.decimals("0.01", 100, places=2), max_size=3),
    amounts_off=st.lists(st.integers(0, 20_000), max_size=3),
)
def test_no_discount_changes_the_sign_of_a_line_or_turns_charges_into_credit(
    lines: list[int], percents: list[Decimal], amounts_off: list[int]
) -> None:
    coupons = [Discount("p", percent) for percent in percents]
    coupons += [Discount("a", amount_off_minor=amount) for amount in amounts_off]
    taken = discount_lines([DiscountableLine(amount) for amount in lines], coupons)
    for amount, parts in zip(lines, taken, strict=True):
        assert min(amount, 0) <= sum(part.amount_minor for part in parts) <= max(amount, 0)
    off = discount_lines([DiscountableLine(amount) for amount in lines], coupons[len(percents) :])
    left = sum(lines) - sum(part.amount_minor for parts in off for part in parts)
    assert left >= min(sum(lines), 0)


@given(total=st.integers(-(10**9), 10**9), balance=st.integers(-(10**9), 10**9))
def test_a_settlement_never_creates_or_loses_money(total: int, balance: int) -> None:
    applied = apply_balance(total, balance, 50)
    assert applied.amount_due_minor + applied.ending_balance_minor == total + balance
    assert applied.amount_due_minor >= 0


@given(
    amounts=st.lists(st.integers(0, 10_000), min_size=1, max_size=8),
    coupons=st.lists(st.sampled_from(range(4)), min_size=8, max_size=8),
    percents=st.lists(st.decimals("0.01", 100, places=2), min_size=2, max_size=2),
    amount_off=st.integers(0, 20_000),
)
def test_what_comes_back_of_usage_is_never_more_than_what_was_charged_for_it(
    amounts: list[int], coupons: list[int], percents: list[Decimal], amount_off: int
) -> None:
    """An amount grows and shrinks from bill to bill, under another coupon each time or none."""
    known = [Discount(f"{percent}", percent_off=percent) for percent in percents]
    known.append(Discount("off", amount_off_minor=amount_off))
    gross, net = 0, 0
    taken: dict[str, int] = {}
    for amount, coupon in zip(amounts, coupons, strict=False):
        line = DiscountableLine(amount - gross, billed=_billed(gross, taken))
        [off] = discount_lines([line], known[coupon : coupon + 1])
        charged = amount - gross - sum(part.amount_minor for part in off)
        if amount < gross:
            assert 0 <= -charged <= net
            assert abs(-charged * gross - net * (gross - amount)) <= gross
        for part in off:
            taken[part.discount_id] = taken.get(part.discount_id, 0) + part.amount_minor
        gross, net = amount, net + charged
        assert 0 <= net <= gross
    [off] = discount_lines([DiscountableLine(-gross, billed=_billed(gross, taken))])
    assert -gross - sum(part.amount_minor for part in off) == -net


def _billed(amount: int, taken: dict[str, int]) -> Billed:
    return Billed(amount, tuple(DiscountAmount(one, off) for one, off in taken.items()))
