"""PynamoDB models of the tables that hold objects: Billing, and the receipts in Access."""

from typing import Any

from pynamodb.attributes import Attribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.constants import BINARY, NUMBER
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from meterline.store.base.clients import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS
from meterline.store.base.documents import Body
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
        return unpack(bytes(value))


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
    """What falls due on a timeline, by instant; sparse and sharded."""

    class Meta:
        """Index settings."""

        index_name = "due"
        projection = KeysOnlyProjection()

    due_pk = UnicodeAttribute(hash_key=True)
    due_at = IntegerAttribute(range_key=True)


class _Patience:
    """How long an answer is waited for: PynamoDB's own 30 seconds outlast an API function."""

    connect_timeout_seconds = CONNECT_SECONDS
    read_timeout_seconds = READ_SECONDS
    max_retry_attempts = ATTEMPTS - 1


class BillingItem(Model):
    """One object, or one claim, in the Billing table."""

    class Meta(_Patience):
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


class AccessItem(Model):
    """An idempotency record, as far as a commit touches it."""

    class Meta(_Patience):
        """Table settings."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    state = UnicodeAttribute(null=True)
    lease = UnicodeAttribute(null=True)
    result_id = UnicodeAttribute(null=True)


def billing_item() -> type[BillingItem]:
    """The Billing model, bound to the table that this process is configured for."""
    return _bound(BillingItem, settings().billing_table)


def access_item() -> type[AccessItem]:
    """The Access model, bound to the table that this process is configured for."""
    return _bound(AccessItem, settings().access_table)


def reset_models() -> None:
    """Forget the connections, so that the next use reads the environment again (for tests)."""
    for model in (BillingItem, AccessItem):
        model._connection = None  # noqa: SLF001 - PynamoDB has no public way to rebind a model


def _bound[M: Model](model: type[M], table_name: str) -> type[M]:
    meta: Any = model.Meta
    if meta.table_name != table_name:
        meta.table_name = table_name
        model._connection = None  # noqa: SLF001 - PynamoDB has no public way to rebind a model
    return model
