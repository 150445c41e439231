"""API keys and sessions: which one asks, and its rights (contract sections 1.1, 1.2).

A session of a stream sends events and does nothing else. One of the console stands for its key: it
has the key's mode and rights, and ends with it.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Callable

from meterline.api.operations import Operation
from meterline.api.requests import Request
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.store.account import access
from meterline.store.account.access import ApiKey
from meterline.store.base.account import account_id

CACHE_SECONDS = 60
_CACHE_LIMIT = 1_000
_KEY = re.compile(r"(sk|rk)_(test|live)_[0-9A-Za-z]{16,200}", re.ASCII)
SESSION_PREFIX = "mtr_session_"
_SESSION = re.compile(SESSION_PREFIX + r"[0-9A-Za-z_-]{32,100}", re.ASCII)
CONSOLE_PREFIX = "mtr_console_"
_CONSOLE = re.compile(CONSOLE_PREFIX + r"[0-9A-Za-z_-]{32,100}", re.ASCII)

_keys: dict[str, tuple[float, ApiKey]] = {}
_sessions: dict[str, tuple[float, access.Session]] = {}
_console_sessions: dict[str, tuple[float, access.Session]] = {}


@frozen
class Principal:
    """The key that a request acts for. ``secret`` never leaves the request's memory."""

    key: ApiKey
    secret: str

    @property
    def livemode(self) -> bool:
        """Whether it acts on live data."""
        return self.key.livemode

    def may(self, permission: str, *, write: bool) -> bool:
        """Whether the key has the right to a resource."""
        rights = self.key.rights
        right = rights.get(permission, rights.get("*", "none"))
        return right == "write" or (right == "read" and not write)

    def require(self, permission: str, *, write: bool) -> None:
        """Refuse (403) what the key has no right to."""
        if not self.may(permission, write=write):
            right = f"{permission}_{'write' if write else 'read'}"
            raise BillingError(
                f"The provided key '{masked(self.secret)}' does not have the required permissions "
                f"for this endpoint. Having the '{right}' permission would allow this request to "
                "continue.",
                status=403,
            )


def authenticate(request: Request, operation: Operation, now: int) -> Principal:
    """The principal of the key that asks; BillingError 401 for a key that is not known."""
    secret = _credential(request)
    if operation.takes_session:
        return _by_session(secret, now)
    find = _by_console_session if secret.startswith(CONSOLE_PREFIX) else _by_key
    return find(secret, now)


def principal_of_key(secret: str, now: int) -> Principal:
    """The principal of an API key, as it is stored now; BillingError 401 for one not known."""
    _keys.pop(access.digest_of(secret), None)
    return _by_key(secret, now)


def authorize(principal: Principal, request: Request, operation: Operation) -> None:
    """Refuse (403) what the principal may not do."""
    _check_account(request, principal.secret)
    principal.require(operation.permission, write=operation.writes)


def _check_account(request: Request, secret: str) -> None:
    """Refuse (403) a request for another account: a deployment is one."""
    for header in ("stripe-account", "stripe-context"):
        asked = request.header(header)
        if asked is not None and asked != account_id():
            raise other_account(secret, asked)


def other_account(secret: str, asked: str) -> BillingError:
    """The refusal of an account that is not this one, in Stripe's words."""
    return BillingError(
        f"The provided key '{masked(secret)}' does not have access to account '{asked[:50]}' (or "
        "that account does not exist). Application access may have been revoked.",
        code="account_invalid",
        status=403,
    )


def masked(secret: str) -> str:
    """A secret as it may appear in a message: its prefix and last four characters."""
    prefix = secret[: secret.rfind("_", 0, 9) + 1]
    return f"{prefix}{'*' * 10}{secret[-4:]}" if len(secret) > len(prefix) + 8 else "*" * 10


def forget_cached() -> None:
    """Drop what is remembered of keys and sessions, so that the next request reads them."""
    _keys.clear()
    _sessions.clear()
    _console_sessions.clear()


def _credential(request: Request) -> str:
    scheme, _, value = (request.header("authorization") or "").strip().partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    if scheme.lower() == "basic" and (user := _basic_user(value.strip())):
        return user
    raise BillingError(
        "You did not provide an API key. You need to provide your API key in the Authorization "
        "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        status=401,
    )


def _basic_user(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def _by_key(secret: str, now: int) -> Principal:
    key = _cached_key(access.digest_of(secret)) if _KEY.fullmatch(secret) else None
    if key is None or not hmac.compare_digest(key.digest, access.digest_of(secret)):
        raise BillingError(f"Invalid API Key provided: {masked(secret)}", status=401)
    if not key.usable(now):
        raise _expired(secret)
    return Principal(key, secret)


def _by_session(token: str, now: int) -> Principal:
    if not _SESSION.fullmatch(token):
        raise BillingError(
            "The authentication token of a meter event session is required.",
            code="unauthenticated",
            status=401,
        )
    # A session that is not there any more was one: it is removed a day after its end.
    session = _cached_session(access.digest_of(token))
    key = _cached_key(session.key_digest) if session is not None else None
    if session is None or now >= session.usable_until or key is None or not key.usable(now):
        raise BillingError(
            "The billing meter event session has expired. Create another one.",
            code="billing_meter_event_session_expired",
            status=401,
            type="temporary_session_expired",
        )
    return Principal(key, token)


def _by_console_session(token: str, now: int) -> Principal:
    digest = access.digest_of(token)
    session = None
    if _CONSOLE.fullmatch(token):
        session = _cached(_console_sessions, digest, access.find_console_session)
    key = _cached_key(session.key_digest) if session is not None else None
    if session is None or now >= session.usable_until or key is None or not key.usable(now):
        raise BillingError(
            "The session of the console has ended. Sign in again.",
            code="console_session_expired",
            status=401,
        )
    return Principal(key, token)


def _cached_key(digest: str) -> ApiKey | None:
    return _cached(_keys, digest, access.find_key)


def _cached_session(digest: str) -> access.Session | None:
    return _cached(_sessions, digest, access.find_session)


def _cached[T](
    cache: dict[str, tuple[float, T]], digest: str, find: Callable[[str], T | None]
) -> T | None:
    """``find(digest)``, remembered for a minute when there is something to remember."""
    moment = time.monotonic()
    remembered = cache.get(digest)
    if remembered is not None and moment - remembered[0] < CACHE_SECONDS:
        return remembered[1]
    found = find(digest)
    if found is not None:
        if len(cache) >= _CACHE_LIMIT:
            cache.clear()
        cache[digest] = (moment, found)
    else:
        cache.pop(digest, None)
    return found


def _expired(secret: str) -> BillingError:
    return BillingError(
        f"Expired API Key provided: {masked(secret)}", code="api_key_expired", status=401
    )
