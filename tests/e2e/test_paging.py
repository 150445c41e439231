"""Lists on the deployed stack: complete and in order, also while rows are being added."""

from tests.e2e.conftest import Client


def test_auto_paging_sees_250_objects_once_while_rows_are_being_added(client: Client) -> None:
    product = client.v1.products.create({"name": "Many"})
    price = {"currency": "usd", "product": product.id}
    made = [client.v1.prices.create({**price, "unit_amount": n}).id for n in range(250)]
    seen: list[str] = []
    for one in client.v1.prices.list({"product": product.id, "limit": 50}).auto_paging_iter():
        seen.append(one.id)
        if len(seen) % 60 == 0:
            client.v1.prices.create({**price, "unit_amount": 1})
    assert seen == made[::-1]
    oldest_first = client.v1.prices.list(
        {"product": product.id, "limit": 100, "ending_before": made[0]}
    )
    assert [one.id for one in oldest_first.auto_paging_iter()][:249] == made[1:]
