"""Records as columns: nothing is lost, and what they have in common is stored once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.columns import columns_of, records_of

VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.lists(st.text(max_size=2), max_size=2)
RECORDS = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4), max_size=5)


@given(RECORDS)
def test_records_come_back_as_they_were(records: list[dict[str, Any]]) -> None:
    stored = json.loads(json.dumps(columns_of(records)))
    assert json.dumps(records_of(stored), sort_keys=True) == json.dumps(records, sort_keys=True)


@pytest.mark.parametrize(
    ("records", "columns"),
    [
        ([], {"count": 0, "same": {}, "each": {}}),
        ([{"a": 1}], {"count": 1, "same": {"a": 1}, "each": {}}),
        (
            [{"a": 1, "b": 2}, {"a": 1, "b": 3}],
            {"count": 2, "same": {"a": 1}, "each": {"b": [2, 3]}},
        ),
        ([{"a": 1}, {"a": True}], {"count": 2, "same": {}, "each": {"a": [1, True]}}),
        ([{"a": 1}, {}], {"count": 2, "same": {}, "each": {}, "more": [{"a": 1}, {}]}),
    ],
)
def test_each_value_stands_where_it_takes_least(
    records: list[dict[str, Any]], columns: dict[str, Any]
) -> None:
    assert columns_of(records) == columns
