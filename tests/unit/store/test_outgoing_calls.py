"""The outgoing call: to the address that was checked, once, within its time."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meterline.core.events.endpoint_urls import read_url
from meterline.store.events.outgoing_calls import Network, Outgoing, tls
from meterline.store.events.replies import Reply
from tests.unit.store.certificates import certificate

type Talk = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
QUICK = 0.3
"""Seconds that a call may take, where a test waits for the end of them."""


def nobody(_host: str, _port: int) -> list[str]:
    raise AssertionError("nothing is resolved")


def named(*addresses: str) -> Callable[[str, int], list[str]]:
    """A resolver to which every name has these addresses."""
    return lambda _host, _port: list(addresses)


@contextmanager
def serving(talk: Talk) -> Iterator[int]:
    """A server that lets ``talk`` answer each connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=[server, talk], daemon=True).start()
        yield server.getsockname()[1]


def _serve(server: socket.socket, talk: Talk) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            try:
                talk(connection)
            except OSError:
                continue


def answering(answer: bytes, heard: list[bytes] | None = None) -> Talk:
    """Reads a request and sends an answer."""

    def talk(connection: socket.socket) -> None:
        request = connection.recv(65_536)
        while b"}" not in request:
            request += connection.recv(65_536)
        if heard is not None:
            heard.append(request)
        connection.sendall(answer)

    return talk


def post(url: str, network: Network) -> Reply:
    return network.post(Outgoing(read_url(url), b'{"id":1}', {"Content-Type": "application/json"}))


def local(**options: object) -> Network:
    """A network in which every name is this machine's, which is allowed."""
    defaults: dict[str, object] = {"may_be_private": True, "resolve": named("127.0.0.1")}
    return Network(**(defaults | options))  # type: ignore[arg-type]


def test_an_event_is_posted_to_the_address_under_the_endpoint_s_name() -> None:
    heard: list[bytes] = []
    with serving(answering(OK, heard)) as port:
        reply = post(f"http://hooks.example:{port}/in?a=b", local())
    assert (reply.status, reply.error) == (200, None)
    [request] = heard
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert f"Host: hooks.example:{port}".encode() in head
    assert b"Content-Length: 8" in head
    assert head.count(b"Host:") == 1
    assert body == b'{"id":1}'


