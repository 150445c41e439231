"""The customer balance: credit or debt that an invoice consumes or leaves behind.

A negative balance is credit. Rule (Stripe, "Customer credit balance"): `amount_due = max(0, total +
starting_balance)`; what is too small to charge is not charged but carried to the next invoice.
"""

from typing import Final

from meterline.core.base.frozen import frozen

_MINIMUM_CHARGE_MINOR: Final = {
    "aed": 200,
    "aud": 50,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "usd": 50,
}


@frozen
class AppliedBalance:
    """How an invoice meets the customer's balance, in minor units.

    `applied_minor` is the change of the balance: `ending = starting + applied`. `is_settled` means
    that nothing is left to collect, so the invoice is paid as soon as it is finalised.
    """

    amount_due_minor: int
    starting_balance_minor: int
    ending_balance_minor: int

    @property
    def applied_minor(self) -> int:
        """What the invoice adds to the balance (positive: credit used up or a debt carried)."""
        return self.ending_balance_minor - self.starting_balance_minor


def apply_balance(
    total_minor: int,
    starting_balance_minor: int,
    minimum_charge_minor: int = 0,
    charge_step_minor: int = 1,
) -> AppliedBalance:
    """Settle an invoice's total against the balance.

    A negative result becomes credit, a positive one below the minimum charge a debt on the balance;
    in both cases nothing is due. Else all of it is due that can be charged in whole steps: what is
    left of a step is a debt on the balance, for the next invoice.
    """
    owed = total_minor + starting_balance_minor
    if owed < max(minimum_charge_minor, charge_step_minor):
        return AppliedBalance(0, starting_balance_minor, owed)
    rest = owed % charge_step_minor
    return AppliedBalance(owed - rest, starting_balance_minor, rest)


def minimum_charge_minor(currency: str) -> int:
    """Smallest amount that card processors accept in a currency, in minor units (Stripe's table).

    0 for currencies without a published minimum.
    """
    return _MINIMUM_CHARGE_MINOR.get(currency.lower(), 0)
