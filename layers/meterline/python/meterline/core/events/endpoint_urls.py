"""The URL of an endpoint, taken apart once: what is checked is what is called."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from meterline.core.base.frozen import frozen

_PRINTABLE: Final = re.compile(r"[!-~]+")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_MOST_CHARACTERS: Final = 253
_PORTS: Final = {"http": 80, "https": 443}


class UnusableUrl(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """A URL that cannot be called; the message says why, to whoever wrote it."""


@frozen
class EndpointUrl:
    """Where an endpoint is: ``target`` is its path with its query, ``authority`` its host as the
    request names it. An IPv6 ``host`` stands without its brackets.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_secure(self) -> bool:
        """Whether it is called by TLS."""
        return self.scheme == "https"

    @property
    def is_address(self) -> bool:
        """Whether its host is an address and no name."""
        return _is_address(self.host)

    @property
    def authority(self) -> str:
        """The host, with its port where that is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(text: str) -> EndpointUrl:
    """The parts of an endpoint's URL; UnusableUrl if it cannot be called.

    A host is a name, or an address in its usual form: numbers in other bases, which a resolver
    would take for an address, are refused.
    """
    if not _PRINTABLE.fullmatch(text):
        raise UnusableUrl("It must have printable ASCII characters only, without spaces.")
    try:
        parts = urlsplit(text)
        given_port = parts.port
    except ValueError:
        raise UnusableUrl("It has no form of a URL.") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UnusableUrl("An explicit scheme (such as https) must be provided.")
    if "@" in parts.netloc:
        raise UnusableUrl("It must not contain a user name or password.")
    if not (_is_address(parts.hostname) or _is_name(parts.hostname)):
        raise UnusableUrl("Its host is neither a name nor an address in its usual form.")
    port = _PORTS[parts.scheme] if given_port is None else given_port
    if port == 0:
        raise UnusableUrl("Its port must not be 0.")
    target = parts.path or "/"
    return EndpointUrl(
        parts.scheme, parts.hostname, port, f"{target}?{parts.query}" if parts.query else target
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _is_name(host: str) -> bool:
    """Whether it is a host's name; the last label of one is no number."""
    labels = host.removesuffix(".").split(".")
    fits = len(host) <= _MOST_CHARACTERS and all(map(_LABEL.fullmatch, labels))
    return fits and not _NUMBER.fullmatch(labels[-1])
