"""The account's own settings: Stripe decides these for all accounts, Meterline lets you decide."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypedDict

from meterline.core.base.unset import UNSET
from meterline.core.subscriptions.dunning import DunningPolicy
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.store.base.documents import Body, Change, Document

KIND = "meterline.settings"
UPDATED = "meterline.settings.updated"
ID = "settings"


class AccountSettings(TypedDict):
    """The settings of a mode, with the defaults of those that were never set."""

    id: str
    object: str
    livemode: bool
    invoice_grace_seconds: int
    late_usage: Literal["ignore", "next_invoice"]
    past_due_window_seconds: int | None
    unpaid_window_seconds: int | None
    unpaid_action: str
    country: str
    default_currency: str
    business_profile: dict[str, str]


DEFAULTS: Body = {
    "invoice_grace_seconds": 3_600,
    "late_usage": "ignore",
    "past_due_window_seconds": None,
    "unpaid_window_seconds": None,
    "unpaid_action": "mark_unpaid",
    "country": "US",
    "default_currency": "usd",
    "business_profile": {},
}
"""Invoices stay drafts for an hour, so that late usage gets in; what comes later is not billed.

A subscription is past due if its latest invoice is not paid by its due date, or, where it has none,
within the first window (None: it stays active); unpaid or cancelled after the second."""


def account_settings(ctx: Context) -> AccountSettings:
    """The settings of this mode, defaults filled in."""
    document = ctx.store.get(ID)
    return _shown(ctx, document.body if document else {})


def invoice_grace_seconds(ctx: Context) -> int:
    """How long invoices stay drafts before they finalise themselves."""
    return account_settings(ctx)["invoice_grace_seconds"]


def dunning_policy(ctx: Context) -> DunningPolicy:
    """How long the account waits for payments, from now on."""
    settings = account_settings(ctx)
    return DunningPolicy(settings["past_due_window_seconds"], settings["unpaid_window_seconds"])


def bills_late_usage(ctx: Context) -> bool:
    """Whether usage that came after its invoice was final is billed on the next one."""
    return account_settings(ctx)["late_usage"] == "next_invoice"


def retrieve_settings(ctx: Context, params: Body) -> AccountSettings:  # noqa: ARG001 - route
    """The settings, for the route."""
    return account_settings(ctx)


def update_settings(ctx: Context, params: Body) -> AccountSettings:
    """Change the given settings; an unset one returns to its default."""
    document = ctx.store.get(ID)
    known = document.body if document else {}
    changes = {name: DEFAULTS[name] if value is UNSET else value for name, value in params.items()}
    if "business_profile" in params:
        changes["business_profile"] = _merged(known.get("business_profile", {}), params)
    before = _shown(ctx, known)
    body = _shown(ctx, known | changes)
    stored = document or Document(kind=KIND, livemode=ctx.livemode, body=body)
    events = [EventDraft(UPDATED, body, before)] if body != before else []
    ctx.save(Change(puts=[replace(stored, body=body)]), events, result_id=ID)
    return body


def _merged(profile: dict[str, str], params: Body) -> dict[str, str]:
    """The business profile with what a request says of it; an unset field of it goes."""
    changes = {} if params["business_profile"] is UNSET else params["business_profile"]
    former = {} if params["business_profile"] is UNSET else profile
    return {name: value for name, value in (former | changes).items() if value is not UNSET}


def _shown(ctx: Context, stored: Mapping[str, Any]) -> AccountSettings:
    own: Body = {name: stored.get(name, default) for name, default in DEFAULTS.items()}
    shown: Any = {"id": ID, "object": KIND, "livemode": ctx.livemode, **own}
    settings: AccountSettings = shown
    return settings
