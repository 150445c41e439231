"""API keys: made once, shown once, stored as digests."""

import secrets
import string
import time
from dataclasses import dataclass, replace

from meterline.core.errors import BillingError, no_such
from meterline.services.ids import new_id
from meterline.store import access
from meterline.store.access import FULL_RIGHTS, ApiKey

_ALPHABET = string.ascii_letters + string.digits
_SECRET_DIGITS = 48
_HINT_DIGITS = 4


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is made: the only time that its ``secret`` is known."""

    key: ApiKey
    secret: str


def create_key(*, livemode: bool, name: str = "", rights: dict[str, str] | None = None) -> NewKey:
    """Make a key: secret (``sk_…``) with all rights, or restricted (``rk_…``) to ``rights``.

    ``rights`` maps resources (``customers``, ``billing_meters`` …) to ``read`` or ``write``.
    """
    for resource, right in (rights or {}).items():
        if right not in ("read", "write"):
            raise BillingError(f"The right to {resource} must be read or write, not {right}.")
    kind = "sk" if rights is None else "rk"
    mode = "live" if livemode else "test"
    digits = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_DIGITS))
    secret = f"{kind}_{mode}_{digits}"
    key = ApiKey(
        id=new_id("key_"),
        digest=access.digest_of(secret),
        livemode=livemode,
        rights=dict(FULL_RIGHTS) if rights is None else rights,
        name=name,
        hint=f"{kind}_{mode}_…{secret[-_HINT_DIGITS:]}",
        created=int(time.time()),
    )
    access.save_key(key)
    return NewKey(key, secret)


def list_keys() -> list[ApiKey]:
    """All keys, oldest first, those that no longer work included."""
    return access.list_keys()


def revoke_key(key_id: str) -> ApiKey:
    """End a key now; functions that remember it let go of it within a minute."""
    return _end(key_id, int(time.time()))


def roll_key(key_id: str, *, old_usable_seconds: int = 0) -> NewKey:
    """Make a key with the same rights, and end the old one, at once or after some seconds."""
    old = find_key(key_id)
    restricted = None if old.rights == FULL_RIGHTS else old.rights
    fresh = create_key(livemode=old.livemode, name=old.name, rights=restricted)
    _end(key_id, int(time.time()) + old_usable_seconds)
    return fresh


def find_key(key_id: str) -> ApiKey:
    """The key with this id."""
    for key in access.list_keys():
        if key.id == key_id:
            return key
    raise no_such("API key", key_id)


def _end(key_id: str, instant: int) -> ApiKey:
    key = find_key(key_id)
    if key.usable_until is not None:
        instant = min(instant, key.usable_until)
    ended = replace(key, usable_until=instant)
    access.save_key(ended)
    return ended
