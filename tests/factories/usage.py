"""Usage that was accepted, without the API that accepts it."""

from decimal import Decimal
from typing import Any

from meterline.services.metering.count import count_records
from meterline.store.metering.meter_events import identity_of, key_of

_EXPIRES_AT = 2_150_755_200
"""2038-02-26: engines expire by their own clock."""


def usage_record(
    meter: str,
    customer: str,
    at: int,
    quantity: int,
    name: str = "",
    *,
    livemode: bool = False,
) -> dict[str, Any]:
    """The stream record of an accepted event."""
    identifier = f"{meter}{customer}{at}{quantity}{name}"
    image = {
        "identifier": {"S": key_of(livemode=livemode, identity=identity_of(identifier))},
        "name": {"S": identifier},
        "event_name": {"S": "tokens"},
        "meter": {"S": meter},
        "measure": {"S": "sum"},
        "customer": {"S": customer},
        "value": {"S": str(Decimal(quantity))},
        "timestamp": {"N": str(at)},
        "accepted_at": {"N": str(at * 1_000_000)},
        "request": {"B": identity_of(identifier)},
        "fingerprint": {"B": identity_of(identifier)},
        "expires_at": {"N": str(_EXPIRES_AT)},
    }
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": "1"}}


def use(meter: str, customer: str, *, at: int, quantity: int, name: str = "") -> None:
    """Usage that was accepted and counted; ``name`` tells events apart that are alike."""
    assert count_records([usage_record(meter, customer, at, quantity, name)]) == []
