"""Nested forms of every generation of SDKs."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.api.forms import decode_form, merge_forms
from meterline.core.base.errors import BillingError


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=", {"a": ""}),
        ("a", {"a": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("a=b+c%2Bd", {"a": "b c+d"}),
        ("a=%C3%A4", {"a": "ä"}),
        ("a=1=2", {"a": "1=2"}),
        ("a[b][c]=1", {"a": {"b": {"c": "1"}}}),
        ("a%5Bb%5D=1", {"a": {"b": "1"}}),
        ("a[0]=x&a[1]=y", {"a": {"0": "x", "1": "y"}}),
        ("a[]=x&a[]=y", {"a": ["x", "y"]}),
        ("a[][b]=1&a[][c]=2", {"a": [{"b": "1", "c": "2"}]}),
        ("a[][b]=1&a[][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        (
            "a[][b]=1&a[][c][d]=2&a[][b]=3&a[][c][d]=4",
            {"a": [{"b": "1", "c": {"d": "2"}}, {"b": "3", "c": {"d": "4"}}]},
        ),
        ("a[][b][]=1&a[][b][]=2", {"a": [{"b": ["1", "2"]}]}),
        ("a[0][b]=1&a[0][c]=2", {"a": {"0": {"b": "1", "c": "2"}}}),
    ],
)
def test_a_form_is_decoded(text: str, form: dict[str, Any]) -> None:
    assert decode_form(text) == form


@pytest.mark.parametrize(
    "text",
    [
        "a=1&a[b]=2",
        "a[b]=2&a=1",
        "a[]=1&a[b]=2",
        "a[b]=1&a[]=2",
        "a[b=1",
        "a]b[=1",
        "[a]=1",
        "a[b]c=1",
        "a=%FF",
        "%FF=1",
        "a=%00",
        "a" + "[b]" * 12 + "=1",
        "&".join(f"a{n}=1" for n in range(2_001)),
    ],
)
def test_a_form_without_a_meaning_is_refused(text: str) -> None:
    with pytest.raises(BillingError):
        decode_form(text)


@settings(deadline=None)
@given(st.text(alphabet="ab[]=&%0F+;é\x00", max_size=40))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    with contextlib.suppress(BillingError):
        assert isinstance(decode_form(text), dict)


def test_query_and_body_are_one_form() -> None:
    query, body = decode_form("a[b]=1&expand[]=x"), decode_form("a[c]=2&d=3")
    merged = {"a": {"b": "1", "c": "2"}, "expand": ["x"], "d": "3"}
    assert merge_forms(query, body) == merged
