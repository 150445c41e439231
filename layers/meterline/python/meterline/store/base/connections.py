"""Kept-alive HTTP/1.1 connections to one address, each used by one call at a time.

They do what botocore's do (urllib3's): the same time-outs, certificates and errors, and a
connection that its other side has left is not used again. Where that was not to be seen, as after a
function was frozen, the first that fails tells of all that were idle with it. An answer in the
plain form that AWS gives, which says how long it is, is read here; all others are left to
``http.client``.
"""

import io
import socket
import ssl
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from typing import Any

from botocore import exceptions as failures
from urllib3.util.wait import wait_for_read

from meterline.core.base.frozen import frozen

_CHUNK = 65_536
_LONGEST_HEAD = 65_536
_HEAD_ENDS = b"\r\n\r\n"
_PLAIN = "HTTP/1.1 "
_WITHOUT_BODY = frozenset({"204", "304"})
_FIRST_FINAL = "200"
_STATUS_LENGTH = 3
_MOST_HEADERS = 100
_HARDLY_SECONDS = 0.05


@frozen
class Address:
    """Where a service is, and how long it is waited for; ``tls`` is None where it has none."""

    url: str
    host: str
    port: int
    tls: ssl.SSLContext | None
    connect_seconds: float
    read_seconds: float
    socket_options: Sequence[tuple[int, int, int]] = ()


@frozen
class Answer:
    """What a service answered; names of headers are in small letters."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    def stream(self) -> Iterator[bytes]:
        """The content, as botocore reads what still has to come."""
        yield self.content


class Connections:
    """Those to an address that nobody uses now, at most ``most``, and new ones as needed."""

    def __init__(self, address: Address, most: int) -> None:
        self._address, self._most = address, most
        self._idle: list[socket.socket] = []
        self.close = weakref.finalize(self, _close_all, self._idle)

    def ask(self, request: bytes) -> socket.socket:
        """Send a request, whose ``answer`` is to be taken; raises what botocore would."""
        with _in_botocores_words(self._address.url):
            connection = self._kept() or _connected(self._address)
            try:
                _send(connection, request)
            except BaseException:
                connection.close()
                _close_all(self._idle)
                raise
            return connection

    def answer(self, connection: socket.socket, *, had_its_time: bool = False) -> Answer:
        """Take the answer to the request that was sent: it is there, or hardly waited for, if it
        ``had_its_time``.
        """
        with _in_botocores_words(self._address.url):
            try:
                if had_its_time:
                    connection.settimeout(_HARDLY_SECONDS)
                answer, may_be_kept = _received(connection)
                if had_its_time:
                    connection.settimeout(self._address.read_seconds)
            except BaseException:
                connection.close()
                _close_all(self._idle)
                raise
        if may_be_kept and len(self._idle) < self._most:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _kept(self) -> socket.socket | None:
        """An idle connection; one that says something unasked says that it ends."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not wait_for_read(connection, timeout=0):
                return connection
            connection.close()
        return None


def _close_all(connections: list[socket.socket]) -> None:
    with suppress(IndexError):  # another thread may take the last one
        while connections:
            connections.pop().close()


def _connected(address: Address) -> socket.socket:
    try:
        plain = socket.create_connection((address.host, address.port), address.connect_seconds)
    except TimeoutError as error:
        raise failures.ConnectTimeoutError(endpoint_url=address.url, error=error) from error
    except OSError as error:
        raise failures.EndpointConnectionError(endpoint_url=address.url, error=error) from error
    connection = plain
    try:
        for option in address.socket_options:
            plain.setsockopt(*option)
        if address.tls is not None:
            connection = address.tls.wrap_socket(plain, server_hostname=address.host)
        connection.settimeout(address.read_seconds)
    except BaseException:
        plain.close()
        raise
    return connection


def _send(connection: socket.socket, request: bytes) -> None:
    # A server may answer before it has read all, and close: then its answer is there to be read.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(request)


def _received(connection: socket.socket) -> tuple[Answer, bool]:
    """The answer, and whether another one can be asked for on this connection."""
    begun = connection.recv(_CHUNK)
    while (end := begun.find(_HEAD_ENDS)) < 0 and len(begun) < _LONGEST_HEAD:
        more = connection.recv(_CHUNK)
        if not more:
            break
        begun += more
    head = _plain_head(begun[:end]) if end > 0 else None
    if head is None:
        return _by_the_book(connection, begun), False
    status, headers, length = head
    start = end + len(_HEAD_ENDS)
    body = _whole(connection, begun[start : start + length], length)
    may_be_kept = (
        headers.get("connection", "keep-alive").lower() == "keep-alive"
        and len(begun) <= start + length
    )
    return Answer(status, headers, body), may_be_kept


def _plain_head(head: bytes) -> tuple[int, dict[str, str], int] | None:
    """Status, headers and the body's length of an answer in the plain form, None of others."""
    first, *lines = head.decode("latin-1").split("\r\n")
    status = first[len(_PLAIN) :].partition(" ")[0]
    if not (first.startswith(_PLAIN) and len(status) == _STATUS_LENGTH and status.isdecimal()):
        return None
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name[:1].isspace():
            return None
        headers[name.lower()] = value.strip()
    length = headers.get("content-length", "")
    is_plain = (
        status >= _FIRST_FINAL
        and status not in _WITHOUT_BODY
        and length.isdecimal()
        and length.isascii()
        and "transfer-encoding" not in headers
        and len(headers) == len(lines) <= _MOST_HEADERS
    )
    return (int(status), headers, int(length)) if is_plain else None


def _whole(connection: socket.socket, begun: bytes, length: int) -> bytes:
    if len(begun) == length:
        return begun
    whole, place = bytearray(length), len(begun)
    whole[:place] = begun
    rest = memoryview(whole)
    while place < length:
        count = connection.recv_into(rest[place:])
        if not count:
            raise ConnectionResetError(f"{place} of {length} bytes came")
        place += count
    return bytes(whole)


def _by_the_book(connection: socket.socket, begun: bytes) -> Answer:
    """An answer in any form that HTTP/1.1 has: in chunks, after other ones, until the end."""
    response = HTTPResponse(_Begun(connection, begun), method="POST")  # type: ignore[arg-type] # makefile is all it uses
    with response:
        response.begin()
        headers = {
            name.lower(): _one_line(response.getheader(name, "")) for name in response.headers
        }
        return Answer(response.status, headers, response.read())


def _one_line(value: str) -> str:
    return " ".join(line.strip() for line in value.splitlines())


class _Begun(io.RawIOBase):
    """A connection, with what was read of it already."""

    def __init__(self, connection: socket.socket, begun: bytes) -> None:
        self._connection, self._begun = connection, begun

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever takes bytes
        if not self._begun:
            return self._connection.recv_into(buffer)
        count = min(len(buffer), len(self._begun))
        buffer[:count], self._begun = self._begun[:count], self._begun[count:]
        return count


@contextmanager
def _in_botocores_words(url: str) -> Iterator[None]:
    """Raise what botocore raises for an error of a connection."""
    try:
        yield
    except failures.BotoCoreError:
        raise
    except ssl.SSLError as error:
        raise failures.SSLError(endpoint_url=url, error=error) from error
    except TimeoutError as error:
        raise failures.ReadTimeoutError(endpoint_url=url, error=error) from error
    except (HTTPException, OSError) as error:
        raise failures.ConnectionClosedError(endpoint_url=url, error=error, request=None) from error
