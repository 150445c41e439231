"""Renewals with taxes that grants of billing credits pay for, and what they ask of AWS."""

from decimal import Decimal
from random import Random

from meterline.services.base.context import Context
from meterline.services.catalog.tax_rates import create_tax_rate
from meterline.services.credits.grants import create_credit_grant
from meterline.services.work.due_work import do_due_work
from meterline.store.base import listing_notes
from tests.benchmarks.traffic import Traffic
from tests.factories.usage import use
from tests.faults.billing.world import DAY, NOW, World

SUBSCRIBED = NOW - 40 * DAY
PAID = 2_000
"""What the grants of a customer come to, about; its usage comes to more."""


class CreditedBusiness:
    """What is sold: a licence, and the usage of two meters."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._meters = [world.meter("words"), world.meter("images")]
        self._prices = [
            world.price(unit_amount=1_500),
            *(world.price(unit_amount=3, meter=one) for one in self._meters),
        ]
        rate = {"display_name": "VAT", "percentage": Decimal(20), "inclusive": False}
        self._rate = create_tax_rate(world.context(SUBSCRIBED), rate)["id"]
        self.renewal(1)  # a process's first one also notes where lists have anything

    def renewal(self, grants: int) -> tuple[Traffic, Traffic]:
        """The traffic of drafting and of finalising an invoice that uses up so many grants."""
        customer = self._world.customer(at=SUBSCRIBED)
        subscription = self._world.subscribe(
            customer, self._prices, at=SUBSCRIBED, default_tax_rates=[self._rate]
        )
        for meter in self._meters:
            use(meter, customer, at=SUBSCRIBED + DAY, quantity=400)
        granted = self._grant(customer, grants)
        drafting = self._recorded(self._world.context(), subscription)
        invoice = str(self._world.stored(subscription)["latest_invoice"])
        finalising = self._recorded(self._world.context(NOW + 3_600), invoice)
        final = self._world.stored(invoice)
        taken = sum(part["amount"] for part in final["total_pretax_credit_amounts"])
        assert (final["status"], taken) == ("open", granted)
        assert len(final["total_pretax_credit_amounts"]) >= grants
        assert final["total"] > final["subtotal"] - taken, "no taxes"
        return drafting, finalising

    def _grant(self, customer: str, grants: int) -> int:
        """Grants that were made on days of their own, on terms of their own; what they come to."""
        chance, total = Random(grants), 0
        for number in range(grants):
            value = PAID // grants - chance.randrange(40)
            at = SUBSCRIBED - chance.randrange(1, 300) * DAY - number
            create_credit_grant(
                self._world.context(at),
                {
                    "customer": customer,
                    "amount": {
                        "type": "monetary",
                        "monetary": {"currency": "usd", "value": value},
                    },
                    "applicability_config": {"scope": {"price_type": "metered"}},
                    "category": ("paid", "promotional")[number % 2],
                    "expires_at": NOW + chance.randrange(1, 300) * DAY + number,
                    "priority": chance.choice((0, 50)),
                },
            )
            total += value
        return total

    def _recorded(self, ctx: Context, object_id: str) -> Traffic:
        listing_notes.PROCESS.allowances.clear()  # a worker with little to do: no list is new
        with Traffic().recorded() as traffic:
            do_due_work(ctx, object_id)
        return traffic
