"""An id that a caller may choose can be asked for: no object is created that nobody can read."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.api.params.specs import Object, Param
from meterline.api.requests import read_request
from meterline.api.router import Routes
from meterline.api.routes.description import all_operations
from meterline.core.base.errors import BillingError
from meterline.store.base.keys import can_be_stored

COLLECTIONS = {"id": "", "product_data.id": "/v1/products"}
"""Where an object stands that gets the id: in the request's own collection, or in another."""

CANDIDATES = (
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=260)
    | st.text("aA0_-.", min_size=1, max_size=260)
    | st.sampled_from(
        ["search", "settings", ".", "..", "a?b", "a%41", "a b", "a/b", "é", "🧾" * 255]
    )
)


def chosen_ids() -> list[tuple[str, Param]]:
    """The collections whose objects may be created with an id, and what ids they take."""
    found = []
    for operation in all_operations():
        if operation.method == "POST" and not operation.path.endswith("}"):
            for name, collection in COLLECTIONS.items():
                param: Param | None = operation.params
                for word in name.split("."):
                    param = param.fields.get(word) if isinstance(param, Object) else None
                if param is not None:
                    found.append((collection or operation.path, param))
    return found


CHOSEN = chosen_ids()
ROUTES = Routes(all_operations())


def test_products_and_coupons_take_chosen_ids() -> None:
    assert {collection for collection, _ in CHOSEN} == {"/v1/coupons", "/v1/products"}
    assert len(CHOSEN) == 3


def _is_taken(param: Param, text: str) -> bool:
    try:
        return bool(param.read(text, "id") == text)
    except BillingError:
        return False


@given(text=CANDIDATES)
def test_what_is_taken_as_an_id_is_asked_for_in_a_path(text: str) -> None:
    for collection, param in CHOSEN:
        if _is_taken(param, text):
            assert can_be_stored(text)
            assert text not in (".", ".."), "a client leaves these out of an address"
            path = f"{collection}/{quote(text, safe='')}"
            for arrived in (path, _as_an_http_api_sends_it(path)):
                request = read_request({"rawPath": arrived})
                operation, values = ROUTES.match("GET", request.path)
                assert (operation.path, values) == (f"{collection}/{{id}}", [text])


def _as_an_http_api_sends_it(path: str) -> str:
    """API Gateway's HTTP APIs decode a path before they send it, and cut it at a decoded `?`."""
    return unquote(path).partition("?")[0]


@pytest.mark.parametrize(("_collection", "param"), CHOSEN)
@pytest.mark.parametrize(
    "text",
    [
        "🧾" * 255,
        "x" * 256,
        "a?b",
        "50%25",
        "a b",
        "a/b",
        "a#b",
        "é",
        "..",
        ".",
        "search",
        "settings",
        "prod_A1b2C3d4E5f6G7h8I9j0",
    ],
)
def test_an_id_that_a_path_cannot_carry_or_that_is_not_free_is_refused(
    _collection: str, param: Param, text: str
) -> None:
    assert not _is_taken(param, text)


@pytest.mark.parametrize(("_collection", "param"), CHOSEN)
@pytest.mark.parametrize("text", ["SPRING-50", "25_off", "v1.2", "-", "x" * 250])
def test_an_id_of_letters_digits_and_marks_is_taken(
    _collection: str, param: Param, text: str
) -> None:
    assert _is_taken(param, text)
