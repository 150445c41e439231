"""The first attempt of each call to DynamoDB, sent by ourselves in a tenth of botocore's CPU.

botocore prepares the first call of each operation and offers it (``before-call``); the address and
the headers of all later ones are the same. Each is signed and sent here, and a whole answer is the
call's. Whatever else comes of it (a refusal, a throttle, a failure of DynamoDB, a damaged answer, a
time-out, a broken connection) is handed to botocore as what its own first attempt met: it reads
refusals, decides on repetitions, waits, and sends them, as ever. What a connection needs
(time-outs, certificates, options of sockets) is asked of botocore's own.
"""

import socket
import ssl
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from zlib import crc32

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ReadTimeoutError
from botocore.handlers import add_recursion_detection_header
from botocore.httpsession import get_cert_path

from meterline.core.base.frozen import frozen
from meterline.store.base.answers import OPERATIONS, read_whole
from meterline.store.base.connections import Address, Answer, Connections
from meterline.store.base.request_bodies import body_of
from meterline.store.base.signatures import Scope, sign

HOOK = "meterline-first-attempts"
"""The name under which a client's ``before-call`` knows them."""

_MET = "meterline_first_attempt"
_DOOR = "_make_api_call"
_BOTOCORES_DOOR = vars(BaseClient)[_DOOR]
"""What all calls go through; who wants to see all calls of all clients stands before it."""
_TRACE = "X-Amzn-Trace-Id"
_OK = 200
_PORTS = {"http": 80, "https": 443}

type Botocores = Any
"""What botocore builds at run time: clients, models, parameters, requests."""
type Params = dict[str, Any]
type Found = dict[str, Any]
type Outcome = Callable[[], Found]
type Together = Callable[[str, Sequence[Params]], list[Outcome]]


def send_first_attempts(client: Botocores) -> Together:
    """Send the first attempts of a client's calls by ourselves, if they would be sent in the usual
    way: signed by Signature Version 4, and straight to the service, whose certificate is checked.

    What is returned makes several calls of an operation at once, without any thread: all are sent
    before the first answer is waited for. What came of each is asked of each by itself.
    """
    session = client._endpoint.http_session  # noqa: SLF001 - there is no public way to any of these
    is_usual = (
        client._request_signer.signature_version == "v4"  # noqa: SLF001
        and session._proxy_config.proxy_url_for(client.meta.endpoint_url) is None  # noqa: SLF001
        and session._verify  # noqa: SLF001
        and session._cert_file is None  # noqa: SLF001
    )
    if is_usual:
        first, events = FirstAttempts(client), client.meta.events
        # After botocore's own, which add headers.
        events.register_last("before-call", first.answered, unique_id=HOOK)
        events.register_first("before-send", first.met)
        setattr(client, _DOOR, partial(first.called, client))
        return partial(first.called_together, client)
    return partial(one_by_one, client)


def one_by_one(client: Botocores, operation: str, calls: Sequence[Params]) -> list[Outcome]:
    """Calls of an operation that botocore is asked for: each is made when its outcome is asked."""
    return [partial(client._make_api_call, operation, params) for params in calls]  # noqa: SLF001 - any operation


@frozen
class _Service:
    """What is called: the name that it is called by, and the connections to it."""

    host: str
    connections: Connections


@frozen
class _Prepared:
    """What botocore prepared for one call of an operation, and would prepare for each."""

    model: Botocores
    service: _Service
    headers: dict[str, str]


@frozen
class _Begun:
    """A first attempt on its way: what it is called, and where its answer comes; or what it met."""

    invocation: str
    sent: socket.socket | BotoCoreError


@frozen
class _Failed:
    """A first attempt without a whole answer: what it was called, and what it met."""

    invocation: str
    met: Answer | BotoCoreError


type _Tried = tuple[Answer, Found] | _Failed

_HANDED_OVER: ContextVar[_Failed | None] = ContextVar("handed_over", default=None)
"""The first attempt of the call that botocore is asked for, if it was made."""


