"""The account's own settings: Stripe decides these for all accounts, Meterline lets you decide."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypedDict

from meterline.core.base.unset import UNSET
from meterline.core.billing.tax_id_formats import country_of, known_type
from meterline.core.subscriptions.dunning import DunningPolicy
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.store.base.documents import Body, Change, Document

KIND = "meterline.settings"
UPDATED = "meterline.settings.updated"
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
    for group in _GROUPS & params.keys():
        changes[group] = _merged(known.get(group, {}), params[group])
    _check_tax_ids(changes.get("company", {}))
    before = _shown(ctx, known)
    body = _shown(ctx, known | changes)
    stored = document or Document(kind=KIND, livemode=ctx.livemode, body=body)
    events = [EventDraft(UPDATED, body, before)] if body != before else []
    ctx.save(Change(puts=[replace(stored, body=body)]), events, result_id=ID)
    return body


_GROUPS = frozenset({"branding", "business_profile", "company", "invoice_settings"})
"""Settings that are made of fields, which a request changes one by one."""


def _merged(former: Mapping[str, object], given: object) -> Mapping[str, object]:
    """A group of settings with what a request says of it; an unset field of it goes."""
    return _said({**former, **given}) if isinstance(given, Mapping) else {}


def _said(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Fields without those that are unset, at any depth."""
    return {
        name: _said(value) if isinstance(value, Mapping) else value
        for name, value in fields.items()
        if value is not UNSET
    }


def _check_tax_ids(company: Company) -> None:
    """Refuse tax ids of the account's that are not written as their type is."""
    for place, tax_id in enumerate(company.get("tax_ids", ())):
        at = f"company[tax_ids][{place}]"
        known_type(tax_id["type"], f"{at}[type]")
        country_of(tax_id["type"], tax_id["value"], f"{at}[value]")


def _shown(ctx: Context, stored: Mapping[str, Any]) -> AccountSettings:
    own: Body = {name: stored.get(name, default) for name, default in DEFAULTS.items()}
    shown: Any = {"id": ID, "object": KIND, "livemode": ctx.livemode, **own}
    settings: AccountSettings = shown
    return settings
