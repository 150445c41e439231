"""What a final invoice goes on saying, though what it has that from comes to say something else.

Who sells, what its tax rates are called, and in which language: nothing else on its page and PDF is
read from elsewhere. The seller is kept as one number (``account.sellers``), the rest in words.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.account.sellers import seller_since
from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import rate_ids
from meterline.services.billing.private_states import InvoiceState, TaxWords
from meterline.services.billing.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterline.core.base.wire import Invoice, TaxRate
    from meterline.store.base.documents import Document


def with_kept_words(uow: UnitOfWork, ctx: Context, invoice: "Invoice") -> "Invoice":
    """An invoice that becomes final, with what it says for good; ``ctx`` has read the settings and
    the tax rates that are stored.
    """
    rates = rate_ids(invoice)
    stored = ctx.store.get_many(rates)
    found = {id_: document for id_ in rates if (document := uow.drafted(id_) or stored.get(id_))}
    state = replace(
        InvoiceState.of(invoice),
        preferred_locales=uow.customer.get("preferred_locales") or [],
        seller_since=seller_since(ctx),
        tax_words=tax_words_of(found) or None,
    )
    return state.on(invoice)


def tax_words_of(rates: "Mapping[str, Document[TaxRate]]") -> dict[str, TaxWords]:
    """What tax rates are called now."""
    return {
        id_: {
            "display_name": document.body["display_name"],
            "jurisdiction": document.body["jurisdiction"],
        }
        for id_, document in rates.items()
    }