class FirstAttempts:
    """Those of one client, by any number of threads."""

    def __init__(self, client: Botocores) -> None:
        self._config = client.meta.config
        self._session = client._endpoint.http_session  # noqa: SLF001 - there is no public way
        self._signer = client._request_signer  # noqa: SLF001
        self._credentials = self._signer._credentials  # noqa: SLF001
        self._scope = Scope(self._signer.region_name, self._signer.signing_name)
        self._services: dict[str, _Service | None] = {}
        self._prepared: dict[str, _Prepared] = {}

    def called(self, client: Botocores, operation: str, params: Params) -> Found:
        """A call: by what botocore prepared for an earlier one, or by botocore."""
        prepared = self._ready(operation)
        if prepared is None:
            return _ask_botocore(client, operation, params)
        tried = self._tried(prepared, self._of_this_call(prepared), body_of(params))
        return _outcome(client, prepared, params, tried)

    def called_together(
        self, client: Botocores, operation: str, calls: Sequence[Params]
    ) -> list[Outcome]:
        """Calls that are all sent before the first answer is waited for.

        A first attempt that failed is repeated when its outcome is asked.
        """
        prepared = self._ready(operation)
        if prepared is None:
            return one_by_one(client, operation, calls)
        begun: list[_Begun] = []
        try:
            for params in calls:
                headers = self._of_this_call(prepared)
                begun.append(self._begun(prepared, headers, body_of(params)))
            tried: list[_Tried] = []
            for each in begun:
                waited = any(map(_timed_out, tried))
                tried.append(self._ended(prepared, each, had_its_time=waited))
        except BaseException:
            for each in begun:
                if not isinstance(each.sent, BotoCoreError):
                    each.sent.close()
            raise
        return [
            partial(_outcome, client, prepared, params, each)
            for params, each in zip(calls, tried, strict=True)
        ]

    def _ready(self, operation: str) -> "_Prepared | None":
        """What is known of an operation, if its calls need no botocore."""
        is_watched = vars(BaseClient)[_DOOR] is not _BOTOCORES_DOOR
        return None if is_watched or self._have_an_account() else self._prepared.get(operation)

    @staticmethod
    def _of_this_call(prepared: _Prepared) -> dict[str, str]:
        headers = dict(prepared.headers)
        add_recursion_detection_header({"headers": headers})
        return headers

    def answered(
        self, model: Botocores, params: Botocores, context: Botocores, **_: object
    ) -> tuple[Answer, Found] | None:
        """Botocore's ``before-call``: a whole answer, or None, and botocore goes on."""
        tried: _Tried | None = _HANDED_OVER.get()
        if tried is None:
            prepared = self._made_ready(model, params, context)
            if prepared is None:
                return None
            tried = self._tried(prepared, dict(params["headers"]), params["body"])
        if isinstance(tried, _Failed):
            context["retries"] = {"invocation-id": tried.invocation}
            context[_MET] = tried.met
            return None
        return tried

    def met(self, request: Botocores, **_: object) -> AWSResponse | None:
        """Botocore's ``before-send``: what the first attempt met, for botocore to deal with."""
        met = request.context.pop(_MET, None)
        if isinstance(met, BaseException):
            raise met
        if met is None:
            return None
        return AWSResponse(request.url, met.status_code, met.headers, met)

    def _made_ready(
        self, model: Botocores, params: Botocores, context: Botocores
    ) -> _Prepared | None:
        """What botocore prepared, kept for later calls; None of a call that is botocore's."""
        is_usual = (
            model.name in OPERATIONS
            and self._credentials is not None
            and not context["auth_type"]
            and "signing" not in context
        )
        service = self._service(params["url"]) if is_usual else None
        if service is None:
            return None
        headers = {name: value for name, value in params["headers"].items() if name != _TRACE}
        prepared = _Prepared(model, service, headers)
        self._prepared[model.name] = prepared
        return prepared

    def _have_an_account(self) -> bool:
        """Whether credentials name their account: then the address depends on them."""
        return getattr(self._credentials, "account_id", None) is not None

    def _tried(self, prepared: _Prepared, headers: dict[str, str], body: bytes) -> "_Tried":
        return self._ended(prepared, self._begun(prepared, headers, body))

    def _begun(self, prepared: _Prepared, headers: dict[str, str], body: bytes) -> _Begun:
        """A first attempt that is sent, or failed to be."""
        invocation = str(uuid4())
        request = self._request(prepared.service.host, headers, body, invocation)
        try:
            return _Begun(invocation, prepared.service.connections.ask(request))
        except BotoCoreError as error:
            return _Begun(invocation, error)

    def _ended(self, prepared: _Prepared, begun: _Begun, *, had_its_time: bool = False) -> "_Tried":
        """The whole answer to a first attempt, also as what it says; or what it met."""
        if isinstance(begun.sent, BotoCoreError):
            return _Failed(begun.invocation, begun.sent)
        try:
            answer = prepared.service.connections.answer(begun.sent, had_its_time=had_its_time)
        except BotoCoreError as error:
            return _Failed(begun.invocation, error)
        found = _read(prepared.model, answer)
        return _Failed(begun.invocation, answer) if found is None else (answer, found)

    def _request(self, host: str, given: dict[str, str], body: bytes, invocation: str) -> bytes:
        headers = {name.lower(): value for name, value in given.items()}
        headers["host"] = host
        sign(headers, body, self._scope, self._credentials.get_frozen_credentials())
        headers |= {
            "amz-sdk-invocation-id": invocation,
            "amz-sdk-request": "attempt=1",
            "accept-encoding": "identity",
            "content-length": str(len(body)),
        }
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        return f"POST / HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body

    def _service(self, url: str) -> _Service | None:
        """What is at an address, the same for all threads; None for one with a path."""
        if url not in self._services:
            self._services.setdefault(url, self._made(url))
        return self._services[url]

    def _made(self, url: str) -> _Service | None:
        parts = urlsplit(url)
        if (parts.path, parts.query) != ("/", "") or parts.hostname is None:
            return None
        address = Address(
            url,
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            self._tls() if parts.scheme == "https" else None,
            self._config.connect_timeout,
            self._config.read_timeout,
            self._session._socket_options,  # noqa: SLF001 - there is no public way
        )
        host = parts.netloc.rpartition("@")[2].removesuffix(f":{_PORTS[parts.scheme]}")
        return _Service(host, Connections(address, self._config.max_pool_connections))

    def _tls(self) -> ssl.SSLContext:
        context: ssl.SSLContext = self._session._get_ssl_context()  # noqa: SLF001 - there is no public way
        # botocore leaves this to urllib3, which compares names by itself.
        context.check_hostname = True
        context.load_verify_locations(get_cert_path(self._session._verify))  # noqa: SLF001
        return context


