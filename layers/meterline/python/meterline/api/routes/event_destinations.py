"""Event destinations: endpoints as v2 has them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.api.call import Call
from meterline.api.lists import LIMIT, Shown
from meterline.api.operations import Answer, Operation, Reveal
from meterline.api.page_tokens import page_token, read_page_token
from meterline.api.params.specs import (
    Array,
    Object,
    Params,
    array,
    enum,
    metadata,
    object_,
    string,
)
from meterline.api.router import Routes
from meterline.api.routes.events import EVENT_TYPE
from meterline.api.v2_lists import V2Page
from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.events.event_destinations import (
    KIND,
    OWN_ACCOUNT,
    create_event_destination,
    delete_event_destination,
    disable_event_destination,
    enable_event_destination,
    ping_event_destination,
    shown_on_request,
    update_event_destination,
)
from meterline.services.events.thin_events import find_thin_event
from meterline.services.metering.error_reports import KIND as THIN_KIND
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import Span

if TYPE_CHECKING:
    from meterline.services.events.endpoints import EventDestination

_PATH = "/v2/core/event_destinations"
_ONE = f"{_PATH}/{{id}}"
_PERMISSION = "webhook_endpoints"
_URL, _SECRET = "webhook_endpoint.url", "webhook_endpoint.signing_secret"
_NO_OTHERS = "A deployment is one account: events are from '@self'."
_SCOPES = ("@accounts", "@organization_members", "@organization_members/@accounts")
_FROM = enum(
    OWN_ACCOUNT,
    "self",
    *_SCOPES,
    "other_accounts",
    refused=dict.fromkeys((*_SCOPES, "other_accounts"), _NO_OTHERS),
)


def _include(*names: str) -> Array:
    return array(enum(*names), max_items=len(names))


_TYPES = array(EVENT_TYPE, min_items=1, max_items=500)
_WEBHOOK = object_(url=string(required=True))
CREATE = object_(
    amazon_eventbridge=object_(
        aws_account_id=string(required=True, pattern="[0-9]{12}", hint="It has 12 digits."),
        aws_region=string(required=True, max_length=50),
    ),
    description=string(blank=True),
    enabled_events=replace(_TYPES, required=True),
    event_payload=enum("snapshot", "thin", required=True),
    events_from=array(_FROM, max_items=2),
    include=_include(_SECRET, _URL),
    metadata=metadata(),
    name=string(required=True, max_length=250),
    snapshot_api_version=string(),
    type=enum(
        "amazon_eventbridge",
        "webhook_endpoint",
        "azure_event_grid",
        required=True,
        refused={"azure_event_grid": "Meterline runs on AWS: there is no Azure Event Grid."},
    ),
    webhook_endpoint=_WEBHOOK,
)
UPDATE = object_(
    description=string(blank=True),
    enabled_events=_TYPES,
    include=_include(_URL),
    metadata=metadata(),
    name=string(max_length=250),
    webhook_endpoint=_WEBHOOK,
)
RETRIEVE = object_(include=_include(_URL))
LIST = object_(include=_include(_URL), limit=LIMIT, page=string())


def _retrieve(ctx: Context, destination_id: str, params: Params) -> Mapping[str, Any]:  # noqa: ARG001 - see _revealed
    destination: EventDestination = find(ctx, KIND, destination_id, status=404).body
    return destination


def _revealed(body: Any, params: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ANN401 - a stored body
    """What an answer shows because it was asked for."""
    return shown_on_request(body, params.get("include", ()))


@frozen(kw_only=True)
class _Destinations(V2Page):
    """A page of destinations, each with what was asked for."""

    def answer(self, shown: Sequence[Shown], path: str) -> Shown:
        """The response to a request for ``path``."""
        pairs = zip(shown, self.bodies, strict=True)
        whole = [{**one, **_revealed(body, self.filters)} for one, body in pairs]
        return V2Page.answer(self, whole, path)


def _list(call: Call, params: Params) -> _Destinations:
    """A page of destinations, newest first."""
    secret = call.principal.secret
    place = Cursor(*read_page_token(secret, params["page"])["after"]) if "page" in params else None
    limit = params.get("limit", _DEFAULT_LIMIT)
    page = call.context().store.page(KIND, Span(older_than=place), limit=limit)

    def token_after(bodies: Sequence[Any]) -> str:
        last = bodies[-1]
        return page_token(secret, {"after": [last["created"], last["id"]]})

    return _Destinations(
        [document.body for document in page.documents],
        page.has_more,
        token_after=token_after,
        filters=params,
    )


_DEFAULT_LIMIT = 20


def _operation(
    method: str,
    path: str,
    run: Any,  # noqa: ANN401 - any operation
    params: Object | None = None,
    reveal: Reveal | None = None,
) -> Operation:
    return Operation(
        method=method,
        path=path,
        run=run,
        permission=_PERMISSION,
        kind=KIND,
        params=params or object_(),
        reveal=reveal,
    )


def _find_ping(ctx: Context, event_id: str, params: Params) -> Mapping[str, Any]:  # noqa: ARG001 - no parameters
    return find_thin_event(ctx, event_id)


ROUTES = Routes(
    [
        _operation("POST", _PATH, create_event_destination, CREATE, _revealed),
        replace(_operation("GET", _PATH, _list, LIST), answer=Answer.LIST, light=True),
        _operation("GET", _ONE, _retrieve, RETRIEVE, _revealed),
        _operation("POST", _ONE, update_event_destination, UPDATE, _revealed),
        replace(_operation("DELETE", _ONE, delete_event_destination), answer=Answer.RAW),
        _operation("POST", f"{_ONE}/disable", disable_event_destination),
        _operation("POST", f"{_ONE}/enable", enable_event_destination),
        replace(
            _operation("POST", f"{_ONE}/ping", ping_event_destination), kind=THIN_KIND
        ).found_again_by(_find_ping),
    ]
)
