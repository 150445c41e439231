"""What the databases' clients do alike: take a request apart and check it."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.peers.work import KNOWN_CUSTOMERS

type Row = tuple[str, str, Decimal, int, str]
"""Identifier, customer, value, second and payload."""


def rows_of(body: str) -> list[Row]:
    """The events of a request's body; each is looked at as far as anybody must."""
    return [_row(event) for event in json.loads(body)["events"]]


def _row(event: dict[str, Any]) -> Row:
    payload = event["payload"]
    customer = payload["stripe_customer_id"]
    if event["event_name"] != "tokens" or customer not in KNOWN_CUSTOMERS:
        raise ValueError(event)
    moment = int(datetime.fromisoformat(event["timestamp"]).timestamp())
    value = Decimal(payload["value"])
    return event["identifier"], customer, value, moment, json.dumps(payload)
