"""Erasing what is personal about a customer, wherever it is stored; the ledger stays as it is.

Each item is replaced by itself, on condition that it is what was read, and its version moves on:
a decision under way that has read the old body is refused and reads again. A run that dies half
way is repeated: it finds what is left.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from meterline.core.kinds.personal import without_personal_data
from meterline.core.kinds.registry import event_kinds
from meterline.core.metering.payload_texts import payload_text
from meterline.services.base.context import Context
from meterline.services.customers.belongings import (
    billing_items,
    meter_event_items,
    names,
)
from meterline.store.account.idempotency_records import State
from meterline.store.base.clients import dynamodb
from meterline.store.base.documents import Conflict
from meterline.store.base.keys import Cursor, term_key
from meterline.store.base.models import billing_item, delete_many
from meterline.store.base.packing import Body, pack, unpack
from meterline.store.base.settings import settings
from meterline.store.billing.kept_pdfs import forget_pdfs
from meterline.store.billing.search_terms import terms_of
from meterline.store.metering.meter_events import replace_payload, with_own_names
from meterline.store.work.scans import scan_table

type Item = dict[str, Any]

_PRODUCT = "product"

ERASED = "Erased"
"""The name of a hidden product whose name was the text of an invoice item."""

ROUNDS = 5
"""Reads of an item that changes meanwhile, before erasing gives up."""


def erase_customer(ctx: Context, customer_id: str) -> int:
    """Erase what is personal about a customer; how many items were changed.

    Raises Conflict when something changes each time that it is to be erased.
    """
    erased = 0
    for _ in range(ROUNDS):
        lost = 0
        for item in billing_items(ctx, customer_id):
            outcome = _erase_body(ctx, item, customer_id)
            erased, lost = erased + (outcome is True), lost + (outcome is False)
        if not lost:
            erased += _erase_payloads(ctx, customer_id) + _forget_answers(customer_id)
            return erased + forget_pdfs(livemode=ctx.livemode, customer=customer_id)
    raise Conflict(customer_id)


def _erase_body(ctx: Context, item: Item, customer_id: str) -> bool | None:
    """Erase what is personal in an item of Billing: None if nothing is, False if it has changed."""
    body = unpack(item["body"]["B"])
    kind = item.get("kind", {}).get("S", "")
    erased = _erased(body, kind, customer_id)
    if erased == body:
        return None
    former = set(item.get("terms", {}).get("SS", ()))
    terms = set(terms_of(kind, erased)) if former else set()
    if not _replace(item, erased, terms):
        return False
    place = Cursor(int(erased.get("created") or 0), str(erased.get("id"))).sort_key
    rows = (billing_item()(term_key(ctx.livemode, kind, term), place) for term in former - terms)
    delete_many(rows)
    return True


def _erased(body: Body, kind: str, customer_id: str) -> Mapping[str, Any]:
    if kind in event_kinds():
        events = [
            without_personal_data(event) if names(event, customer_id) else event
            for event in body["events"]
        ]
        return body | {"events": events}
    if kind == _PRODUCT:
        return body | {"name": ERASED}
    return without_personal_data(body)


def _replace(item: Item, body: Mapping[str, Any], terms: set[str]) -> bool:
    values: dict[str, Any] = {":before": item["body"], ":after": {"B": pack(body)}}
    sets, removes = ["body = :after"], ""
    if "version" in item:
        sets.append("version = version + :one")
        values[":one"] = {"N": "1"}
    if terms:
        sets.append("terms = :terms")
        values[":terms"] = {"SS": sorted(terms)}
    elif "terms" in item:
        removes = " REMOVE terms"
    return _update(
        settings().billing_table,
        {"pk": item["pk"], "sk": item["sk"]},
        f"SET {', '.join(sets)}{removes}",
        "body = :before",
        values,
    )


def _erase_payloads(ctx: Context, customer_id: str) -> int:
    """Leave of the payloads of meter events what was counted: the customer and the value."""
    erased = 0
    for stored in meter_event_items(ctx, customer_id):
        item = with_own_names(stored)
        payload = json.loads(item["payload"]["S"])
        counted = {customer_id, item["value"]["S"]}
        reduced = {name: value for name, value in payload.items() if str(value) in counted}
        if reduced != payload:
            erased += replace_payload(stored, payload_text(reduced))
    return erased


def _forget_answers(customer_id: str) -> int:
    """Forget the stored answers that name the customer: a repetition renders its object again."""
    forgotten = 0
    for item in _answers():
        if not names(unpack(item["answer"]["B"]), customer_id):
            continue
        forgotten += _update(
            settings().access_table,
            {"pk": item["pk"]},
            "SET #state = :committed REMOVE answer, #status",
            "answer = :answer",
            {":committed": {"S": State.COMMITTED.value}, ":answer": item["answer"]},
            {"#state": "state", "#status": "status"},
        )
    return forgotten


def _answers() -> Iterator[Item]:
    return scan_table(
        settings().access_table,
        "begins_with(pk, :records) AND attribute_exists(answer)",
        {":records": {"S": "idem#"}},
    )


def _update(
    table: str,
    key: Item,
    expression: str,
    condition: str,
    values: Item,
    names_of: dict[str, str] | None = None,
) -> bool:
    """Whether an item was what the condition asks for, and was changed."""
    try:
        dynamodb().update_item(
            TableName=table,
            Key=key,
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            **({"ExpressionAttributeNames": names_of} if names_of else {}),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True
