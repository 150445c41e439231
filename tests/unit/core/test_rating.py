"""What quantities cost: published examples, tables from other systems' tests, and limits."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.catalog.rating import (
    PricePlan,
    RatedStep,
    Tier,
    TiersMode,
    TransformQuantity,
    rate,
)
from tests.unit.core.tables import plan_of, rows

# case | model | terms in cents | quantity | amount of the line in cents
IN_MINOR_UNITS = """
stripe tiered 001    | volume      | 5@700, 10@650, inf@600 | 1      | 700
stripe tiered 007    | graduated   | 5@700, 10@650, inf@600 | 5      | 3500
stripe tiered 010    | graduated   | 5@700, 10@650, inf@600 | 25     | 15750
stripe tiered 019    | volume      | 10000@50, inf@40       | 25000  | 1000000
stripe tiered 023    | graduated   | 1000@0, inf@4          | 0      | 0
stripe tiered 024    | graduated   | 1000@0, inf@4          | 1000   | 0
stripe tiered 025    | graduated   | 1000@0, inf@4          | 1001   | 4
stripe tiered 027    | graduated   | 100000@0, inf@0.1      | 100000 | 0
stripe tiered 027    | per_unit    | 20000                  | 1      | 20000
stripe package 002   | per_package | 1000 per 5 up          | 3      | 1000
stripe package 004   | per_package | 1000 per 5 up          | 6      | 2000
stripe package 010   | per_package | 10 per 1000 down       | 2500   | 20
stripe package 015   | per_package | 1000 per 10 up         | 100    | 10000
stripe package 016   | per_package | 1000 per 10 up         | 150    | 15000
stripe decimal 001   | per_unit    | 0.05                   | 30     | 2
stripe threshold 001 | graduated   | 10000@50, inf@40       | 200    | 10000
stripe threshold 007 | volume      | 10000@50, inf@40       | 10001  | 400040
stripe threshold 009 | per_unit    | 500                    | 10     | 5000
"""

FLAT_AND_UNIT = "5@500+1000, 10@400+2000, 15@300+3000, 20@200+4000, inf@100+5000"

# case | mode | quantity | amount of the line in cents, at the terms above
WITH_FLAT_AMOUNTS = """
stripe tiered 011 | volume    | 12 | 6600
stripe tiered 012 | graduated | 12 | 11100
stripe tiered 013 | volume    | 0  | 1000
stripe tiered 014 | graduated | 0  | 1000
"""

# case | model | terms in dollars | quantity | exact amount in dollars, not rounded
EXACT_AMOUNTS = """
stripe docs 004 | per_unit    | 5                                           | 20      | 100
stripe docs 005 | per_unit    | 5                                           | 25      | 125
stripe docs 007 | volume      | 5@7, 10@6.5, inf@6                          | 5       | 35
stripe docs 010 | volume      | 5@7, 10@6.5, inf@6                          | 25      | 150
stripe docs 012 | graduated   | 5@7, 10@6.5, inf@6                          | 6       | 41.5
stripe docs 013 | graduated   | 5@5, 10@4, 15@3, 20@2, inf@1                | 1       | 5
stripe docs 014 | graduated   | 5@5, 10@4, 15@3, 20@2, inf@1                | 5       | 25
stripe docs 016 | graduated   | 5@5, 10@4, 15@3, 20@2, inf@1                | 20      | 70
stripe docs 021 | volume      | 5@5, 10@4, 15@3, 20@2, inf@1                | 20      | 40
stripe docs 022 | volume      | 5@5, 10@4, 15@3, 20@2, inf@1                | 25      | 25
stripe docs 025 | volume      | 5@5+10, 10@4+20, 15@3+30, 20@2+40, inf@1+50 | 0       | 10
stripe docs 026 | graduated   | 5@5+10, 10@4+20, 15@3+30, 20@2+40, inf@1+50 | 0       | 10
autumn 001      | graduated   | inf@0.1                                     | 100     | 10
autumn 002      | graduated   | inf@0.1                                     | 0       | 0
autumn 005      | graduated   | 100@0.1, 500@0.05, inf@0.02                 | 250     | 17.5
autumn 008      | per_package | 1 per 10 up                                 | 15      | 2
autumn 010      | per_package | 1 per 10 up                                 | 1       | 1
autumn 012      | graduated   | inf@0.000001                                | 1000000 | 1
autumn 022      | volume      | 100@0.1, 500@0.05, inf@0.02                 | 1000    | 20
autumn 025      | volume      | 50@0, 150@0.1, 550@0.05, inf@0.02           | 30      | 0
autumn 029      | volume      | 50@0, 150@0.1, 550@0.05, inf@0.02           | 200     | 10
killbill 001    | graduated   | 10@1.5, 110@1, inf@0.5                      | 111     | 115.5
lago 001        | graduated   | 10@10+2, 20@5+3, inf@5+3                    | 0       | 2
lago 015        | volume      | 100@2+10, 200@1, inf@0.5+50                 | 200     | 200
lago 016        | volume      | 100@2+10, 200@1, inf@0.5+50                 | 300     | 200
lago 019        | per_package | 100 per 10 up                               | 121     | 1300
meteroid 003    | graduated   | inf@1+10                                    | 5       | 15
meteroid 005    | per_package | 5 per 20 up                                 | 45      | 15
openmeter 001   | per_unit    | 10                                          | 0       | 0
openmeter 005   | per_unit    | 100                                         | 10      | 1000
openmeter 026   | volume      | inf@5                                       | 0       | 0
openmeter 027   | volume      | 5@0+100, 10@0+150, 15@10, inf@5             | 3       | 100
openmeter 067   | graduated   | 5@0+100, 10@0+50, 15@10, inf@5              | 5.001   | 150
openmeter 073   | per_package | 1 per 10 up                                 | 9       | 1
openmeter 074   | per_package | 1 per 10 up                                 | 10      | 1
openmeter 076   | per_package | 1 per 1000 up                               | 1400    | 2
polar 001       | volume      | inf@5                                       | 1       | 5
polar 002       | volume      | inf@5                                       | 10      | 50
polar 003       | volume      | inf@5                                       | 100     | 500
polar 010       | volume      | inf@0                                       | 100     | 0
polar 011       | graduated   | inf@5                                       | 1       | 5
polar 012       | graduated   | inf@5                                       | 10      | 50
polar 013       | graduated   | 10@10, 50@8, inf@6                          | 5       | 50
polar 019       | graduated   | 10@10, 50@8, inf@6                          | 1       | 10
polar 020       | graduated   | 5@0, inf@10                                 | 3       | 0
polar 026       | graduated   | 10@200, inf@60                              | 5       | 1000
polar 028       | volume      | inf@0.005                                   | 10      | 0.05
polar 032       | graduated   | 50@0, 100@20, 200@17.5, inf@15              | 1       | 0
"""

# case | model | terms in dollars | quantity | amount of the line in dollars, rounded to cents
ROUNDED_AMOUNTS = """
polar 035 | per_unit | 1                | 1       | 1
polar 036 | per_unit | 1                | 1.994   | 1.99
polar 037 | per_unit | 1                | 1.995   | 2
polar 038 | per_unit | 1                | 1.996   | 2
polar 041 | per_unit | 0.00000000000001 | 1000000 | 0
"""

COLUMNS = ("case", "model", "terms", "quantity", "expected")


@pytest.mark.parametrize(COLUMNS, rows(IN_MINOR_UNITS))
def test_published_amounts(case: str, model: str, terms: str, quantity: str, expected: str) -> None:
    assert rate(plan_of(model, terms), Decimal(quantity)).amount_minor == int(expected), case


@pytest.mark.parametrize(("case", "mode", "quantity", "expected"), rows(WITH_FLAT_AMOUNTS))
def test_flat_amounts_of_the_tier_reached_or_of_every_tier_entered(
    case: str, mode: str, quantity: str, expected: str
) -> None:
    assert rate(plan_of(mode, FLAT_AND_UNIT), Decimal(quantity)).amount_minor == int(expected), case


@pytest.mark.parametrize(COLUMNS, rows(EXACT_AMOUNTS))
def test_amounts_are_exact_before_rounding(
    case: str, model: str, terms: str, quantity: str, expected: str
) -> None:
    assert rate(plan_of(model, terms), Decimal(quantity)).exact == Decimal(expected), case


@pytest.mark.parametrize(COLUMNS, rows(ROUNDED_AMOUNTS))
def test_lines_are_rounded_to_the_nearest_cent_with_halves_up(
    case: str, model: str, terms: str, quantity: str, expected: str
) -> None:
    in_cents = PricePlan(Decimal(terms) * 100)
    assert model == "per_unit"
    assert rate(in_cents, Decimal(quantity)).amount_minor == Decimal(expected) * 100, case


# case | mode | terms in cents | quantity | cents of each tier and flat amount, rounded by itself
BY_TIER = """
halves in two tiers              | graduated | 3@0.5, inf@0.5         | 6    | 2 2
too little in each tier          | graduated | 1@0.4, 2@0.4, inf@0.4  | 3    | 0 0 0
recorded, Gitpod's invoices 2022 | graduated | 1000@0+900, inf@3.6+0  | 1031 | 0 900 112 0
a flat amount below a cent       | graduated | 1@0.3+0.4, inf@0.3     | 2    | 0 0 0
a half in the tier and its fee   | volume    | 3@1, inf@0.5+0.5       | 5    | 3 1
nothing used                     | graduated | 1000@0+900, inf@3.6    | 0    | 0 900
nothing used, no flat amount     | volume    | 10@5, inf@4            | 0    | 0
the last unit of a tier          | graduated | 10@5, inf@4            | 10   | 50
"""


@pytest.mark.parametrize(("case", "mode", "terms", "quantity", "cents"), rows(BY_TIER))
def test_each_tier_reached_and_each_flat_amount_rounds_by_itself(
    case: str, mode: str, terms: str, quantity: str, cents: str
) -> None:
    """So does an invoice, which has a line for each of them and adds lines."""
    rated = rate(plan_of(mode, terms), Decimal(quantity))
    assert [tier.amount_minor for tier in rated.by_tier] == [int(text) for text in cents.split()], (
        case
    )
    assert rated.amount_minor == sum(tier.amount_minor for tier in rated.by_tier)


def test_lines_are_rounded_before_they_are_added() -> None:
    """Case stripe decimal 002: two lines of 1.5 cents are 2 + 2, not 3."""
    line = rate(PricePlan(Decimal("0.05")), Decimal(30))
    assert [line.amount_minor, line.amount_minor] == [2, 2]


def test_a_unit_beyond_the_included_ones_can_round_to_nothing() -> None:
    overage = plan_of("graduated", "100000@0, inf@0.1")
    assert rate(overage, Decimal(100_001)).amount_minor == 0
    assert rate(overage, Decimal(100_005)).amount_minor == 1


@pytest.mark.parametrize("quantity", ["-0.001", "-5", "-1000000"])
@pytest.mark.parametrize(
    ("model", "terms"),
    [("per_unit", "5"), ("per_package", "5 per 10 up"), ("graduated", "5@1+7, inf@1")],
)
def test_negative_usage_costs_what_zero_costs(model: str, terms: str, quantity: str) -> None:
    plan = plan_of(model, terms)
    assert rate(plan, Decimal(quantity)) == rate(plan, Decimal(0))


@pytest.mark.parametrize(
    ("quantity", "rounding", "packages"),
    [
        ("0", "up", 0),
        ("0.000000000001", "up", 1),
        ("10", "up", 1),
        ("10.5", "up", 2),
        ("10.5", "down", 1),
        ("9.999999999999", "down", 0),
    ],
)
def test_quantities_become_whole_packages(quantity: str, rounding: str, packages: int) -> None:
    plan = plan_of("per_package", f"1 per 10 {rounding}")
    assert rate(plan, Decimal(quantity)).amount_minor == packages


def test_a_graduated_line_explains_itself_tier_by_tier() -> None:
    rated = rate(plan_of("graduated", "5@500+1000, 10@400+2000, inf@300"), Decimal(7))
    zero, two, five, ten = Decimal(0), Decimal(2), Decimal(5), Decimal(10)
    assert rated.steps == (
        RatedStep(five, Decimal(500), zero, Decimal(2500), 1, zero, five),
        RatedStep(zero, zero, Decimal(1000), Decimal(1000), 1, zero, five, is_flat=True),
        RatedStep(two, Decimal(400), zero, Decimal(800), 2, five, ten),
        RatedStep(zero, zero, Decimal(2000), Decimal(2000), 2, five, ten, is_flat=True),
    )
    assert rated.amount_minor == 6300


def test_a_volume_line_explains_itself_with_the_tier_reached() -> None:
    rated = rate(plan_of("volume", "5@500, 10@400, inf@300"), Decimal(12))
    twelve, ten = Decimal(12), Decimal(10)
    assert rated.steps == (
        RatedStep(twelve, Decimal(300), Decimal(0), Decimal(3600), 3, ten, None),
    )


def test_twelve_decimal_places_survive_any_ambient_precision() -> None:
    unit_amount, quantity = "123456789.123456789012", "987654321.123456789012"
    with localcontext() as careless:
        careless.prec = 3
        rated = rate(PricePlan(Decimal(unit_amount)), Decimal(quantity))
    assert Fraction(rated.exact) == Fraction(unit_amount) * Fraction(quantity)


@pytest.mark.parametrize(
    ("arguments", "param"),
    [
        ({}, "unit_amount"),
        ({"unit_amount": Decimal(-1)}, "unit_amount"),
        ({"unit_amount": Decimal(1), "tiers": (Tier(None, Decimal(1)),)}, "unit_amount"),
        ({"tiers": (Tier(None, Decimal(1)),), "tiers_mode": None}, "tiers_mode"),
        ({"tiers": (Tier(Decimal(1), Decimal(1)),)}, "tiers[0][up_to]"),
        ({"tiers": (Tier(None, Decimal(1)), Tier(None, Decimal(1)))}, "tiers[0][up_to]"),
        (
            {"tiers": (Tier(Decimal(2), Decimal(1)), Tier(Decimal(2), Decimal(1)), Tier(None))},
            "tiers[1][up_to]",
        ),
        ({"tiers": (Tier(None),)}, "tiers[0]"),
        ({"tiers": (Tier(None, Decimal(1), Decimal(-1)),)}, "tiers[0]"),
        (
            {
                "tiers": (Tier(None, Decimal(1)),),
                "transform_quantity": TransformQuantity(5, "up"),
            },
            "transform_quantity",
        ),
        (
            {"unit_amount": Decimal(1), "transform_quantity": TransformQuantity(0, "up")},
            "transform_quantity[divide_by]",
        ),
    ],
)
def test_a_plan_that_cannot_be_rated_is_refused(arguments: dict[str, object], param: str) -> None:
    terms = {"tiers_mode": TiersMode.GRADUATED if "tiers" in arguments else None} | arguments
    with pytest.raises(BillingError) as refused:
        PricePlan(**terms)  # type: ignore[arg-type]  # a table of wrong terms
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("model", "terms", "free"),
    [
        ("per_unit", "0", True),
        ("per_unit", "0.000000000001", False),
        ("volume", "5@0, inf@0", True),
        ("volume", "5@0, inf@1", False),
        ("graduated", "5@0+1, inf@0", False),
    ],
)
def test_a_price_is_free_if_no_quantity_ever_costs_anything(
    model: str,
    terms: str,
    free: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert plan_of(model, terms).is_free is free
