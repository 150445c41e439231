"""The account as Stripe's API shows it: the merchant, as the settings describe it."""

from collections.abc import Mapping

from meterline.services.account.settings import account_settings
from meterline.services.base.context import Context
from meterline.store.base.account import account_id

_PROFILE_FIELDS = (
    "name",
    "product_description",
    "support_email",
    "support_phone",
    "support_url",
    "url",
)


def account_body(ctx: Context) -> Mapping[str, object]:
    """The account. It neither charges cards nor pays out, as Meterline moves no money."""
    settings = account_settings(ctx)
    profile = settings["business_profile"]
    return {
        "id": account_id(),
        "object": "account",
        "business_profile": {
            "mcc": None,
            **{name: profile.get(name) for name in _PROFILE_FIELDS},
            "support_address": None,
        },
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "country": settings["country"],
        "default_currency": settings["default_currency"],
        "details_submitted": True,
        "email": profile.get("support_email"),
        "metadata": {},
        "payouts_enabled": False,
        "settings": {"dashboard": {"display_name": profile.get("name"), "timezone": "Etc/UTC"}},
        "type": "standard",
    }
