"""Answers to a client's attempts without a network, of our client and of botocore's alike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.compat import HTTPHeaders

from meterline.store.base.connections import Answer, Connections

type Respond = Callable[[AWSPreparedRequest], AWSResponse]


class Response(AWSResponse):
    """An answer that never travelled."""

    def __init__(
        self, body: bytes, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__("https://localhost", status, HTTPHeaders(), None)
        self.headers.update(headers or {})
        self._content = body


@contextmanager
def exchanging(exchange: Callable[[bytes], Answer]) -> Iterator[None]:
    """Within it, first attempts are answered so, by what is sent."""

    def ask(_: Connections, sent: bytes) -> bytes:
        return sent

    def answer(_: Connections, sent: bytes, **_how: bool) -> Answer:
        return exchange(sent)

    with patch.object(Connections, "ask", ask), patch.object(Connections, "answer", answer):
        yield


@contextmanager
def answering(client: Any, respond: Respond) -> Iterator[None]:
    """Within it, ``respond`` is asked for the answer to each attempt of a client, by its request.

    Only one client of ours at a time: the first attempts of all others go the same way.
    """
    events = client.meta.events
    sent_first: set[str] = set()

    def exchange(sent: bytes) -> Answer:
        request = as_request(sent)
        sent_first.add(said(request, "amz-sdk-invocation-id"))
        found = respond(request)
        headers = {name.lower(): value for name, value in found.headers.items()}
        return Answer(found.status_code, headers, found.content)

    def send(request: Any, **_: object) -> AWSResponse | None:
        retries = request.context["retries"]
        is_known = retries["attempt"] == 1 and retries["invocation-id"] in sent_first
        return None if is_known else respond(request)

    with exchanging(exchange):
        events.register("before-send", send, unique_id="answering")
        yield
        events.unregister("before-send", unique_id="answering")


def as_request(sent: bytes) -> AWSPreparedRequest:
    """What botocore would have called the request that was sent as these bytes."""
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    named = dict(line.partition(": ")[::2] for line in lines)
    method, path, _version = first.split(" ")
    headers: Any = HeadersDict({name: value.encode("latin-1") for name, value in named.items()})
    url = f"https://{HeadersDict(named)['host']}{path}"
    return AWSPreparedRequest(method, url, headers, body, False)  # noqa: FBT003 - as it is made


def said(request: AWSPreparedRequest, name: str) -> str:
    """What a header of a request says."""
    value: Any = request.headers[name]
    return str(value.decode("latin-1"))
