"""The Access table: API keys, sessions and idempotency records, on the plain client.

Every function reads it on its first request, so it must not pull in a mapper. Secrets are stored as
SHA-256 digests only. ``expires_at`` is the table's TTL attribute.
"""

import hashlib
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.store.base.clients import dynamodb
from meterline.store.base.settings import settings

type Item = dict[str, Any]
"""An item in DynamoDB's own notation."""

FULL_RIGHTS: dict[str, str] = {"*": "write"}


@frozen
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


@frozen
class Session:
    """A stored session, of a stream or of the console: the key it stands for, and when it ends."""

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
    _put_session(_session_pk(token_digest), session, kept_seconds=86_400)


def find_session(token_digest: str) -> Session | None:
    """The stream session with this token's digest, ended or not, or None."""
    return _get_session(_session_pk(token_digest))


def save_console_session(token_digest: str, session: Session) -> None:
    """Store a session of the console; the table forgets it after its end."""
    _put_session(_console_pk(token_digest), session, kept_seconds=0)


def find_console_session(token_digest: str) -> Session | None:
    """The console's session with this token's digest, ended or not, or None."""
    return _get_session(_console_pk(token_digest))


def delete_console_session(token_digest: str) -> None:
    """Forget a session of the console; without effect if it is gone."""
    key = {"pk": {"S": _console_pk(token_digest)}}
    dynamodb().delete_item(TableName=settings().access_table, Key=key)


def _put_session(pk: str, session: Session, *, kept_seconds: int) -> None:
    item = {
        "pk": {"S": pk},
        "key_digest": {"S": session.key_digest},
        "usable_until": {"N": str(session.usable_until)},
        "expires_at": {"N": str(session.usable_until + kept_seconds)},
    }
    dynamodb().put_item(TableName=settings().access_table, Item=item)


def _get_session(pk: str) -> Session | None:
    item = _get(pk)
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


def _console_pk(digest: str) -> str:
    return f"console#{digest}"


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
