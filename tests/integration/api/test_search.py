"""Search through the official SDK."""

import pytest
import stripe

from meterline.services.base import search
from tests.integration.api.conftest import Api, Client


@pytest.fixture
def people(client: Client) -> dict[str, str]:
    """Three customers, by name."""
    return {
        name: client.v1.customers.create({"name": name, "email": email, "metadata": metadata}).id
        for name, email, metadata in [
            ("Ada", "ada@example.com", {"own_id": "1", "plan": "gold"}),
            ("Bob", "bob@example.com", {"own_id": "2", "plan": "gold"}),
            ("Cid", "cid@example.com", {"own_id": "3", "it's": 'say "x"'}),
        ]
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('metadata["own_id"]:"2"', ["Bob"]),
        ("metadata['own_id']:'2'", ["Bob"]),
        ('metadata["plan"]:"GOLD" AND email:"BOB@example.com"', ["Bob"]),
        ('email:"ada@example.com"', ["Ada"]),
        ('metadata["plan"]:"gold"', ["Bob", "Ada"]),
        ('metadata["plan"]:"gold" AND name:"Ada"', ["Ada"]),
        ('metadata["plan"]:"gold" name:"ada"', ["Ada"]),
        ('metadata["plan"]:"gold" AND -name:"Ada"', ["Bob"]),
        ('name:"Ada" OR name:"Cid"', ["Cid", "Ada"]),
        ('metadata["it\'s"]:"say \\"x\\""', ["Cid"]),
        ('metadata["plan"]:null', ["Cid"]),
        ('email~"example"', ["Cid", "Bob", "Ada"]),
        ("created>1700000000", ["Cid", "Bob", "Ada"]),
        ("created<1700000000", []),
        ('metadata["own_id"]:"4"', []),
    ],
)
def test_a_query_finds_what_fulfils_it(
    client: Client, people: dict[str, str], query: str, names: list[str]
) -> None:
    assert len(people) == 3
    found = client.v1.customers.search({"query": query})
    assert [customer.name for customer in found] == names


@pytest.mark.parametrize(
    "query",
    [
        "ada",
        "name:ada",
        'name:"ada',
        'name:"a" AND',
        'name:"a" AND name:"b" OR name:"c"',
        'shoe_size:"44"',
        'metadata:"x"',
        'name["x"]:"y"',
        'name~"ab"',
        'created>"soon"',
        " AND ".join(['name:"a"'] * 11),
        '"',
        'name:"a\\\\\\"',
        'name:"' + "\\" * 36,
        'metadata["' + "\\" * 37 + '"]:"x"',
    ],
)
def test_a_query_without_a_meaning_is_refused(client: Client, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.search({"query": query})
    assert refused.value.param == "query"


def test_search_follows_every_change(client: Client, people: dict[str, str]) -> None:
    def found(query: str) -> list[str]:
        return [customer.id for customer in client.v1.customers.search({"query": query})]

    client.v1.customers.update(people["Ada"], {"metadata": {"plan": "iron", "own_id": ""}})
    assert found('metadata["plan"]:"gold"') == [people["Bob"]]
    assert found('metadata["plan"]:"iron"') == [people["Ada"]]
    assert found('metadata["own_id"]:"1"') == []
    client.v1.customers.delete(people["Bob"])
    assert found('metadata["plan"]:"gold"') == []
    assert found('email:"bob@example.com"') == []


def test_nothing_is_left_of_terms_that_ended(api: Api) -> None:
    client = api.client()
    customer = client.v1.customers.create({"email": "a@example.com", "metadata": {"a": "1"}})
    client.v1.customers.update(customer.id, {"email": "b@example.com", "metadata": {"a": "2"}})

    def rows() -> int:
        return sum("#term#" in item["pk"]["S"] for item in api.engine.scan("billing"))

    assert rows() == 2
    client.v1.customers.delete(customer.id)
    assert rows() == 0


def test_results_come_in_pages(client: Client) -> None:
    made = [
        client.v1.customers.create({"metadata": {"team": "red"}, "name": str(n)}).id
        for n in range(5)
    ]
    page = client.v1.customers.search({"query": 'metadata["team"]:"red"', "limit": 2})
    assert page.has_more
    assert [c.id for c in page.auto_paging_iter()] == made[::-1]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.search({"query": 'name:"1"', "page": page.next_page})
    assert refused.value.param == "page"


def test_how_much_was_found_in_all_is_said_when_it_is_asked_for(client: Client) -> None:
    for number in range(3):
        client.v1.customers.create({"metadata": {"team": "red"}, "name": str(number)})
    client.v1.customers.create({"metadata": {"team": "blue"}})
    query = {"query": 'metadata["team"]:"red"', "limit": 1}
    assert "total_count" not in client.v1.customers.search(query)
    first = client.v1.customers.search({**query, "expand": ["total_count", "data.subscriptions"]})
    second = client.v1.customers.search(
        {**query, "page": first.next_page, "expand": ["total_count"]}
    )
    assert (first.total_count, second.total_count) == (3, 3)
    assert first.data[0].subscriptions.data == []
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.customers.list({"expand": ["total_count"]})


def test_a_search_that_would_read_everything_is_refused(
    client: Client, people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert people
    monkeypatch.setattr(search, "MAX_EXAMINED", 2)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.search({"query": 'name:"Ada"'})
    assert "narrows it down" in str(refused.value)


def test_the_catalogue_can_be_searched(client: Client) -> None:
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 5,
            "lookup_key": "gold",
            "metadata": {"a": "1"},
            "product_data": {"name": "Seat", "metadata": {"b": "2"}},
        }
    )
    products = client.v1.products.search({"query": 'metadata["b"]:"2" AND active:"true"'}).data
    assert [p.id for p in products] == [price.product]
    prices = client.v1.prices.search({"query": f'product:"{price.product}" AND lookup_key:"gold"'})
    assert [p.id for p in prices] == [price.id]
