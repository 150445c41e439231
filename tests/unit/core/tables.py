"""Reading the tables of these tests: one case a line, columns between bars."""

from decimal import Decimal

from meterline.core.catalog.rating import PricePlan, Tier, TiersMode, TransformQuantity


def rows(table: str) -> list[tuple[str, ...]]:
    """The cells of each line that is not empty."""
    lines = (line.strip() for line in table.splitlines())
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines if line]


def plan_of(model: str, terms: str) -> PricePlan:
    """A price plan as the tables write it.

    `per_unit` "5"; `per_package` "1000 per 5 up"; `graduated` and `volume` "10@2+30, inf@1": up to
    10 at 2 each plus 30 flat, then 1 each.
    """
    if model == "per_unit":
        return PricePlan(Decimal(terms))
    if model == "per_package":
        amount, _, divide_by, rounding = terms.split()
        transform = TransformQuantity(int(divide_by), "up" if rounding == "up" else "down")
        return PricePlan(Decimal(amount), transform_quantity=transform)
    tiers = tuple(_tier(text.strip()) for text in terms.split(","))
    return PricePlan(tiers=tiers, tiers_mode=TiersMode(model))


def _tier(text: str) -> Tier:
    up_to, _, amounts = text.partition("@")
    unit_amount, _, flat_amount = amounts.partition("+")
    return Tier(
        up_to=None if up_to == "inf" else Decimal(up_to),
        unit_amount=Decimal(unit_amount),
        flat_amount=Decimal(flat_amount) if flat_amount else None,
    )