def _ask_botocore(client: Botocores, operation: str, params: Params) -> Found:
    answer: Found = vars(BaseClient)[_DOOR](client, operation, params)
    return answer


def _outcome(client: Botocores, prepared: _Prepared, params: Params, tried: _Tried) -> Found:
    """What a call whose first attempt was made comes to."""
    operation = prepared.model.name
    if isinstance(tried, _Failed):
        handed_over = _HANDED_OVER.set(tried)
        try:
            return _ask_botocore(client, operation, params)
        finally:
            _HANDED_OVER.reset(handed_over)
    http, answer = tried
    # Success gives back to botocore what repetitions may spend.
    client.meta.events.emit(
        f"after-call.dynamodb.{operation}",
        http_response=http,
        parsed=answer,
        model=prepared.model,
        context={},
    )
    return answer


def _timed_out(tried: _Tried) -> bool:
    return isinstance(tried, _Failed) and isinstance(tried.met, ReadTimeoutError)


def _read(model: Botocores, answer: Answer) -> dict[str, Any] | None:
    """What a whole answer says; None of one that is botocore's to read."""
    if answer.status_code != _OK or not _is_undamaged(answer):
        return None
    found = read_whole(model, answer.content)
    if found is not None:
        metadata = found["ResponseMetadata"] = {
            "HTTPStatusCode": answer.status_code,
            "HTTPHeaders": answer.headers,
            "RetryAttempts": 0,
        }
        if (identity := answer.headers.get("x-amzn-requestid")) is not None:
            metadata["RequestId"] = identity
    return found


def _is_undamaged(answer: Answer) -> bool:
    wanted = answer.headers.get("x-amz-crc32")
    return wanted is None or wanted == str(crc32(answer.content))
