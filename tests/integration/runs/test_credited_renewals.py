"""A renewal with taxes costs the same whether one grant of billing credits pays for it or 20."""

from contextlib import redirect_stdout
from io import StringIO

from tests.benchmarks.credited import CreditedBusiness
from tests.engines import running
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import NOW, World
from tests.frozen_time import FrozenTime


def test_finalising_costs_20_write_units_and_5_requests_in_turn() -> None:
    with running() as engine, redirect_stdout(StringIO()):
        business = CreditedBusiness(World(engine, FrozenTime(NOW), Wire()))
        renewals = {grants: business.renewal(grants) for grants in (1, 3, 10, 20)}
    for drafting, finalising in renewals.values():
        assert finalising.write_units <= 20
        assert finalising.round_trips <= 5
        assert finalising.read_units <= 12
        assert drafting.write_units <= 19
        assert drafting.round_trips <= 4
