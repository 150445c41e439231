"""One HTTP call from API Gateway's event to its response.

A function is its table of routes: ``handler = lambda_handler(ROUTES)``.
"""

import json
import random
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from meterline.api.call import Call
from meterline.api.errors import (
    busy,
    error_body,
    internal_error,
    rate_limited,
    request_log_url,
)
from meterline.api.operations import JSON, Answer, Names, Operation
from meterline.api.params.specs import Params
from meterline.api.requests import idempotency_key, read_params, read_request
from meterline.api.router import Routes
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.wire_numbers import wire_number
from meterline.observability import log_failure, logger, observed
from meterline.services.base.addresses import note_call
from meterline.services.base.api_version import API_VERSION
from meterline.store.base.documents import Conflict, LeaseLost

if TYPE_CHECKING:
    from meterline.api.answers.expansion import ExpansionPath

type Secrets = Mapping[str, Any]


class Response(TypedDict):
    """What API Gateway takes."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool


MOST_ANSWER_BYTES = 4_500_000
"""Lambda sends answers of 6 MB, in which each quotation mark of ours takes two bytes."""

_CONFLICT_TRIES = 5
_BACK_OFF_SECONDS = 0.02


@frozen
class Result:
    """What a call answers with; ``replayed_from`` is the id of the request that did the work.

    API Gateway takes texts only: what ``is_binary`` goes as base64, and is told to.
    """

    status: int
    body: bytes
    replayed_from: str | None = None
    is_binary: bool = False
    content_type: str = JSON


def lambda_handler(routes: Routes) -> Callable[[dict[str, Any], object], Response]:
    """The Lambda handler that serves ``routes``."""

    @observed
    def handler(event: dict[str, Any], _context: object) -> Response:
        return handle(event, routes)

    return handler


def handle(event: Mapping[str, Any], routes: Routes) -> Response:
    """Answer one API Gateway event; failures too are answered in the API's own format."""
    started = time.perf_counter()
    call = Call(read_request(event), now=int(time.time()))
    note_call(call.request.domain, call.request.base_path)
    logger.set_correlation_id(call.request_id)
    try:
        result = _answer(call, routes)
    except BillingError as refusal:
        result = _refusal(call, refusal)
    except Exception as error:  # noqa: BLE001 - the client is answered, the operator is told
        result = _refusal(call, _failure(call, error))
    _log_call(call, result.status, started)
    return _response(call, result)


def _answer(call: Call, routes: Routes) -> Result:
    """Authenticate, check, then run once: every refusal here precedes any effect."""
    operation, call.path_values = routes.match(call.request.method, call.request.path)
    call.route = operation.path
    if not operation.public:
        call.authenticate(operation)
    call.read_version()
    call.is_understood = True
    raw = read_params(call.request)
    call.params = operation.accepted.parse(raw)
    call.expansion_paths = _expansion_paths(call, operation)
    call.idempotency_key = idempotency_key(call.request)
    if call.idempotency_key is None or not operation.keeps_answers:
        result = Result(200, _run(call, operation).answer)
    else:
        result = _answer_once(call, operation, call.idempotency_key, raw)
    if result.status >= _FIRST_ERROR:
        return result
    return replace(result, content_type=operation.content_type, is_binary=operation.is_binary)


def _answer_once(call: Call, operation: Operation, key: str, raw: Params) -> Result:
    from meterline.api import idempotency  # noqa: PLC0415 - light functions keep no records

    begin = partial(
        idempotency.begin, key, call.principal, call.request, raw, call.request_id, call.now
    )
    begun = begin() if operation.names is None else _reading_beside(begin, call, operation.names)
    if isinstance(begun, idempotency.Replay):
        body = begun.body or _dump(_stored_result(call, operation, begun.result_id))
        answer = _with_secrets(body, _secrets_again(call, operation, body))
        return Result(begun.status, answer, replayed_from=begun.original_request)
    call.receipt = begun
    try:
        done = _run(call, operation)
    except LeaseLost:
        raise idempotency.in_use(key) from None
    except Exception:
        idempotency.forget(begun)
        raise
    idempotency.finish(begun, 200, done.body)
    return Result(200, done.answer)


def _reading_beside[T](begin: Callable[[], T], call: Call, names: Names) -> T:
    """The answer of ``begin``; while it is waited for, what the parameters name is read.

    If that fails, who needs it reads it again, and fails by it.
    """
    from meterline.services.base.parallel import beside  # noqa: PLC0415 - light functions lack it

    ids = list(names(call.params))
    return beside(partial(call.context().store.recall, ids), begin)


@frozen
class _Done:
    """What an operation answers: its body, and the secrets that this answer alone shows."""

    body: bytes
    secrets: Secrets

    @property
    def answer(self) -> bytes:
        return _with_secrets(self.body, self.secrets)


def _with_secrets(body: bytes, secrets: Secrets) -> bytes:
    return _dump({**json.loads(body), **secrets}) if secrets else body


def _secrets_again(call: Call, operation: Operation, body: bytes) -> Secrets:
    """The secrets of an answer that is replayed, from the object that it is about."""
    if operation.reveal is None:
        return {}
    document = call.context().store.get(json.loads(body)["id"])
    if document is None:
        raise _result_is_gone()
    return operation.reveal(document.body, call.params)


