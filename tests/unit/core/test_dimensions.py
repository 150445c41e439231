"""What tells usage apart: cells, their names, and which of them a question means."""

import pytest

from meterline.core.metering.dimensions import cell_of, divided, grouped, matching, with_cell

KEYS = ("model", "token_type")
CELLS = {
    "a": ("large", "input"),
    "b": ("large", "output"),
    "c": ("small", "input"),
}


def test_usage_without_dimensions_is_one_cell_without_a_name() -> None:
    assert cell_of(()) == ""
    assert with_cell("sum", "") == "sum"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), ("ab", "")),
        (("a", "b"), ("b", "a")),
        (("a,b",), ("a", "b")),
        (('a","b',), ("a", "b")),
        (("A",), ("a",)),
        (("é",), ("e\u0301",)),
    ],
)
def test_other_values_are_another_cell(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert cell_of(one) == cell_of(tuple(one))
    assert cell_of(one) != cell_of(other)


@pytest.mark.parametrize("measure", ["sum", "last:day", "unique_count:hour"])
def test_a_measure_with_a_cell_is_taken_apart_again(measure: str) -> None:
    cell = cell_of(("large", "input"))
    assert divided(with_cell(measure, cell)) == (measure, cell)
    assert not {"#", "@", ":"} & set(cell)


@pytest.mark.parametrize(
    ("conditions", "meant"),
    [
        ({}, "abc"),
        ({"model": ["large"]}, "ab"),
        ({"token_type": ["input"]}, "ac"),
        ({"model": ["large"], "token_type": ["input"]}, "a"),
        ({"model": ["large", "small"], "token_type": ["output"]}, "b"),
        ({"model": ["Large"]}, ""),
        ({"model": []}, ""),
    ],
)
def test_cells_meet_all_conditions(conditions: dict[str, list[str]], meant: str) -> None:
    assert "".join(matching(CELLS, KEYS, conditions)) == meant


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ([], [({}, ["a", "b", "c"])]),
        (["model"], [({"model": "large"}, ["a", "b"]), ({"model": "small"}, ["c"])]),
        (
            ["token_type"],
            [({"token_type": "input"}, ["a", "c"]), ({"token_type": "output"}, ["b"])],
        ),
    ],
)
def test_groups_share_the_values_that_they_are_named_by(
    by: list[str], groups: list[tuple[dict[str, str], list[str]]]
) -> None:
    assert list(grouped(CELLS, KEYS, by)) == groups
