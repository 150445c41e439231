"""Sessions of the console: an API key, exchanged for a credential of a few hours.

The credential lives as keys do: its digest in the Access table, under a prefix of its own. It has
the mode and the rights of its key and ends with it, or when its owner signs out. Only its cookie
holds it: no script can read that, and no other site can make a browser send it.
"""

import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from meterline.api.auth import CONSOLE_PREFIX, Principal
from meterline.api.requests import Request
from meterline.core.base.frozen import frozen
from meterline.observability import logger
from meterline.store.account import access
from meterline.store.base.settings import settings

SESSION_SECONDS: Final = 8 * 3_600
"""A session lasts so long at most: a working day."""

_COOKIE: Final = "__Host-meterline-console"
_COOKIE_OF_LOOPBACK: Final = "meterline-console"
_TOKEN_BYTES: Final = 32
_MASK_BYTES: Final = 16


@frozen
class Session:
    """Somebody who is signed in, until ``ends_at`` (UTC seconds)."""

    principal: Principal
    ends_at: int

    @property
    def token(self) -> str:
        """The credential; it never leaves the request's memory but for the cookie."""
        return self.principal.secret

    @property
    def form_token(self) -> str:
        """What each form of the session carries: a page of somebody else's cannot know it.

        It is another one each time, so that the length of packed pages says nothing of it.
        """
        return self._form_token(secrets.token_hex(_MASK_BYTES))

    def owns_form(self, token: object) -> bool:
        """Whether a form was made for this session."""
        mask, _, _ = str(token).partition(".")
        return hmac.compare_digest(str(token).encode(), self._form_token(mask).encode())

    def _form_token(self, mask: str) -> str:
        signed = hmac.new(self.token.encode(), f"console form {mask}".encode(), "sha256")
        return f"{mask}.{signed.hexdigest()}"


def sign_in(principal: Principal, now: int) -> Session:
    """A new session of a key, which ends with the key if that ends earlier."""
    token = CONSOLE_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    ends_at = now + SESSION_SECONDS
    if principal.key.usable_until is not None:
        ends_at = min(ends_at, principal.key.usable_until)
    stored = access.Session(principal.key.digest, ends_at)
    access.save_console_session(access.digest_of(token), stored)
    logger.info("signed in to the console", api_key=principal.key.id)
    return Session(Principal(principal.key, token), ends_at)


def session_of(request: Request, now: int) -> Session | None:
    """The session whose cookie came with a request; None if it, or its key, has ended.

    It is read anew each time: who signs out, or revokes a key, sees it at once.
    """
    token = request.cookie(_cookie_name(request)) or ""
    if not token.startswith(CONSOLE_PREFIX):
        return None
    stored = access.find_console_session(access.digest_of(token))
    if stored is None or now >= stored.usable_until:
        return None
    key = access.find_key(stored.key_digest)
    if key is None or not key.usable(now):
        return None
    return Session(Principal(key, token), stored.usable_until)


def sign_out(session: Session) -> None:
    """End a session now; functions that remember it let go of it within a minute."""
    access.delete_console_session(access.digest_of(session.token))
    logger.info("signed out of the console", api_key=session.principal.key.id)


def cookie_of(request: Request, session: Session, now: int) -> str:
    """The cookie that keeps a session in the browser that asks."""
    return _cookie(request, session.token, session.ends_at - now)


def no_cookie(request: Request) -> str:
    """What makes the browser forget the cookie."""
    return _cookie(request, "", 0)


def api_address(request: Request) -> str:
    """Where the API is: where the request came to, unless the deployment says otherwise.

    The domain is the gateway's word: a header that somebody sends leads nowhere.
    """
    return settings().public_url or f"https://{request.domain}{request.base_path}"


def _is_on_loopback(request: Request) -> bool:
    """Whether the deployment is on this machine, and speaks plain HTTP."""
    address = urlsplit(api_address(request))
    return address.scheme == "http" and address.hostname in ("localhost", "127.0.0.1", "::1")


def _cookie_name(request: Request) -> str:
    return _COOKIE_OF_LOOPBACK if _is_on_loopback(request) else _COOKIE


def _cookie(request: Request, value: str, seconds: int) -> str:
    secure = "" if _is_on_loopback(request) else "; Secure"
    return (
        f"{_cookie_name(request)}={value}; Path=/; Max-Age={seconds}; HttpOnly"
        f"; SameSite=Strict{secure}"
    )
