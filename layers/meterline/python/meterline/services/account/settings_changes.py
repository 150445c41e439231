"""Changes of the account's settings."""

from collections.abc import Mapping
from dataclasses import replace

from meterline.core.base.unset import UNSET
from meterline.core.billing.tax_id_formats import country_of, known_type
from meterline.services.account.sellers import replacing_seller
from meterline.services.account.settings import (
    DEFAULTS,
    ID,
    KIND,
    AccountSettings,
    Company,
    shown_settings,
)
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.store.base.documents import Body, Change, Document

UPDATED = "meterline.settings.updated"


def update_settings(ctx: Context, params: Body) -> AccountSettings:
    """Change the given settings; an unset one returns to its default."""
    document = ctx.store.get(ID)
    known = document.body if document else {}
    changes = {name: DEFAULTS[name] if value is UNSET else value for name, value in params.items()}
    for group in _GROUPS & params.keys():
        changes[group] = _merged(known.get(group, {}), params[group])
    _check_tax_ids(changes.get("company", {}))
    before = shown_settings(ctx, known)
    body = shown_settings(ctx, known | changes)
    events = [EventDraft(UPDATED, body, before)] if body != before else []
    kept, former = replacing_seller(ctx, known, before, body)
    stored = document or Document(kind=KIND, livemode=ctx.livemode, body=kept)
    ctx.save(Change(puts=[replace(stored, body=kept), *former]), events, result_id=ID)
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
