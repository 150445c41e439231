"""A customer's data is exported in one command, and erased everywhere in another."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from meterline.core.base.versions import UnknownVersion
from meterline.services.customers import erasure
from meterline.store.base.packing import unpack_text
from meterline.store.billing import parts
from meterline_cli import erase_customer, export_customer
from tests.engines import TABLES, Engine
from tests.factories.params import meter_params
from tests.integration.api.conftest import Api, Client
from tests.integration.metering.worlds import deliver

PERSONAL = (
    *("Lovelace", "ada@example.org", "+44207", "Marylebone", "countess", "Analytical", "Byron"),
    *("secret-of-ada", "GB424242424"),
)
"""What the customer's data holds, and nobody else's."""

METADATA = {"note": "secret-of-ada"}


def customer_of(client: Client) -> Any:
    return client.v1.customers.create(
        {
            "name": "Ada Byron",
            "email": "ada@example.org",
            "phone": "+44207",
            "description": "countess",
            "address": {"line1": "12 Marylebone"},
            "shipping": {"name": "Ada Lovelace", "address": {"line1": "12 Marylebone"}},
            "metadata": METADATA,
            "tax_id_data": [{"type": "gb_vat", "value": "GB424242424"}],
            "invoice_settings": {
                "footer": "Analytical",
                "custom_fields": [{"name": "for", "value": "Lovelace"}],
            },
        },
        options={"idempotency_key": "first"},
    )


class Books:
    """A customer with a subscription, usage, invoices of few and of many lines, and a balance."""

    def __init__(self, api: Api) -> None:
        client = api.client()
        self.client = client
        self.customer = customer_of(client).id
        client.v1.customers.update(self.customer, {"name": "Ada Lovelace"})
        meter = client.v1.billing.meters.create(meter_params(f"calls_{self.customer}"))
        price = client.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": 3,
                "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
                "product_data": {"name": "Calls"},
            }
        )
        client.v1.subscriptions.create(
            {
                "customer": self.customer,
                "items": [{"price": price.id, "metadata": METADATA}],
                "description": "for Lovelace",
                "invoice_settings": {"description": "for Lovelace", "footer": "Analytical"},
                "metadata": METADATA,
            }
        )
        settings = {"description": "for Byron", "footer": "Analytical"}
        client.v1.subscription_schedules.create(
            {
                "customer": self.customer,
                "start_date": 4_000_000_000,
                "metadata": METADATA,
                "default_settings": {
                    "description": "for Lovelace",
                    "invoice_settings": settings,
                },
                "phases": [
                    {
                        "items": [{"price": price.id, "metadata": METADATA}],
                        "description": "for Lovelace",
                        "invoice_settings": settings,
                        "metadata": METADATA,
                    }
                ],
            }
        )
        client.v1.billing.meter_events.create(
            {
                "event_name": f"calls_{self.customer}",
                "payload": {"stripe_customer_id": self.customer, "value": "7", "by": "Byron"},
            }
        )
        deliver(api.engine)
        client.v1.customers.balance_transactions.create(
            self.customer,
            {
                "amount": -50,
                "currency": "usd",
                "description": "for Ada Lovelace",
                "metadata": METADATA,
            },
        )
        for lines in (2, 7):
            self._bill(lines)
        client.v1.invoice_items.create(
            {
                "customer": self.customer,
                "amount": 5,
                "currency": "usd",
                "description": "for Lovelace",
            }
        )

    def _bill(self, lines: int) -> None:
        client = self.client
        for number in range(lines):
            client.v1.invoice_items.create(
                {
                    "customer": self.customer,
                    "amount": number + 1,
                    "currency": "usd",
                    "description": f"Analytical work {number}",
                    "metadata": METADATA,
                }
            )
        invoice = client.v1.invoices.create(
            {
                "customer": self.customer,
                "pending_invoice_items_behavior": "include",
                "footer": "Lovelace",
                "metadata": METADATA,
            },
            options={"idempotency_key": f"bill {lines}"},
        )
        client.v1.invoices.finalize_invoice(invoice.id)

    def figures(self) -> Any:
        """All that is counted and owed, by number and line."""
        client = self.client
        invoices = client.v1.invoices.list({"customer": self.customer, "limit": 100}).data
        found = client.v1.customers.retrieve(self.customer)
        transactions = client.v1.customers.balance_transactions.list(self.customer).data
        return (
            [
                (invoice.id, invoice.number, invoice.status, invoice.total, invoice.amount_due)
                for invoice in invoices
            ],
            [
                [
                    (line.id, line.amount)
                    for line in client.v1.invoices.line_items.list(
                        invoice.id, {"limit": 100}
                    ).auto_paging_iter()
                ]
                for invoice in invoices
            ],
            (found.balance, found.invoice_prefix, found.next_invoice_sequence),
            [
                (transaction.id, transaction.amount, transaction.ending_balance)
                for transaction in transactions
            ],
            client.v1.invoices.create_preview({"customer": self.customer}).total,
        )


@pytest.fixture
def books(api: Api, monkeypatch: pytest.MonkeyPatch) -> Books:
    monkeypatch.setattr(parts, "INLINE_LINES", 4)
    return Books(api)


def texts(engine: Engine) -> Iterator[str]:
    """Every value of every item of every table, unpacked where it is packed."""
    for table in TABLES:
        for item in engine.scan(table):
            yield from (f"{table} {text}" for text in map(text_of, item.values()))


def text_of(value: Any) -> str:
    if "B" in value:
        data = bytes(value["B"])
        try:
            return unpack_text(data).decode()
        except (UnknownVersion, Exception):  # noqa: BLE001 - what is not packed is looked at as it is
            return repr(data)
    return repr(value)


def left(engine: Engine) -> set[str]:
    """The personal texts that are stored somewhere."""
    stored = "\n".join(texts(engine))
    return {one for one in PERSONAL if one in stored}


def test_nothing_personal_is_left_in_any_table_and_no_figure_has_changed(
    api: Api, books: Books
) -> None:
    other = api.client().v1.customers.create({"name": "Grace", "email": "grace@example.org"})
    assert left(api.engine) == set(PERSONAL), "it is there to be found"
    before = books.figures()
    assert erase_customer.run([books.customer]) == 0
    assert left(api.engine) == set()
    assert books.figures() == before
    assert api.client().v1.customers.retrieve(other.id).name == "Grace"


def test_an_erased_customer_is_not_found_by_what_it_was_called(api: Api, books: Books) -> None:
    query = {"query": 'email:"ada@example.org"'}
    assert [one.id for one in api.client().v1.customers.search(query).data] == [books.customer]
    rows = {item["pk"]["S"] for item in api.engine.scan("billing") if "#term#" in item["pk"]["S"]}
    assert erase_customer.run([books.customer]) == 0
    assert api.client().v1.customers.search(query).data == []
    assert not {
        item["pk"]["S"]
        for item in api.engine.scan("billing")
        if "#term#customer#" in item["pk"]["S"]
    }
    assert rows


def test_a_repeated_request_shows_the_object_as_it_is_now(api: Api, books: Books) -> None:
    assert erase_customer.run([books.customer]) == 0
    again = customer_of(api.client())
    assert (again.id, again.name, again.email) == (books.customer, None, None)


@pytest.mark.parametrize("calls", [1, 7, 25])
def test_an_erasure_that_dies_half_way_is_repeated(
    api: Api, books: Books, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    before = books.figures()
    update, made = erasure._update, 0  # noqa: SLF001 - every write goes through it

    def dying(*arguments: Any) -> bool:
        nonlocal made
        made += 1
        if made > calls:
            raise KeyboardInterrupt
        return update(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(erasure, "_update", dying)
        with pytest.raises(KeyboardInterrupt):
            erase_customer.run([books.customer])
    assert left(api.engine)
    assert erase_customer.run([books.customer]) == 0
    assert left(api.engine) == set()
    assert books.figures() == before


def test_what_changes_meanwhile_is_erased_too(
    api: Api, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, client = erasure._replace, api.client()

    def cutting_in(*arguments: Any) -> bool:
        monkeypatch.setattr(erasure, "_replace", replace)
        client.v1.customers.update(books.customer, {"email": "ada@example.org", "phone": "+44207"})
        return replace(*arguments)

    monkeypatch.setattr(erasure, "_replace", cutting_in)
    assert erase_customer.run([books.customer]) == 0
    found = client.v1.customers.retrieve(books.customer)
    assert (found.email, found.phone) == (None, None)


def test_all_about_a_customer_is_exported_and_nothing_about_another(
    api: Api, books: Books, capsys: pytest.CaptureFixture[str]
) -> None:
    other = api.client().v1.customers.create({"name": "Grace"})
    capsys.readouterr()
    assert export_customer.run([books.customer]) == 0
    output = capsys.readouterr().out
    lines = [json.loads(line) for line in output.splitlines()]
    assert {one["object"] for one in lines if "object" in one} >= {
        *("customer", "subscription", "invoice", "invoiceitem", "customer_balance_transaction"),
        *("event", "billing.meter_event", "meterline.usage_hour"),
    }
    assert all(text in output for text in PERSONAL)
    assert other.id not in output
    assert '"_"' not in output
    [usage] = [one for one in lines if one.get("object") == "meterline.usage_hour"]
    assert usage["total"] == "7"


@pytest.mark.usefixtures("api")
def test_of_an_unknown_customer_there_is_nothing_to_export(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert export_customer.run(["cus_none"]) == 1
    assert "Nothing is stored about cus_none." in capsys.readouterr().err
