"""What grants come to, against a plain recount of who has what."""

from hypothesis import given
from hypothesis import strategies as st

from meterline.core.billing.entitlements import (
    GrantedFeature,
    ItemGrant,
    ItemPeriod,
    active_features,
    begun,
    grants_after,
    number_of,
)


def features(*keys: str) -> list[GrantedFeature]:
    return [{"feature": f"feat_{key}", "lookup_key": key} for key in keys]


def grant(item: str, *keys: str, subscription: str = "sub_1") -> ItemGrant:
    return {"subscription": subscription, "item": item, "features": features(*keys)}


def period(product: str, start: int) -> ItemPeriod:
    return {"product": product, "start": start, "end": start + 50}


def periods(*items: str) -> dict[str, ItemPeriod]:
    return {item: period("prod_1", 100) for item in items}


def test_a_grant_begins_with_an_item_a_period_or_a_product() -> None:
    before = {name: period("prod_1", 100) for name in ("stays", "renews", "sells", "goes")}
    after = {
        "stays": period("prod_1", 100),
        "renews": period("prod_1", 200),
        "sells": period("prod_2", 100),
        "comes": period("prod_1", 150),
    }
    assert sorted(begun(before, after)) == ["comes", "renews", "sells"]


def test_an_end_that_moves_begins_no_grant() -> None:
    before, after = period("prod_1", 100), period("prod_1", 100)
    after["end"] = 120
    assert begun({"a": before}, {"a": after}) == {}


def test_a_grant_with_a_limit_has_the_period_of_its_item() -> None:
    limited: GrantedFeature = {
        "feature": "feat_x",
        "lookup_key": "x",
        "limit": {"meter": "mtr_1", "quantity": "10"},
    }
    [made] = grants_after([], "sub_1", periods("a"), {"a": [limited]})
    assert made["period"] == {"start": 100, "end": 150}
    [moved] = grants_after([made], "sub_1", {"a": {**period("prod_1", 100), "end": 120}}, {})
    assert moved["period"] == {"start": 100, "end": 120}


def test_items_keep_their_places_so_that_a_renewal_changes_nothing() -> None:
    grants = [grant("a", "x", "y"), grant("b", "z"), grant("c", "x", subscription="sub_2")]
    again = grants_after(grants, "sub_1", periods("b", "a"), {"a": features("x", "y")})
    assert again == grants


def test_items_that_are_gone_or_grant_nothing_any_more_are_forgotten() -> None:
    grants = [grant("a", "x"), grant("b", "y"), grant("c", "z", subscription="sub_2")]
    assert grants_after(grants, "sub_1", periods("b"), {"b": []}) == [grants[2]]


def test_the_newest_feature_comes_first_and_each_once() -> None:
    grants = [grant("a", "x", "y"), grant("b", "x", "z")]
    assert list(active_features(grants)) == ["feat_z", "feat_x", "feat_y"]
    assert number_of(grants) == 4


_KEYS = st.lists(st.sampled_from("vwxyz"), unique=True, max_size=3)
_CHANGE = st.tuples(
    st.sampled_from(["sub_1", "sub_2", "sub_3"]),
    st.dictionaries(st.sampled_from("abc"), st.none() | _KEYS, max_size=3),
)
"""A subscription, and its items from now on: with new features, or (None) with those it had."""


@given(st.lists(_CHANGE, max_size=12))
def test_grants_are_what_a_plain_recount_says(
    changes: list[tuple[str, dict[str, list[str] | None]]],
) -> None:
    grants: list[ItemGrant] = []
    recount: dict[str, dict[str, list[str]]] = {}
    for subscription, items in changes:
        had = recount.get(subscription, {})
        fresh = {f"{subscription}{item}": keys for item, keys in items.items() if keys is not None}
        grants = grants_after(
            grants,
            subscription,
            periods(*(f"{subscription}{item}" for item in items)),
            {item: features(*keys) for item, keys in fresh.items()},
        )
        recount[subscription] = {
            item: keys if keys is not None else had.get(item, []) for item, keys in items.items()
        }
        expected = {key for each in recount.values() for keys in each.values() for key in keys}
        assert set(active_features(grants).values()) == expected
        assert number_of(grants) == sum(
            len(keys) for each in recount.values() for keys in each.values()
        )
