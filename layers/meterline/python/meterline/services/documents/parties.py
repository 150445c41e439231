"""Who sells and who buys, as an invoice's document names them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from meterline.services.account.sellers import SellerSettings
from meterline.services.documents.document import Buyer, PostalAddress, Seller, TaxIdentity

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice


def seller_of(settings: SellerSettings, tax_ids: Iterable[TaxIdentity]) -> Seller:
    """The account as its settings described it; with tax ids of the invoice's, if it names some."""
    profile, company = settings["business_profile"], settings["company"]
    country = company.get("address", {}).get("country") or settings["country"]
    address = postal_address({**company.get("address", {}), "country": country})
    named = tuple(tax_ids) or tax_identities(company.get("tax_ids", ()))
    return Seller(
        name=company.get("name") or profile.get("name") or "",
        address=address,
        tax_ids=named,
        email=profile.get("support_email", ""),
        phone=profile.get("support_phone", ""),
        url=profile.get("support_url") or profile.get("url") or "",
        primary_color=settings["branding"].get("primary_color", ""),
    )


def buyer_of(invoice: "Invoice", locales: Iterable[str]) -> Buyer:
    """The customer as the invoice has it, who is spoken to in the first language of ``locales``."""
    return Buyer(
        name=invoice["customer_name"] or "",
        email=invoice["customer_email"] or "",
        phone=invoice["customer_phone"] or "",
        address=postal_address(invoice["customer_address"] or {}),
        tax_ids=tax_identities(invoice.get("customer_tax_ids") or ()),
        locales=tuple(locales),
    )


def postal_address(address: Mapping[str, Any]) -> PostalAddress:
    """An address, with empty texts for what it does not say."""
    names = PostalAddress.__dataclass_fields__
    return PostalAddress(**{name: address.get(name) or "" for name in names})


def tax_identities(tax_ids: Iterable[Mapping[str, Any]]) -> tuple[TaxIdentity, ...]:
    """Tax ids that have a value: one that was erased has none."""
    return tuple(TaxIdentity(one["type"], one["value"]) for one in tax_ids if one["value"])
