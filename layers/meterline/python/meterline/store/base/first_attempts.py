"""The first attempt of each call to DynamoDB, sent by ourselves in a quarter of botocore's CPU.

botocore prepares a call and offers it (``before-call``). It is signed and sent here, and a whole
answer is the call's. Whatever else comes of it (a refusal, a throttle, a failure of DynamoDB, a
damaged answer, a time-out, a broken connection) is handed to botocore as what its own first attempt
met: it reads refusals, decides on repetitions, waits, and sends them, as ever. What a connection
needs (time-outs, certificates, options of sockets) is asked of botocore's own.
"""

import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from zlib import crc32

from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path

from meterline.store.base.answers import OPERATIONS, read_whole
from meterline.store.base.connections import Address, Answer, Connections
from meterline.store.base.signatures import Scope, sign

HOOK = "meterline-first-attempts"
"""The name under which a client's ``before-call`` knows them."""

_MET = "meterline_first_attempt"
_OK = 200
_PORTS = {"http": 80, "https": 443}

type Botocores = Any
"""What botocore builds at run time: clients, models, parameters, requests."""


def send_first_attempts(client: Botocores) -> None:
    """Send the first attempts of a client's calls by ourselves, if they would be sent in the usual
    way: signed by Signature Version 4, and straight to the service, whose certificate is checked.
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
        client._ruleset_resolver = _OneEndpoint(client)  # noqa: SLF001
        # After botocore's own, which add headers.
        events.register_last("before-call", first.answered, unique_id=HOOK)
        events.register_first("before-send", first.met)


@dataclass(frozen=True, slots=True)
class _Service:
    """What is called: the name that it is called by, and the connections to it."""

    host: str
    connections: Connections


class FirstAttempts:
    """Those of one client, by any number of threads."""

    def __init__(self, client: Botocores) -> None:
        self._config = client.meta.config
        self._session = client._endpoint.http_session  # noqa: SLF001 - there is no public way
        self._signer = client._request_signer  # noqa: SLF001
        self._credentials = self._signer._credentials  # noqa: SLF001
        self._services: dict[str, _Service | None] = {}

    def answered(
        self, model: Botocores, params: Botocores, context: Botocores, **_: object
    ) -> tuple[Answer, dict[str, Any]] | None:
        """Botocore's ``before-call``: a whole answer, or None, and botocore goes on."""
        if not self._are_ours(model, context):
            return None
        service = self._service(params["url"])
        if service is None:
            return None
        context["retries"] = {"invocation-id": str(uuid4())}
        request = self._request(service.host, params, context["retries"]["invocation-id"])
        try:
            answer = service.connections.exchange(request)
        except BotoCoreError as error:
            context[_MET] = error
            return None
        found = _read(model, answer)
        if found is None:
            context[_MET] = answer
            return None
        return answer, found

    def met(self, request: Botocores, **_: object) -> AWSResponse | None:
        """Botocore's ``before-send``: what the first attempt met, for botocore to deal with."""
        met = request.context.pop(_MET, None)
        if isinstance(met, BaseException):
            raise met
        if met is None:
            return None
        return AWSResponse(request.url, met.status_code, met.headers, met)

    def _are_ours(self, model: Botocores, context: Botocores) -> bool:
        return (
            model.name in OPERATIONS
            and self._credentials is not None
            and not context["auth_type"]
            and "signing" not in context
        )

    def _request(self, host: str, params: Botocores, invocation: str) -> bytes:
        body: bytes = params["body"]
        headers = {name.lower(): value for name, value in params["headers"].items()}
        headers["host"] = host
        scope = Scope(self._signer.region_name, self._signer.signing_name)
        sign(headers, body, scope, self._credentials.get_frozen_credentials())
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


class _OneEndpoint:
    """Where an operation is served, as botocore found it, found once.

    It follows from the client's configuration and, where credentials name an account, from that;
    from a call only where a table is named by an ARN, and none is here.
    """

    def __init__(self, client: Botocores) -> None:
        self._resolver = client._ruleset_resolver  # noqa: SLF001 - there is no public way
        self._credentials = client._request_signer._credentials  # noqa: SLF001
        self._found: dict[str, Botocores] = {}

    def __getattr__(self, name: str) -> Botocores:
        """Whatever else botocore asks of its resolver."""
        return getattr(self._resolver, name)

    def construct_endpoint(self, operation_model: Botocores, **call: Botocores) -> Botocores:
        """What botocore's resolver says of an operation."""
        name = operation_model.name
        if name not in self._found:
            found = self._resolver.construct_endpoint(operation_model=operation_model, **call)
            if getattr(self._credentials, "account_id", None) is not None:
                return found
            self._found[name] = found
        return self._found[name]


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
