"""The outgoing call to an endpoint: one POST to an address that was checked, within ten seconds.

The name is resolved once, and the call goes to the address that was checked: a name that resolves
to another address a moment later (rebinding) changes nothing. No redirect is followed, no proxy is
used, the answer's body is not read. What an attempt says of a failure is one of a few words of our
own: errors of libraries quote addresses.
"""

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from functools import cache
from http.client import HTTPResponse, parse_headers
from threading import Timer
from time import monotonic
from typing import Any

from urllib3 import exceptions as failures
from urllib3.connection import HTTPConnection, HTTPSConnection

from meterline.core.base.frozen import frozen
from meterline.core.events.addresses import may_be_called
from meterline.core.events.endpoint_urls import EndpointUrl
from meterline.store.base.budgets import WEBHOOK_SECONDS
from meterline.store.events.event_bus import BusEntry, put_entries
from meterline.store.events.replies import Reply

_MOST_ADDRESSES = 3
_MILLISECONDS = 1_000
_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_PROVISIONAL = range(102, 200)

type Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a name, for a port; OSError if there are none."""


@frozen
class Outgoing:
    """What is sent to an endpoint."""

    url: EndpointUrl
    body: bytes
    headers: Mapping[str, str]


class _Answer(HTTPResponse):
    """The final answer to a call: the provisional ones before it (1xx) are passed over.

    http.client passes over 100 alone.
    """

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status not in _PROVISIONAL:
                return version, status, reason
            parse_headers(self.fp)


class _Failed(Exception):  # noqa: N818 - an outcome, not a defect
    """A call that came to nothing, in words of our own."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name as this machine's resolver has them, IPv4 first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for *_, address in found]
    return sorted(dict.fromkeys(addresses), key=lambda one: ":" in one)


@cache
def tls() -> ssl.SSLContext:
    """How endpoints prove who they are: by the authorities that botocore trusts."""
    from botocore.httpsession import get_cert_path  # noqa: PLC0415 - only calls by TLS need it

    return ssl.create_default_context(cafile=get_cert_path(verify=True))


@frozen
class Network:
    """How endpoints are reached; ``may_be_private`` allows this machine and private networks."""

    may_be_private: bool = False
    resolve: Resolve = resolve
    tls: Callable[[], ssl.SSLContext] = tls
    seconds: float = WEBHOOK_SECONDS
    clock: Callable[[], float] = field(default=monotonic)

    def post(self, outgoing: Outgoing) -> Reply:
        """Send something to an endpoint; it takes no longer than ``seconds`` once it is resolved,
        and never raises.
        """
        began = self.clock()
        status, error = None, None
        try:
            status = self._post(outgoing, began + self.seconds)
        except _Failed as failed:
            error = str(failed)
        if status is not None and status not in _OK:
            error = "redirects are not followed" if status in _REDIRECTS else f"status {status}"
        return Reply(status, int((self.clock() - began) * _MILLISECONDS), error)

    def put(self, entries: Sequence[BusEntry]) -> list[Reply]:
        """Put entries on their event bus; what came of each, in their order. Never raises."""
        return put_entries(entries)

    def allows(self, address: str) -> bool:
        """Whether an address may be called."""
        return may_be_called(address, may_be_private=self.may_be_private)

    def _post(self, outgoing: Outgoing, deadline: float) -> int:
        """The status of the answer, from the first address that can be connected to."""
        for address in self._addresses(outgoing.url):
            connection = self._connection(outgoing.url, address, deadline - self.clock())
            with suppress(failures.NewConnectionError):
                return self._exchange(connection, outgoing, deadline)
        raise _Failed("the connection was refused")

    def _addresses(self, url: EndpointUrl) -> Sequence[str]:
        """The addresses that may be called, a few at most."""
        try:
            found = [url.host] if url.is_address else self.resolve(url.host, url.port)
        except (OSError, UnicodeError):
            raise _Failed("the host's name was not found") from None
        allowed = [address for address in found if self.allows(address)]
        if not allowed:
            raise _Failed("the address is not one of the public internet")
        return allowed[:_MOST_ADDRESSES]

    def _connection(self, url: EndpointUrl, address: str, seconds: float) -> HTTPConnection:
        if seconds <= 0:
            raise _Failed("timed out")
        if not url.is_secure:
            return HTTPConnection(address, url.port, timeout=seconds)
        return HTTPSConnection(
            address,
            url.port,
            timeout=seconds,
            server_hostname=url.host.removesuffix("."),
            ssl_context=self.tls(),
        )

    def _exchange(self, connection: HTTPConnection, outgoing: Outgoing, deadline: float) -> int:
        """Send it and take the answer's status.

        A socket's own time-out is for a single read. So a timer ends the whole, should the other
        side keep it waiting byte by byte.
        """
        connection.response_class = _Answer
        guard = Timer(max(0.0, deadline - self.clock()), _cut, [connection])
        guard.daemon = True
        guard.start()
        headers = {**outgoing.headers, "Host": outgoing.url.authority, "Connection": "close"}
        try:
            connection.request(
                "POST",
                outgoing.url.target,
                body=outgoing.body,
                headers=headers,
                preload_content=False,
            )
            return int(connection.getresponse().status)
        except failures.NewConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - told by its class; see the module
            is_late = self.clock() >= deadline
            raise _Failed("timed out" if is_late else _in_words(error)) from None
        finally:
            guard.cancel()
            connection.close()


def _in_words(error: BaseException) -> str:
    if isinstance(error, (TimeoutError, failures.TimeoutError)):
        return "timed out"
    if isinstance(error, (ssl.SSLCertVerificationError, failures.SSLError)) or isinstance(
        error.__cause__, ssl.SSLCertVerificationError
    ):
        return "the certificate was not accepted"
    if isinstance(error, ssl.SSLError):
        return "TLS could not be agreed upon"
    return "the connection broke off"


def _cut(connection: Any) -> None:  # noqa: ANN401 - of either kind
    """End a call that takes too long, from beside it."""
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
