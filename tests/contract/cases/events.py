"""Events in both dialects, webhook endpoints, and what is Meterline's own."""

import stripe

from tests.contract.cases.table import Call, Case, Refused, holds, missing


def _no_destination(call: Call) -> Refused:
    """The refusal of an event destination that does not exist."""
    return Refused(call, 404, "not_found", says="No such event destination: 'ed_missing'")


CASES = {
    "Event.list": Case(
        lambda w: w.told and w.v1.events.list({"types": ["customer.*"], "limit": 100}),
        lambda w: {"data": holds(w.told.id), "url": "/v1/events"},
        Refused(
            lambda w: w.v1.events.list({"created": {"gte": "yesterday"}}),
            code="parameter_invalid_integer",
            param="created[gte]",
        ),
    ),
    "Event.retrieve": Case(
        lambda w: w.v1.events.retrieve(w.told.id),
        lambda w: {
            "id": w.told.id,
            "type": "customer.created",
            "data.object.id": w.customer,
            "api_version": "2026-10-28.endive",
        },
        missing(lambda w: w.v1.events.retrieve("evt_missing"), "event: 'evt_missing'"),
    ),
    "Event.retry": Case(
        lambda w: w.raw("post", f"/v1/events/{w.told.id}/retry", webhook_endpoint=w.endpoint),
        lambda w: {"id": w.told.id, "pending_webhooks": 1},
        missing(lambda w: w.raw("post", "/v1/events/evt_missing/retry"), "event: 'evt_missing'"),
    ),
    "Event.listDeliveries": Case(
        lambda w: w.raw("get", f"/v1/events/{w.told.id}/deliveries"),
        lambda w: {"url": f"/v1/events/{w.told.id}/deliveries", "has_more": False},
        missing(lambda w: w.raw("get", "/v1/events/evt_missing/deliveries"), "event"),
    ),
    "v2.Event.list": Case(
        lambda w: (
            w.told
            and w.v2.core.events.list({"object_id": w.customer, "types": ["v1.customer.created"]})
        ),
        lambda w: {
            "data.0.type": "v1.customer.created",
            "data.0.related_object.id": w.customer,
            "next_page_url": None,
        },
        Refused(
            lambda w: w.v2.core.events.list({"limit": 101}),
            code="parameter_invalid_integer",
            says="less than or equal to 100",
        ),
    ),
    "v2.Event.retrieve": Case(
        lambda w: w.v2.core.events.retrieve(w.thin),
        lambda w: {
            "id": w.thin,
            "object": "v2.core.event",
            "related_object.id": w.customer,
            "created": lambda text: text.endswith("Z"),
        },
        Refused(
            lambda w: w.v2.core.events.retrieve("evt_test_missing"),
            404,
            "not_found",
            says="No such event: 'evt_test_missing'",
        ),
    ),
    "WebhookEndpoint.create": Case(
        lambda w: w.v1.webhook_endpoints.create(
            {"url": "https://example.com/hook", "enabled_events": ["*"], "description": "All"}
        ),
        lambda w: {
            "object": "webhook_endpoint",
            "secret": lambda text: text.startswith("whsec_"),
            "status": "enabled",
            "enabled_events.0": "*",
        },
        Refused(
            lambda w: w.v1.webhook_endpoints.create({"url": "here", "enabled_events": ["*"]}),
            code="url_invalid",
            param="url",
        ),
    ),
    "WebhookEndpoint.retrieve": Case(
        lambda w: w.v1.webhook_endpoints.retrieve(w.endpoint),
        lambda w: {"id": w.endpoint, "url": "https://example.com/hook"},
        missing(lambda w: w.v1.webhook_endpoints.retrieve("we_missing"), "webhook endpoint"),
    ),
    "WebhookEndpoint.rollSecret": Case(
        lambda w: w.raw("post", f"/v1/webhook_endpoints/{w.endpoint}/roll_secret", expires_in=60),
        lambda w: {"id": w.endpoint, "secret": lambda text: text.startswith("whsec_")},
        Refused(
            lambda w: w.raw(
                "post", f"/v1/webhook_endpoints/{w.endpoint}/roll_secret", expires_in=86_401
            ),
            code="parameter_invalid_integer",
            param="expires_in",
        ),
    ),
    "WebhookEndpoint.update": Case(
        lambda w: w.v1.webhook_endpoints.update(w.endpoint, {"disabled": True}),
        lambda w: {"id": w.endpoint, "status": "disabled"},
        Refused(
            lambda w: w.v1.webhook_endpoints.update(w.endpoint, {"enabled_events": ["Loud"]}),
            param="enabled_events[0]",
        ),
    ),
    "WebhookEndpoint.list": Case(
        lambda w: w.endpoint and w.v1.webhook_endpoints.list({"limit": 100}),
        lambda w: {"data": holds(w.endpoint), "url": "/v1/webhook_endpoints"},
        Refused(
            lambda w: w.v1.webhook_endpoints.list({"ending_before": "we_missing"}),
            code="resource_missing",
            param="ending_before",
        ),
    ),
    "WebhookEndpoint.del": Case(
        lambda w: w.v1.webhook_endpoints.delete(w.endpoint),
        lambda w: {"id": w.endpoint, "object": "webhook_endpoint", "deleted": True},
        missing(lambda w: w.v1.webhook_endpoints.delete("we_missing"), "webhook endpoint"),
    ),
    "v2.EventDestination.create": Case(
        lambda w: w.v2.core.event_destinations.create(
            w.destination_params(
                include=["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
                events_from=["@self"],
                metadata={"team": "billing"},
            )
        ),
        lambda w: {
            "object": "v2.core.event_destination",
            "event_payload": "thin",
            "metadata.team": "billing",
            "status": "enabled",
            "webhook_endpoint.signing_secret": lambda text: text.startswith("whsec_"),
            "webhook_endpoint.url": "https://example.com/thin",
            "created": lambda text: text.endswith("Z"),
        },
        Refused(
            lambda w: w.v2.core.event_destinations.create(
                w.destination_params(enabled_events=["invoice.paid"])
            ),
            code="invalid_request",
            says="Use types such as `v1.invoice.paid`",
        ),
    ),
    "v2.EventDestination.list": Case(
        lambda w: (
            w.destination
            and w.v2.core.event_destinations.list(
                {"limit": 100, "include": ["webhook_endpoint.url"]}
            )
        ),
        lambda w: {"data": holds(w.destination), "next_page_url": None},
        Refused(
            lambda w: w.v2.core.event_destinations.list({"page": "elsewhere"}),
            code="invalid_request",
            says="use the page of the answer before",
        ),
    ),
    "v2.EventDestination.retrieve": Case(
        lambda w: w.v2.core.event_destinations.retrieve(w.destination),
        lambda w: {
            "id": w.destination,
            "events_from.0": "@self",
            "webhook_endpoint": lambda shown: shown.to_dict() == {},
        },
        _no_destination(lambda w: w.v2.core.event_destinations.retrieve("ed_missing")),
    ),
    "v2.EventDestination.update": Case(
        lambda w: w.v2.core.event_destinations.update(
            w.destination, {"name": "Yours", "include": ["webhook_endpoint.url"]}
        ),
        lambda w: {"name": "Yours", "webhook_endpoint.url": "https://example.com/thin"},
        Refused(
            lambda w: w.v2.core.event_destinations.update(
                w.destination, {"webhook_endpoint": {"url": "https://169.254.169.254"}}
            ),
            code="url_invalid",
            says="not one of the public internet",
        ),
    ),
    "v2.EventDestination.disable": Case(
        lambda w: w.v2.core.event_destinations.disable(w.destination),
        lambda w: {"status": "disabled", "status_details.disabled.reason": "user"},
        _no_destination(lambda w: w.v2.core.event_destinations.disable("ed_missing")),
    ),
    "v2.EventDestination.enable": Case(
        lambda w: (
            w.v2.core.event_destinations.disable(w.destination)
            and w.v2.core.event_destinations.enable(w.destination)
        ),
        lambda w: {"id": w.destination, "status": "enabled"},
        _no_destination(lambda w: w.v2.core.event_destinations.enable("ed_missing")),
    ),
    "v2.EventDestination.ping": Case(
        lambda w: w.v2.core.event_destinations.ping(w.destination),
        lambda w: {
            "type": "v2.core.event_destination.ping",
            "related_object.id": w.destination,
            "related_object.url": f"/v2/core/event_destinations/{w.destination}",
        },
        Refused(
            lambda w: (
                w.v2.core.event_destinations.disable(w.destination)
                and w.v2.core.event_destinations.ping(w.destination)
            ),
            code="invalid_request",
            says="is disabled",
        ),
    ),
    "v2.EventDestination.del": Case(
        lambda w: w.v2.core.event_destinations.delete(w.destination),
        lambda w: {"id": w.destination, "object": "v2.core.event_destination"},
        _no_destination(lambda w: w.v2.core.event_destinations.delete("ed_missing")),
    ),
    "Account.retrieveCurrent": Case(
        lambda w: w.v1.accounts.retrieve_current(),
        lambda w: {"object": "account", "country": "US", "default_currency": "usd"},
        Refused(
            lambda w: w.raw("get", "/v1/account", colour="red"),
            code="parameter_unknown",
            param="colour",
        ),
    ),
    "Account.retrieve": Case(
        lambda w: w.v1.accounts.retrieve(w.v1.accounts.retrieve_current().id),
        lambda w: {"object": "account", "type": "standard"},
        Refused(
            lambda w: w.v1.accounts.retrieve("acct_missing"),
            403,
            error=stripe.PermissionError,
            says="does not have access to account 'acct_missing'",
        ),
    ),
    "Settings.retrieve": Case(
        lambda w: w.raw("get", "/v1/meterline/settings"),
        lambda w: {"object": "meterline.settings", "invoice_grace_seconds": 3_600},
        Refused(
            lambda w: w.raw("get", "/v1/meterline/settings", colour="red"),
            code="parameter_unknown",
            param="colour",
        ),
    ),
    "DueWork.list": Case(
        lambda w: w.raw("get", "/v1/meterline/due_work", limit=1),
        lambda w: {"object": "list", "url": "/v1/meterline/due_work"},
        Refused(
            lambda w: w.raw("get", "/v1/meterline/due_work", limit=0),
            code="parameter_invalid_integer",
            param="limit",
        ),
    ),
    "Settings.update": Case(
        lambda w: w.raw("post", "/v1/meterline/settings", late_usage="ignore"),
        lambda w: {"late_usage": "ignore"},
        Refused(
            lambda w: w.raw("post", "/v1/meterline/settings", late_usage="sometimes"),
            param="late_usage",
        ),
    ),
    "Introduction.retrieve": Case(
        lambda w: w.raw("get", "/"),
        lambda w: {"object": "meterline", "openapi": "/openapi.json"},
        Refused(
            lambda w: w.raw("get", "/", colour="red"), code="parameter_unknown", param="colour"
        ),
    ),
    "Description.retrieve": Case(
        lambda w: w.raw("get", "/openapi.json"),
        lambda w: {"openapi": "3.1.0"},
        Refused(
            lambda w: w.raw("get", "/openapi.json", colour="red"),
            code="parameter_unknown",
            param="colour",
        ),
    ),
}