# answer's first line | the status that is recorded, and why it is no success
ANSWERS = [
    (b"HTTP/1.1 200 OK", 200, None),
    (b"HTTP/1.1 204 No Content", 204, None),
    (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/", 302, "redirects are not followed"),
    (b"HTTP/1.1 307 Temporary\r\nLocation: /", 307, "redirects are not followed"),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Done", 204, None),
    (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK", 200, None),
    (b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + b"HTTP/1.1 410 Gone", 410, "status 410"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c", 101, "status 101"),
    (b"HTTP/1.1 400 Bad Request", 400, "status 400"),
    (b"HTTP/1.1 503 Unavailable", 503, "status 503"),
    (b"SSH-2.0-server", None, "the connection broke off"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, None, "the connection broke off"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, None, "the connection broke off"),
    (b"", None, "the connection broke off"),
]


@pytest.mark.parametrize(("line", "status", "error"), ANSWERS)
def test_only_a_2xx_is_a_success(line: bytes, status: int | None, error: str | None) -> None:
    talks: list[bytes] = []
    answer = line + b"\r\nContent-Length: 0\r\n\r\n" if line else b""
    with serving(answering(answer, talks)) as port:
        reply = post(f"http://hooks.example:{port}", local(seconds=2))
    assert (reply.status, reply.error) == (status, error)
    assert len(talks) == 1, "it is sent once"


REFUSED = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "::ffff:127.0.0.1"]
REFUSED += ["fd00:ec2::254", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "0.0.0.0"]  # noqa: S104 - not bound


@pytest.mark.parametrize("address", REFUSED)
def test_a_name_of_an_address_that_is_not_public_is_not_called(address: str) -> None:
    reply = post("https://hooks.example", Network(resolve=named(address)))
    assert reply.error == "the address is not one of the public internet"


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:10.0.0.1]"])
def test_an_address_that_is_not_public_is_not_called(address: str) -> None:
    reply = post(f"https://{address}/", Network(resolve=nobody))
    assert reply.error == "the address is not one of the public internet"


def test_metadata_is_not_called_even_where_private_addresses_are() -> None:
    reply = post("http://hooks.example", local(resolve=named("169.254.169.254")))
    assert reply.error == "the address is not one of the public internet"


def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with serving(answering(OK)) as port:
        assert post(f"http://hooks.example:{port}", local(resolve=rebinding)).is_success
    assert asked == ["hooks.example"], "a name is resolved once"


def test_of_several_addresses_those_that_are_not_public_are_left_out() -> None:
    with serving(answering(OK)) as port:
        network = local(resolve=named("169.254.169.254", "fe80::1", "127.0.0.1"))
        assert post(f"http://hooks.example:{port}", network).is_success


def test_of_several_addresses_the_next_one_is_called_if_one_refuses_to_connect() -> None:
    with serving(answering(OK)) as port:
        network = local(resolve=named("127.0.0.2", "127.0.0.1"))
        assert post(f"http://hooks.example:{port}", network).is_success


def test_a_name_that_is_nowhere_and_a_port_that_nobody_serves_are_told_apart() -> None:
    def nowhere(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    assert (
        post("https://a.example", local(resolve=nowhere)).error == "the host's name was not found"
    )
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        reply = post(f"http://a.example:{deaf.getsockname()[1]}", local())
    assert reply.error == "the connection was refused"


def silent(connection: socket.socket) -> None:
    connection.recv(65_536)
    time.sleep(10)


def trickling(connection: socket.socket) -> None:
    connection.recv(65_536)
    for byte in OK:
        connection.sendall(bytes([byte]))
        time.sleep(0.25)


LONG_BEFORE_ITS_END = 5
"""Seconds, where an endpoint takes ten."""


@pytest.mark.parametrize("talk", [silent, trickling])
def test_a_call_ends_in_its_time_whatever_the_endpoint_does(talk: Talk) -> None:
    with serving(talk) as port:
        began = time.monotonic()
        reply = post(f"http://hooks.example:{port}", local(seconds=QUICK))
    assert (reply.status, reply.error) == (None, "timed out")
    assert time.monotonic() - began < LONG_BEFORE_ITS_END
    assert QUICK * 1_000 <= reply.milliseconds < LONG_BEFORE_ITS_END * 1_000


def test_an_endless_body_is_not_read() -> None:
    def endless(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 1_000_000)

    with serving(endless) as port:
        reply = post(f"http://hooks.example:{port}", local())
    assert reply.is_success


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(answering(OK)) as port:
        assert post(f"http://hooks.example:{port}", local()).is_success


@pytest.mark.parametrize(
    ("name", "error"),
    [("hooks.example", None), ("other.example", "the certificate was not accepted")],
)
def test_an_endpoint_proves_its_name_though_its_address_is_called(
    tmp_path: Path, name: str, error: str | None
) -> None:
    proof = certificate(tmp_path, "hooks.example")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(proof)

    def talk(connection: socket.socket) -> None:
        with server_side.wrap_socket(connection, server_side=True) as secure:
            answering(OK)(secure)

    trusting = ssl.create_default_context(cafile=proof)
    with serving(talk) as port:
        reply = post(f"https://{name}:{port}", local(tls=lambda: trusting))
        strict = post(f"https://{name}:{port}", local())
    assert reply.error == error
    assert strict.error == "the certificate was not accepted", "by the authorities of the internet"


def test_names_and_authorities_are_checked() -> None:
    assert tls().check_hostname
    assert tls().verify_mode is ssl.CERT_REQUIRED
    assert len(tls().get_ca_certs()) > 50
