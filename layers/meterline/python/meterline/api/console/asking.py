"""Calls of the API, as the console makes them and as it shows them."""

import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from functools import cache, partial
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from meterline.core.base.frozen import frozen
from meterline.services.base.parallel import in_parallel

MOST_SECONDS: Final = 24
"""How long all calls of a page may take: then it says what is missing, while it still can."""

_READ_SECONDS: Final = 8
_CONNECT_SECONDS: Final = 2
_TRIES: Final = 2
_FIRST_ERROR: Final = 400
_MOST_SHOWN_OF_ERROR: Final = 500

type Value = str | int | bool | Sequence["Value"] | Mapping[str, "Value"] | None
"""What a parameter may be; None leaves it out."""


@frozen
class Call:
    """A call of the API. ``params`` may nest as the API's do; a repeated ``key`` has no effect."""

    method: str
    path: str
    params: Mapping[str, Value] = field(default_factory=dict)
    key: str | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters, as a form has them."""
        return list(_pairs("", self.params))

    @property
    def is_json(self) -> bool:
        """Whether the parameters are sent as JSON: v2 takes bodies in no other form."""
        return self.method == "POST" and self.path.startswith("/v2/")

    @property
    def json(self) -> str:
        """The parameters as JSON; those that are left out are not in it."""
        return json.dumps(_given(self.params), ensure_ascii=False)

    def curl(self, address: str) -> str:
        """The call for a shell, where the key stands in ``METERLINE_KEY``."""
        words = ["curl", *(["-G"] if self.method == "GET" and self.params else [])]
        if self.method == "DELETE":
            words += ["-X", "DELETE"]
        words += [shlex.quote(f"{address}{self.path}"), '-u "$METERLINE_KEY:"']
        options = [f"-d {shlex.quote(f'{name}={value}')}" for name, value in self.pairs]
        if self.is_json:
            options = [f"--json {shlex.quote(self.json)}"]
        elif self.method == "POST" and not options:
            options = ["-X POST"]
        return " \\\n  ".join([" ".join(words), *options])


class Fields(dict[str, Any]):
    """An object of the API; a field that it lacks is null."""

    def __missing__(self, name: str) -> None:
        """Nothing, where a plain dict would raise."""


@frozen
class Reply:
    """What the API answered to a call; ``status`` 0 if it did not."""

    call: Call
    status: int
    body: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        """Whether it is what was asked for."""
        return 0 < self.status < _FIRST_ERROR

    @property
    def is_forbidden(self) -> bool:
        """Whether the key has no right to it."""
        return self.status == 403  # noqa: PLR2004 - HTTP's word for it

    @property
    def is_missing(self) -> bool:
        """Whether there is no such thing."""
        return self.status == 404  # noqa: PLR2004 - HTTP's word for it

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The objects of a list; none of what is no list."""
        rows: list[Mapping[str, Any]] = self.body.get("data", []) if self.is_good else []
        return rows

    @property
    def has_more(self) -> bool:
        """Whether there are more of them; lists of v2 say where."""
        return bool(self.body.get("has_more") or self.body.get("next_page_url"))

    @property
    def problem(self) -> str:
        """Why it is not what was asked for, in the API's words; empty if it is."""
        if self.is_good:
            return ""
        error = self.body.get("error")
        said = error.get("message") if isinstance(error, dict) else self.body.get("message")
        return str(said or f"The API answered with status {self.status}.")[:_MOST_SHOWN_OF_ERROR]


@frozen
class Api:
    """The API at an address, asked with a session's credential until ``ends_at`` (monotonic)."""

    address: str
    token: str
    ends_at: float

    def ask(self, call: Call) -> Reply:
        """The answer to a call; one that does not come is an answer of status 0."""
        headers = {"authorization": f"Bearer {self.token}"}
        target, body = f"{self.address}{call.path}", b""
        if call.method == "POST":
            kind = "application/json" if call.is_json else "application/x-www-form-urlencoded"
            headers["content-type"] = kind
            body = (call.json if call.is_json else urlencode(call.pairs)).encode()
            if call.key:
                headers["idempotency-key"] = call.key
        elif call.params:
            target += f"?{urlencode(call.pairs)}"
        try:
            seconds = min(_READ_SECONDS, (self.ends_at - time.monotonic()) / _TRIES)
            status, text = send(call.method, target, headers, body, seconds)
            answer = json.loads(text, parse_float=Decimal, object_hook=Fields)
        except (urllib3.exceptions.HTTPError, ValueError):
            return Reply(call, 0, Fields(message="The API did not answer. Try again in a moment."))
        return Reply(call, status, answer if isinstance(answer, Fields) else Fields())

    def get(self, path: str, **params: Value) -> Reply:
        """The answer to a GET."""
        return self.ask(Call("GET", path, params))

    def ask_all(self, calls: Sequence[Call]) -> list[Reply]:
        """The answers to calls that are made side by side, in their order."""
        return in_parallel([partial(self.ask, call) for call in calls])


def listing(path: str, **params: Value) -> Call:
    """The call of a list, or of one object."""
    return Call("GET", path, params)


def send(
    method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
) -> tuple[int, bytes]:
    """The status and the body of an answer that is waited for so long, twice at most.

    Connections are kept for the next call.
    """
    if seconds <= 0:
        raise urllib3.exceptions.TimeoutError
    timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=seconds)
    answer = _pool().request(method, url, headers=headers, body=body or None, timeout=timeout)
    return answer.status, answer.data


@cache
def _pool() -> urllib3.PoolManager:
    # A connection goes stale while the process is frozen. Every call may be repeated: those that
    # change anything carry a key. Nothing follows a redirect with a credential.
    retries = urllib3.Retry(
        total=_TRIES - 1, redirect=0, status=0, raise_on_redirect=False, allowed_methods=None
    )
    return urllib3.PoolManager(maxsize=8, retries=retries)


def _given(value: Value) -> Value:
    """A parameter without the parts that are left out."""
    if isinstance(value, Mapping):
        return {name: _given(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_given(inner) for inner in value]
    return value


def _pairs(name: str, value: Value) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(f"{name}[{key}]" if name else str(key), inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, inner in enumerate(value):
            yield from _pairs(f"{name}[{place}]", inner)
    elif isinstance(value, bool):
        yield name, str(value).lower()
    elif value is not None:
        yield name, str(value)
