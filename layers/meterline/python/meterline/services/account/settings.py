"""The account's own settings: Stripe decides these for all accounts, Meterline lets you decide."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from meterline.core.subscriptions.dunning import DunningPolicy
from meterline.services.base.context import Context
from meterline.store.base.documents import Body

KIND = "meterline.settings"
ID = "settings"


class Company(TypedDict, total=False):
    """Who sells, as invoices name it."""

    name: str
    address: dict[str, str]
    tax_ids: list[dict[str, str]]


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
    branding: dict[str, str]
    company: Company
    invoice_settings: dict[str, str]


DEFAULTS: Body = {
    "invoice_grace_seconds": 3_600,
    "late_usage": "ignore",
    "past_due_window_seconds": None,
    "unpaid_window_seconds": None,
    "unpaid_action": "mark_unpaid",
    "country": "US",
    "default_currency": "usd",
    "business_profile": {},
    "branding": {},
    "company": {},
    "invoice_settings": {},
}
"""Invoices stay drafts for an hour, so that late usage gets in; what comes later is not billed.

A subscription is past due if its latest invoice is not paid by its due date, or, where it has none,
within the first window (None: it stays active); unpaid or cancelled after the second."""


def account_settings(ctx: Context) -> AccountSettings:
    """The settings of this mode, defaults filled in."""
    document = ctx.store.get(ID)
    return shown_settings(ctx, document.body if document else {})


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


def shown_settings(ctx: Context, stored: Mapping[str, Any]) -> AccountSettings:
    """Stored settings as they are shown, defaults filled in."""
    own: Body = {name: stored.get(name, default) for name, default in DEFAULTS.items()}
    shown: Any = {"id": ID, "object": KIND, "livemode": ctx.livemode, **own}
    settings: AccountSettings = shown
    return settings
