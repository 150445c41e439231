"""The schema of what holds objects: the items of Billing, and the receipts in Access.

PynamoDB knows the schema: how attributes are stored, which indexes there are, how conditions are
written. Nobody else imports it. Calls go through the one client that there is (``clients``), so
that time-outs, repetitions and wire are the same everywhere; what a call leaves undone is done by
``batches``; and what is refused is told in botocore's words, or as ``ConditionFailed``.
"""

import contextlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.connection import Connection
from pynamodb.constants import BINARY, NUMBER
from pynamodb.exceptions import DoesNotExist, PynamoDBException, VerboseClientError
from pynamodb.expressions import condition as conditions
from pynamodb.expressions.operand import Path
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from meterline.core.base.frozen import frozen
from meterline.store.base.batches import Item, batch_get, batch_write, get_together
from meterline.store.base.clients import Outcome, delete_together, dynamodb
from meterline.store.base.documents import Body
from meterline.store.base.notes import notes_in
from meterline.store.base.packing import pack, unpack
from meterline.store.base.settings import settings


class IntegerAttribute(Attribute[int]):
    """A whole number; PynamoDB's own number attribute would let binary fractions in."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """The number as DynamoDB takes it."""
        return str(int(value))

    def deserialize(self, value: str) -> int:
        """The number that DynamoDB gave."""
        return int(value)


class BodyAttribute(Attribute[Body]):
    """An object's body, compressed."""

    attr_type = BINARY

    def serialize(self, value: Body) -> bytes:
        """The packed body."""
        return pack(value)

    def deserialize(self, value: bytes) -> Body:
        """The unpacked body."""
        body: Body = unpack(bytes(value))
        return body


class ListingIndex(GlobalSecondaryIndex["BillingItem"]):
    """All objects of a kind, by creation; sharded, so that no partition takes all writes."""

    class Meta:
        """Index settings."""

        index_name = "listing"
        projection = KeysOnlyProjection()

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class ParentIndex(GlobalSecondaryIndex["BillingItem"]):
    """The objects of a kind that belong to one object, by creation."""

    class Meta:
        """Index settings."""

        index_name = "parent"
        projection = KeysOnlyProjection()

    parent_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class DueIndex(GlobalSecondaryIndex["BillingItem"]):
    """What falls due on a timeline, by instant; sparse and sharded.

    It has the kind too, which says who does the work; a kind never changes, so that costs no write.
    """

    class Meta:
        """Index settings."""

        index_name = "due"
        projection = IncludeProjection(["kind"])

    due_pk = UnicodeAttribute(hash_key=True)
    due_at = IntegerAttribute(range_key=True)


class BillingItem(Model):
    """One object, or one claim, in the Billing table."""

    class Meta:
        """Table settings."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True, default="#")
    kind = UnicodeAttribute(null=True)
    version = IntegerAttribute(null=True)
    body = BodyAttribute(null=True)
    timeline = UnicodeAttribute(null=True)
    holder = UnicodeAttribute(null=True)
    expires_at = IntegerAttribute(null=True)
    terms = UnicodeSetAttribute(null=True)
    parts = UnicodeSetAttribute(null=True)
    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)
    parent_pk = UnicodeAttribute(null=True)
    due_pk = UnicodeAttribute(null=True)
    due_at = IntegerAttribute(null=True)
    listing = ListingIndex()
    by_parent = ParentIndex()
    due = DueIndex()
    notes: Mapping[str, Any] = MappingProxyType({})
    """What stands beside the object, read in a batch only; no commit writes it."""


class AccessItem(Model):
    """An idempotency record, as far as a commit touches it."""

    class Meta:
        """Table settings."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    state = UnicodeAttribute(null=True)
    lease = UnicodeAttribute(null=True)
    result_id = UnicodeAttribute(null=True)


type Condition = conditions.Condition
"""What a write asks of the stored item; made by the functions below."""

type Address = tuple[str, str]
"""The two keys of an item of Billing."""

type Place = dict[str, Any]
"""Where a page of an index ended, as DynamoDB says it."""


_REFUSED = "ConditionalCheckFailedException"


