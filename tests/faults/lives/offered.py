"""The rules of what is offered: discounts, taxes, credits, credit notes and schedules."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from meterline.store.base.documents import Body
from tests.faults.lives.credited import check_notes
from tests.faults.lives.discounts import check_discounts, check_redemptions
from tests.faults.lives.grants import Ledger
from tests.faults.lives.life import Life
from tests.faults.lives.phases import check_phases
from tests.faults.lives.taxes import check_taxes, check_taxes_given_back, check_whose_rates


@dataclass(slots=True)
class Offered:
    """A life, and a ledger of its credits."""

    life: Life
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.life)

    def look(self, invoices: dict[str, list[Body]], new: Iterable[Body]) -> None:
        """Judge the versions of invoices since the last look, and those that are new."""
        for body in (body for versions in invoices.values() for body in versions):
            check_discounts(self.life, body)
            check_taxes(self.life, body)
        for invoice in new:
            check_whose_rates(self.life, invoice)
        self.ledger.look()
        check_notes(self.life)
        check_redemptions(self.life)
        check_phases(self.life)
        check_taxes_given_back(self.life)
