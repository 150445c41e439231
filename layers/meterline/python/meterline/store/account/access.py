"""The Access table: API keys, stream sessions and idempotency records, on the plain client.

Every function reads it on its first request, so it must not pull in a mapper. Secrets are stored as
SHA-256 digests only. ``expires_at`` is the table's TTL attribute.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from meterline.store.base.clients import dynamodb
from meterline.store.base.settings import settings

type Item = dict[str, Any]
"""An item in DynamoDB's own notation."""

FULL_RIGHTS: dict[str, str] = {"*": "write"}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored API key. ``rights`` maps resources (``*``: all) to ``read`` or ``write``.

    ``usable_until`` (UTC seconds) is when it stops working; None while it has no end.
    """

    id: str
    digest: str
    livemode: bool
    rights: dict[str, str]
    name: str
    hint: str
    created: int
    usable_until: int | None = None

    def usable(self, now: int) -> bool:
        """Whether the key still works at ``now``."""
        return self.usable_until is None or now < self.usable_until


@dataclass(frozen=True, slots=True)
class Session:
    """A stored stream session: the key it stands for, and when it ends."""

    key_digest: str
    usable_until: int


def digest_of(secret: str) -> str:
    """The digest under which a secret is stored and found."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def key_address(digest: str) -> str:
    """The partition key of the API key with this digest."""
    return f"key#{digest}"


def find_key(digest: str) -> ApiKey | None:
    """The API key with this digest, as last stored, or None."""
    item = _get(key_address(digest))
    return _api_key(item) if item else None


def save_session(token_digest: str, session: Session) -> None:
    """Store a stream session; the table forgets it some time after its end."""
    item = {
        "pk": {"S": _session_pk(token_digest)},
        "key_digest": {"S": session.key_digest},
        "usable_until": {"N": str(session.usable_until)},
        "expires_at": {"N": str(session.usable_until + 86_400)},
    }
    dynamodb().put_item(TableName=settings().access_table, Item=item)


def find_session(token_digest: str) -> Session | None:
    """The stream session with this token's digest, ended or not, or None."""
    item = _get(_session_pk(token_digest))
    if item is None:
        return None
    return Session(item["key_digest"]["S"], int(item["usable_until"]["N"]))


def _get(pk: str) -> Item | None:
    answer = dynamodb().get_item(
        TableName=settings().access_table, Key={"pk": {"S": pk}}, ConsistentRead=True
    )
    item: Item | None = answer.get("Item")
    return item


def _session_pk(digest: str) -> str:
    return f"session#{digest}"


def _api_key(item: Item) -> ApiKey:
    until = item.get("usable_until")
    return ApiKey(
        id=item["id"]["S"],
        digest=item["digest"]["S"],
        livemode=item["livemode"]["BOOL"],
        rights={name: right["S"] for name, right in item["rights"]["M"].items()},
        name=item["name"]["S"],
        hint=item["hint"]["S"],
        created=int(item["created"]["N"]),
        usable_until=int(until["N"]) if until else None,
    )
