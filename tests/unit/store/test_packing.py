"""Bodies are stored small, and what was stored stays readable."""

import json
import zlib
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meterline.store.base import packing
from meterline.store.base.packing import pack, unpack

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

CUSTOMER: dict[str, Any] = {
    "id": "cus_0VbbTYy3o4ZlCnBlm5vKosWW",
    "object": "customer",
    "address": None,
    "balance": 0,
    "created": 1_791_766_800,
    "currency": "usd",
    "description": None,
    "email": "ada@example.com",
    "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None},
    "livemode": False,
    "metadata": {"plan": "gold"},
    "name": "Ada Lovelace",
    "preferred_locales": [],
    "tax_exempt": "none",
    "test_clock": None,
}


@given(body=st.dictionaries(st.text(), json_values))
def test_what_is_stored_reads_back_as_it_was(body: dict[str, Any]) -> None:
    assert unpack(pack(body)) == body


def test_equal_bodies_are_stored_as_equal_bytes() -> None:
    assert pack({"a": 1, "b": 2}) == pack({"b": 2, "a": 1})


def test_a_body_takes_half_of_what_plain_compression_gives() -> None:
    plain = zlib.compress(json.dumps(CUSTOMER).encode())
    assert len(pack(CUSTOMER)) * 2 < len(plain)


def test_the_dictionary_never_changes_because_stored_bodies_need_it() -> None:
    digest = sha256(packing._DICTIONARY.read_bytes()).hexdigest()  # noqa: SLF001 - the file itself
    assert digest == "922a3975751cd2992dd6dda636f1ee848b11b4405d940958b019f7fab48cd212"
