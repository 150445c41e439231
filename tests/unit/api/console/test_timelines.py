"""Pages of a timeline show every moment once, though it is put together from two lists."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.api.console.asking import Call, Fields, Reply
from meterline.api.console.timelines import MOST_SHOWN, Moment, Timeline, timeline
from meterline.core.base.timestamps import rfc3339

END = 10_000
"""Later than all moments."""

SECONDS = st.lists(st.integers(1, 60), max_size=120).filter(
    lambda found: max(Counter(found).values(), default=0) < MOST_SHOWN
)


def _reply(rows: Sequence[Fields], until: int | None, name: str) -> Reply:
    """A page of a list, the newest first, as the API answers it."""
    fit = [row for row in rows if until is None or row["at"] <= until]
    more = len(fit) > MOST_SHOWN
    ends = {"has_more": more} if name == "invoices" else {"next_page_url": "/v2" if more else None}
    return Reply(Call("GET", name), 200, Fields(data=fit[:MOST_SHOWN], **ends))


def _rows(seconds: Sequence[int], name: str) -> list[Fields]:
    return [
        Fields(
            at=at,
            id=f"{name}_{place}",
            created=at if name == "invoices" else rfc3339(at * 1_000),
            number=str(place),
            total=100,
            currency="usd",
            status="open",
            billing_reason="manual",
            type="v1.invoice.paid",
            snapshot_event=f"{name}_{place}",
        )
        for place, at in enumerate(sorted(seconds, reverse=True))
    ]


def _page(
    invoices: list[Fields], events: list[Fields], until: int | None, **subscription: Any
) -> Timeline:
    lists = [_reply(invoices, until, "invoices"), _reply(events, until, "events")]
    body = Fields(subscription, ended_at=END + 1)
    return timeline(Reply(Call("GET", "s"), 200, body), None, lists, until)


def _all(
    invoices: Sequence[int], events: Sequence[int], **subscription: Any
) -> tuple[list[Moment], int]:
    """The moments of all pages, and how many pages these are."""
    rows = _rows(invoices, "invoices"), _rows(events, "events")
    shown: list[Moment] = []
    until, pages = None, 0
    while pages == 0 or until is not None:
        page = _page(*rows, until, **subscription)
        shown += page.moments
        until, pages = page.until, pages + 1
        assert pages <= len(invoices) + len(events) + 1, "it ends"
    return shown, pages


@given(SECONDS, SECONDS)
def test_every_moment_is_on_one_page_and_later_ones_come_first(
    invoices: list[int], events: list[int]
) -> None:
    shown, _ = _all(invoices, events, start_date=30)
    times = [moment.at for moment in shown]
    assert times == sorted(times, reverse=True)
    assert Counter(times) == Counter([*invoices, *events, 30, END + 1])
    pages = [moment.page for moment in shown if moment.page]
    assert len(set(pages)) == len(pages) == len(invoices) + len(events)


@pytest.mark.parametrize(
    ("invoices", "events", "pages"),
    [
        ([], [], 1),
        ([5] * 3, [5] * 3, 1),
        (range(1, 26), range(1, 26), 1),
        (range(1, 27), [], 2),
        ([], range(1, 27), 2),
        (range(1, 61), range(1, 61), 3),
    ],
)
def test_a_page_is_as_long_as_its_lists_go(
    invoices: Sequence[int], events: Sequence[int], pages: int
) -> None:
    assert _all(invoices, events)[1] == pages


def test_a_second_with_more_than_a_page_does_not_keep_the_timeline_from_going_on() -> None:
    shown, _ = _all([7] * 40, [3, 9])
    assert {moment.at for moment in shown} == {3, 7, 9, END + 1}
