"""What a deployment says of itself, open to everyone; it holds no data."""

import json
from collections.abc import Mapping
from functools import cache

from meterline.api.call import Call
from meterline.api.operations import Answer, Operation
from meterline.api.params.specs import Params
from meterline.api.router import Routes
from meterline.services.base.api_version import API_VERSION

_DESCRIPTION = "/openapi.json"
AREAS = (
    "access",
    "account",
    "alerts",
    "analytics",
    "billing_credits",
    "catalog",
    "credit_notes",
    "credit_top_ups",
    "customers",
    "due_work",
    "entitlements",
    "event_destinations",
    "events",
    "features",
    "invoices",
    "live_credits",
    "meter_events",
    "promotion_codes",
    "settings",
    "subscription_schedules",
    "subscriptions",
    "tax_ids",
    "test_clocks",
    "usage",
)
"""The modules of this package whose tables make up the API."""


def all_operations() -> list[Operation]:
    """Every operation of the API; imports all areas."""
    from importlib import import_module  # noqa: PLC0415 - only the description needs all areas

    modules = [import_module(f"meterline.api.routes.{area}") for area in AREAS]
    return [operation for module in modules for operation in module.ROUTES.operations]


def _introduce(call: Call, params: Params) -> Mapping[str, str]:  # noqa: ARG001 - the same for everyone
    return {
        "object": "meterline",
        "api_version": API_VERSION,
        "console": "/console",
        "openapi": _DESCRIPTION,
    }


def _describe(call: Call, params: Params) -> bytes:  # noqa: ARG001 - the same for everyone
    return _document()


@cache
def _document() -> bytes:
    """The document, made once in a process: it takes as long as the start of a large function."""
    from meterline.api.openapi import openapi_document  # noqa: PLC0415 - see above

    return json.dumps(openapi_document(all_operations()), separators=(",", ":")).encode()


ROUTES = Routes(
    [
        Operation(
            method="GET",
            path="/",
            run=_introduce,
            permission="",
            answer=Answer.RAW,
            light=True,
            public=True,
        ),
        Operation(
            method="GET",
            path=_DESCRIPTION,
            run=_describe,
            permission="",
            answer=Answer.BYTES,
            light=True,
            public=True,
        ),
    ]
)