class ConditionFailed(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """The item is not what the condition of a write asks for; nothing was changed."""


def billing_item() -> type[BillingItem]:
    """The Billing model, bound to the table and to the client of this process."""
    return _bound(BillingItem, settings().billing_table)


def access_item() -> type[AccessItem]:
    """The Access model, bound to the table and to the client of this process."""
    return _bound(AccessItem, settings().access_table)


def read(pk: str, sk: str = "#") -> BillingItem | None:
    """An item as last written, or None."""
    with _in_botocores_words():
        try:
            return billing_item().get(pk, sk, consistent_read=True)
        except DoesNotExist:
            return None


def read_many(addresses: Iterable[Address]) -> Iterator[BillingItem]:
    """Those of these items that exist, as last written, in no order; Throttled as ``batch_get``."""
    found = batch_get(settings().billing_table, [_key(*address) for address in addresses])
    return map(_with_notes, found)


def read_many_beside(
    addresses: Iterable[Address], place: Address
) -> tuple[list[BillingItem], Item]:
    """Those of these items that exist, and another item as it is stored, empty if there is none:
    one request for 99 items and that one; as last written.
    """
    keys = [_key(*place), *(_key(*address) for address in addresses)]
    items = list(batch_get(settings().billing_table, keys))
    beside = [item for item in items if (item["pk"]["S"], item["sk"]["S"]) == place]
    found = [_with_notes(item) for item in items if item not in beside]
    return found, next(iter(beside), {})


def read_beside(
    address: Address, table: str, keys: Sequence[Item]
) -> tuple[BillingItem | None, list[Item]]:
    """An item, if it exists, and those of another table, as last written: one request."""
    own, found = settings().billing_table, None
    beside: list[Item] = []
    for name, item in get_together({own: [_key(*address)], table: keys}):
        if name == table:
            beside.append(item)
        else:
            found = billing_item().from_raw_data(item)
    return found, beside


def save(item: BillingItem, condition: Condition | None = None) -> None:
    """Write an item, if the stored one meets the condition; else raises ``ConditionFailed``."""
    with _in_botocores_words():
        item.save(condition)


def delete(item: BillingItem, condition: Condition | None = None) -> None:
    """Delete an item, if the stored one meets the condition; else raises ``ConditionFailed``."""
    with _in_botocores_words():
        item.delete(condition)


def delete_each(items: Iterable[tuple[BillingItem, Condition]]) -> None:
    """Delete items, each by itself and only if the stored one meets its condition, all at once.

    Each is tried; then the first that could be neither deleted nor refused raises.
    """
    deletes = [item.get_delete_kwargs_from_instance(condition) for item, condition in items]
    unanswered = list(filter(None, map(_failure, delete_together(dynamodb(), deletes))))
    if unanswered:
        raise unanswered[0]


def _failure(outcome: Outcome) -> BotoCoreError | ClientError | None:
    """Why it is not known what became of a conditional write; None if it is."""
    try:
        outcome()
    except (BotoCoreError, ClientError) as error:
        refused = isinstance(error, ClientError) and _code(error) == _REFUSED
        return None if refused else error
    return None


def save_many(items: Iterable[BillingItem]) -> None:
    """Write items, each by itself; Throttled when some could not be written."""
    puts = [{"PutRequest": {"Item": item.serialize()}} for item in items]
    batch_write(settings().billing_table, puts)


def delete_many(items: Iterable[BillingItem]) -> None:
    """Delete items, each by itself; Throttled when some could not be deleted."""
    deletes = [{"DeleteRequest": {"Key": _key(item.pk, item.sk)}} for item in items]
    batch_write(settings().billing_table, deletes)


@frozen
class KeyRange:
    """Sort keys from ``low`` to ``high``, both inclusive, and how many are read at a time."""

    low: str
    high: str
    oldest_first: bool = True
    page_size: int | None = None


def sort_keys(pk: str, between: KeyRange | None = None) -> Iterator[str]:
    """The sort keys of a partition as last written, in their order; all of them without bounds."""
    condition = None if between is None else BillingItem.sk.between(between.low, between.high)
    query = billing_item().query
    attributes = {"attributes_to_get": ["pk", "sk"], "consistent_read": True}
    return (row.sk for row in _rows(query, pk, condition, between, attributes))


def listed(partition: str, between: KeyRange) -> Iterator[str]:
    """The sort keys of a partition of the index that lists kinds; it follows the table's."""
    return _listed(billing_item().listing, partition, between)


def listed_under_parent(partition: str, between: KeyRange) -> Iterator[str]:
    """The sort keys of a partition of the index that lists by parent; it follows the table's."""
    return _listed(billing_item().by_parent, partition, between)


def due(
    partition: str, first: int | None, until: int, *, limit: int, after: Place | None = None
) -> tuple[list[BillingItem], Place | None]:
    """The first ``limit`` items of a partition that are due up to an instant (and from one on),
    both inclusive, earliest first, after a place; and the place where they end, None at the end.
    """
    attribute = BillingItem.due_at
    condition = attribute <= until if first is None else attribute.between(first, until)
    with _in_botocores_words():
        found = billing_item().due.query(
            partition, condition, limit=limit, page_size=limit, last_evaluated_key=after
        )
        return list(found), found.last_evaluated_key


def is_new() -> Condition:
    """That there is no such item."""
    return BillingItem.pk.does_not_exist()


def has_version(version: int) -> Condition:
    """That the item is stored in this version."""
    return BillingItem.version == version


def has_no_version() -> Condition:
    """That the item is stored without a version, or not at all."""
    return BillingItem.version.does_not_exist()


def has_version_up_to(version: int) -> Condition:
    """That the item is stored in this version or an earlier one."""
    return BillingItem.version <= version


def is_free_for(*holders: str) -> Condition:
    """That there is no such item, or that one of these holds it."""
    condition = is_new()
    for holder in holders:
        condition = condition | (BillingItem.holder == holder)
    return condition


class Transaction:
    """Writes that take effect together or not at all.

    DynamoDB tells reasons in the order checks, deletes, puts, updates: PynamoDB sends them so.
    """

    def __init__(self) -> None:
        # Our client leaves it to its callers to name a call that may be repeated.
        self._writes = TransactWrite(
            connection=_connection(), client_request_token=secrets.token_hex(16)
        )

    def check(self, address: Address, condition: Condition) -> None:
        """Commit only if an item meets a condition."""
        self._writes.condition_check(billing_item(), *address, condition=condition)

    def delete(self, item: BillingItem, condition: Condition) -> None:
        """Delete an item that meets a condition."""
        self._writes.delete(item, condition=condition)

    def put(self, item: BillingItem, condition: Condition) -> None:
        """Write an item in place of one that meets a condition."""
        self._writes.save(item, condition=condition)

    def answer(self, pk: str, lease: str, state: str, result_id: str) -> None:
        """Bring an idempotency record to a state, if it is still under this lease."""
        model = access_item()
        self._writes.update(
            model(pk),
            actions=[model.state.set(state), model.result_id.set(result_id)],
            condition=model.lease == lease,
        )

    def count(self, pk: str, sk: str, name: str) -> None:
        """Add one to an attribute of an item, whether or not there is one."""
        self._writes.update(billing_item()(pk, sk), actions=[Path(name).add(1)])

    @property
    def items(self) -> list[Mapping[str, Any]]:
        """The items that it writes, in DynamoDB's own notation."""
        return [put["Item"] for put in self._writes._put_items]  # noqa: SLF001 - packed there once

    def commit(self) -> None:
        """Send it; botocore's ClientError, with the reasons, if it is refused.

        A repetition after a lost answer carries the same token, so it takes effect once.
        """
        with _in_botocores_words(), self._writes:
            pass


def _with_notes(raw: Item) -> BillingItem:
    notes = notes_in(raw)
    item = billing_item().from_raw_data(raw)
    item.notes = notes
    return item


def _listed(index: ListingIndex | ParentIndex, partition: str, between: KeyRange) -> Iterator[str]:
    condition = BillingItem.list_sk.between(between.low, between.high)
    return (str(row.list_sk) for row in _rows(index.query, partition, condition, between, {}))


def _rows(
    query: Any,  # noqa: ANN401 - of a model or an index
    partition: str,
    condition: Condition | None,
    between: KeyRange | None,
    options: Mapping[str, Any],
) -> Iterator[BillingItem]:
    if between is not None:
        options = {
            **options,
            "scan_index_forward": between.oldest_first,
            "page_size": between.page_size,
        }
    with _in_botocores_words():
        yield from query(partition, condition, **options)


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _connection() -> Connection:
    table = billing_item()._get_connection()  # noqa: SLF001 - there is no public way to it
    connection: Connection = table.connection
    return connection


def _bound[M: Model](model: type[M], table_name: str) -> type[M]:
    meta: Any = model.Meta
    meta.table_name = table_name
    connection: Any = model._get_connection().connection  # noqa: SLF001 - see above
    connection._client = dynamodb()  # noqa: SLF001 - PynamoDB would make another one
    return model


@contextlib.contextmanager
def _in_botocores_words() -> Iterator[None]:
    """Raises what botocore raised where PynamoDB raises something of its own from it."""
    try:
        yield
    except PynamoDBException as error:
        cause: BaseException | None = error.cause
        if isinstance(cause, VerboseClientError):
            cause = cause.__cause__
        if isinstance(cause, ClientError) and _code(cause) == _REFUSED:
            raise ConditionFailed from cause
        if isinstance(cause, (BotoCoreError, ClientError)):
            raise cause from None
        raise


def _code(error: ClientError) -> str | None:
    return error.response.get("Error", {}).get("Code")
