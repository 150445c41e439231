"""API keys: made once, shown once, stored as digests; each change leaves an event."""

import secrets
import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.frozen import frozen
from meterline.services.base.ids import new_object_id
from meterline.services.base.outbox import EventDraft, Origin, outbox
from meterline.store.account import access, api_keys
from meterline.store.account.access import FULL_RIGHTS, ApiKey
from meterline.store.base.documents import Document

KIND = "meterline.api_key"
_ALPHABET = string.ascii_letters + string.digits
_SECRET_DIGITS = 48
_HINT_DIGITS = 4
_MAX_NAME_LENGTH = 250


@frozen
class NewKey:
    """A key as it is made: the only time that its ``secret`` is known."""

    key: ApiKey
    secret: str


def create_key(
    *,
    livemode: bool,
    name: str = "",
    rights: dict[str, str] | None = None,
    aws_principal: str | None = None,
) -> NewKey:
    """Make a key: secret (``sk_…``) with all rights, or restricted (``rk_…``) to ``rights``.

    ``rights`` maps resources (``customers``, ``billing_meters`` …) to ``read`` or ``write``.
    ``aws_principal`` is the ARN of the person who does it, for the event.
    """
    for resource, right in (rights or {}).items():
        if right not in ("read", "write"):
            raise BillingError(f"The right to {resource} must be read or write, not {right}.")
    if len(name) > _MAX_NAME_LENGTH:
        raise BillingError(f"A key's name has at most {_MAX_NAME_LENGTH} characters.")
    fresh = _new_key(livemode=livemode, name=name, rights=rights)
    _save([fresh.key], [EventDraft(f"{KIND}.created", _body(fresh.key))], aws_principal)
    return fresh


def list_keys() -> list[ApiKey]:
    """All keys, oldest first, those that no longer work included."""
    return api_keys.list_keys()


def revoke_key(key_id: str, *, aws_principal: str | None = None) -> ApiKey:
    """End a key now; functions that remember it let go of it within a minute."""
    key = find_key(key_id)
    ended = _ended(key, int(time.time()))
    revoked = EventDraft(f"{KIND}.revoked", _body(ended), before=_body(key))
    _save([ended], [revoked], aws_principal)
    return ended


def roll_key(
    key_id: str, *, old_usable_seconds: int = 0, aws_principal: str | None = None
) -> NewKey:
    """Make a key with the same rights, and end the old one, at once or after some seconds."""
    old = find_key(key_id)
    restricted = None if old.rights == FULL_RIGHTS else old.rights
    fresh = _new_key(livemode=old.livemode, name=old.name, rights=restricted)
    ended = _ended(old, int(time.time()) + old_usable_seconds)
    events = [
        EventDraft(f"{KIND}.created", _body(fresh.key)),
        EventDraft(f"{KIND}.rolled", _body(ended), before=_body(old)),
    ]
    _save([fresh.key, ended], events, aws_principal)
    return fresh


def find_key(key_id: str) -> ApiKey:
    """The key with this id."""
    for key in api_keys.list_keys():
        if key.id == key_id:
            return key
    raise no_such("API key", key_id)


def _new_key(*, livemode: bool, name: str, rights: dict[str, str] | None) -> NewKey:
    kind = "sk" if rights is None else "rk"
    mode = "live" if livemode else "test"
    digits = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_DIGITS))
    secret = f"{kind}_{mode}_{digits}"
    key = ApiKey(
        id=new_object_id(KIND),
        digest=access.digest_of(secret),
        livemode=livemode,
        rights=dict(FULL_RIGHTS) if rights is None else rights,
        name=name,
        hint=f"{kind}_{mode}_…{secret[-_HINT_DIGITS:]}",
        created=int(time.time()),
    )
    return NewKey(key, secret)


def _ended(key: ApiKey, instant: int) -> ApiKey:
    """The key with its end at an instant, unless it ends before."""
    ends = instant if key.usable_until is None else min(instant, key.usable_until)
    return replace(key, usable_until=ends)


def _save(keys: Sequence[ApiKey], events: Sequence[EventDraft], aws_principal: str | None) -> None:
    now = int(time.time())
    cause = Document(KIND, keys[0].livemode, _body(keys[0]))
    origin = Origin(aws_principal=aws_principal)
    api_keys.save_keys(keys, outbox(events, cause, origin, now=now, wall_clock=now))


def _body(key: ApiKey) -> Mapping[str, object]:
    """What events show of a key: all but its digest."""
    return {
        "id": key.id,
        "object": KIND,
        "created": key.created,
        "hint": key.hint,
        "livemode": key.livemode,
        "name": key.name,
        "rights": key.rights,
        "usable_until": key.usable_until,
    }