def _run(call: Call, operation: Operation) -> _Done:
    """Do it and render it; decide again when something it depends on was changed meanwhile."""
    surroundings = call if operation.light else call.context()
    for attempt in range(_CONFLICT_TRIES):
        try:
            outcome = operation.run(surroundings, *call.path_values, call.params)
        except Conflict:
            time.sleep(random.uniform(0, _BACK_OFF_SECONDS * 2**attempt))  # noqa: S311 - jitter
            continue
        if operation.answer is Answer.BYTES:
            return _Done(bytes(outcome), {})
        secrets = operation.reveal(outcome, call.params) if operation.reveal else {}
        return _Done(_sendable(call, operation, outcome), secrets)
    raise busy()


def _sendable(call: Call, operation: Operation, outcome: Any) -> bytes:  # noqa: ANN401 - any JSON
    """What an operation returned, as it is sent: a page that Lambda would not send is shorter."""
    body = _dump(_shown(call, operation, outcome))
    while len(body) > MOST_ANSWER_BYTES:
        shorter = _shorter(operation, outcome, call.params)
        if shorter is None:
            break
        outcome = shorter
        body = _dump(_shown(call, operation, outcome))
    return body


def _shorter(operation: Operation, outcome: Any, params: Params) -> Any:  # noqa: ANN401 - any JSON
    """A page with half as many objects; None of what is no page, or of one object."""
    is_page = operation.answer not in (Answer.OBJECT, Answer.RAW)
    return outcome.halved(params) if is_page and len(outcome.bodies) > 1 else None


def _shown(call: Call, operation: Operation, outcome: Any) -> Any:  # noqa: ANN401 - any JSON
    """What an operation returned, as the wire shows it."""
    if operation.answer is Answer.RAW:
        return outcome
    if operation.answer in (Answer.PAGE, Answer.ROWS):
        return outcome.answer(outcome.bodies, call.request.path)
    from meterline.api.answers.render import Renderer  # noqa: PLC0415 - light functions have no objects

    renderer = Renderer(call.context().store, call.now)
    if operation.answer in (Answer.LIST, Answer.SEARCH):
        shown = renderer.show(operation.kind, outcome.bodies, call.expansion_paths)
        return outcome.answer(shown, call.request.path)
    return renderer.show(operation.kind, [outcome], call.expansion_paths)[0]


def _stored_result(call: Call, operation: Operation, result_id: str) -> Any:  # noqa: ANN401 - any JSON
    """The object that an earlier attempt committed before its answer was lost."""
    if operation.find_again is not None:
        return _shown(call, operation, operation.find_again(call.context(), result_id, {}))
    document = call.context().store.get(result_id) if result_id else None
    if document is None:
        raise _result_is_gone()
    return _shown(call, operation, document.body)


def _result_is_gone() -> BillingError:
    return BillingError(
        "The first request with this idempotency key took effect, but its result is gone.",
        status=404,
    )


def _expansion_paths(call: Call, operation: Operation) -> "list[ExpansionPath]":
    asked = call.params.pop("expand", [])
    call.shown_fields = frozenset(asked).intersection(operation.hidden)
    paths = [path for path in asked if path not in call.shown_fields]
    if not paths:
        return []
    from meterline.api.answers.expansion import read_expansion_paths  # noqa: PLC0415 - rare in light functions

    return read_expansion_paths(
        paths,
        operation.kind,
        of_list=operation.answer in (Answer.LIST, Answer.SEARCH),
        may_read=call.may_read,
    )


def _failure(call: Call, error: Exception) -> BillingError:
    """The answer to an unexpected exception; the log says where it came from."""
    from meterline.store.base.failures import is_throttled  # noqa: PLC0415 - light functions lack it

    if is_throttled(error):
        return rate_limited()
    log_failure("unexpected exception", error, route=call.route)
    return internal_error()


def _refusal(call: Call, refusal: BillingError) -> Result:
    log_url = request_log_url(call.request_id) if call.is_understood else None
    body = error_body(refusal, is_v2=call.request.is_v2, log_url=log_url)
    return Result(refusal.status, _dump(body))


def _response(call: Call, result: Result) -> Response:
    headers = {
        "content-type": result.content_type,
        "cache-control": "no-cache, no-store",
        "request-id": call.request_id,
        "stripe-version": API_VERSION,
    }
    if call.idempotency_key is not None:
        headers["idempotency-key"] = call.idempotency_key
        headers["original-request"] = result.replayed_from or call.request_id
    if result.replayed_from is not None:
        headers["idempotent-replayed"] = "true"
    if result.status in _RETRYABLE:
        headers["stripe-should-retry"] = "true"
    elif result.status >= _FIRST_ERROR:
        headers["stripe-should-retry"] = "false"
    body = b64encode(result.body) if result.is_binary else result.body
    return {
        "statusCode": result.status,
        "headers": headers,
        "body": body.decode(),
        "isBase64Encoded": result.is_binary,
    }


_FIRST_ERROR = 400
_FIRST_FAILURE = 500
_RETRYABLE = {409, 429, 500}


def _log_call(call: Call, status: int, started: float) -> None:
    """Log one line of a call, except for a refusal without a known key.

    A flood of these would be paid by the line, and the access log of the API has them.
    """
    if call.key_id is None and _FIRST_ERROR <= status < _FIRST_FAILURE:
        return
    logger.info(
        "request",
        api_key=call.key_id,
        method=call.request.method,
        route=call.route,
        status=status,
        milliseconds=round((time.perf_counter() - started) * 1000),
    )


def _dump(value: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps(value, separators=(",", ":"), default=_number).encode()


def _number(value: object) -> int | float | None:
    if not isinstance(value, Decimal):
        message = f"{type(value).__name__} is not JSON"
        raise TypeError(message)
    return wire_number(value)
