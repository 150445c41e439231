"""The lease of an idempotency record against the template."""

from meterline.store.account.idempotency_records import LEASE_SECONDS
from tests.engines import resources, template
from tests.gateway import routes


def test_a_lease_outlives_every_function_that_could_hold_it() -> None:
    usual = template()["Globals"]["Function"]["Timeout"]
    served = {route.function for route in routes()}
    functions = resources("AWS::Serverless::Function")
    assert served
    assert all(functions[name].get("Timeout", usual) < LEASE_SECONDS for name in served)
