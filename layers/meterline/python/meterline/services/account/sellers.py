"""Who sells: as the settings say now, and as they said when an invoice became final.

An invoice remembers since when its seller had been as it was, one number. Settings that come to say
something else of the seller leave what they said before under the number that it had: what invoices
said stays, and nobody writes it again with each of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypedDict

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState, with_private_state_of
from meterline.services.account.settings import ID, AccountSettings, Company, account_settings
from meterline.services.base.context import Context
from meterline.store.base.documents import Document

FORMER: Final = "meterline.former_seller"


class SellerSettings(TypedDict):
    """The settings that invoices name their seller by."""

    business_profile: dict[str, str]
    branding: dict[str, str]
    company: Company
    country: str
    invoice_settings: dict[str, str]


class FormerSeller(SellerSettings):
    """What settings said of the seller before they said something else."""

    id: str
    object: str
    livemode: bool


@frozen
class SettingsState(PrivateState):
    """What settings remember: since when the seller is as they say, None if it was ever so."""

    seller_since: int | None = None


def seller_since(ctx: Context) -> int | None:
    """Since when the seller is as the settings say now, for an invoice that becomes final."""
    return _stored_state(ctx).seller_since


def replacing_seller(
    ctx: Context, stored: Mapping[str, Any], before: AccountSettings, after: AccountSettings
) -> tuple[Mapping[str, Any], list[Document[FormerSeller]]]:
    """Settings as they are stored after a change, and what they said of the seller before, if that
    is something else: to be committed together.
    """
    state, kept = SettingsState.of(stored), with_private_state_of(after, stored)
    if _seller_in(before) == _seller_in(after):
        return kept, []
    at = former_seller_id(state.seller_since)
    body: FormerSeller = {
        "id": at,
        "object": FORMER,
        "livemode": ctx.livemode,
        **_seller_in(before),
    }
    is_kept = ctx.store.get(at) is not None  # a former release does not know since when it is so
    former = [] if is_kept else [Document(kind=FORMER, livemode=ctx.livemode, body=body)]
    since = max(ctx.wall_clock, (state.seller_since or 0) + 1)
    return replace(state, seller_since=since).on(kept), former


def former_seller_id(since: int | None) -> str:
    """Where settings are kept that said since then who sells, once they say something else."""
    return f"formerseller_{since or 'first'}"


def seller_settings(ctx: Context) -> SellerSettings:
    """What the settings say of the seller now."""
    return _seller_in(account_settings(ctx))


def seller_settings_since(ctx: Context, since: int | None) -> SellerSettings:
    """What the settings said of the seller since an instant; read beside them only if they have
    come to say something else.
    """
    is_former = since != seller_since(ctx)
    former = ctx.store.get(former_seller_id(since)) if is_former else None
    return _seller_in(account_settings(ctx) if former is None else former.body)


def _stored_state(ctx: Context) -> SettingsState:
    document = ctx.store.get(ID)
    return SettingsState.of(document.body if document else {})


def _seller_in(settings: Mapping[str, Any]) -> SellerSettings:
    seller: Any = {name: settings[name] for name in SellerSettings.__annotations__}
    said: SellerSettings = seller
    return said
