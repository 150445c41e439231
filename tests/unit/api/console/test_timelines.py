"""Pages of a timeline show every moment once, though it is put together from two lists."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.api.console.asking import Call, Fields, Reply
from meterline.api.console.timelines import MOST_SHOWN, Moment, Place, Timeline, calls, timeline
from meterline.core.base.timestamps import rfc3339

END = 10_000
"""Later than all moments."""

SECONDS = st.lists(st.integers(1, 60), max_size=120) | st.lists(st.integers(7, 9), max_size=120)


def _rows(seconds: Iterable[int], name: str) -> list[Fields]:
    return [
        Fields(
            id=f"{name}_{place}",
            created=rfc3339(at * 1_000) if name in {"events", "heard"} else at,
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


def _after(rows: list[Fields], last: Any) -> list[Fields]:
    return rows[[row["id"] for row in rows].index(last) + 1 :] if last else rows


def _invoices(call: Call, rows: list[Fields]) -> Reply:
    """The API's answer to who asks for invoices: those after one, and up to a second."""
    asked: Any = call.params
    until = asked["created"]["lte"] if asked["created"] else END
    fit = [row for row in _after(rows, asked["starting_after"]) if row["created"] <= until]
    return Reply(call, 200, Fields(data=fit[:MOST_SHOWN], has_more=len(fit) > MOST_SHOWN))


def _events(call: Call, rows: list[Fields]) -> Reply:
    """The same of events, which begin where a token says."""
    asked: Any = call.params
    until = asked["created"]["lte"] if asked["created"] else rfc3339(END * 1_000)
    fit = [row for row in _after(rows, asked["page"]) if row["created"] <= until]
    data, has_more = fit[:MOST_SHOWN], len(fit) > MOST_SHOWN
    following = f"/v2/core/events?page={data[-1]['id']}" if has_more else None
    return Reply(call, 200, Fields(data=data, next_page_url=following))


def _page(
    invoices: list[Fields], events: list[Fields], place: Place, **subscription: Any
) -> Timeline:
    of_invoices, of_events = calls("sub_1", place)
    lists = [_invoices(of_invoices, invoices), _events(of_events, events)]
    body = Fields(subscription, ended_at=END + 1)
    return timeline(Reply(Call("GET", "s"), 200, body), None, lists, place)


def _all(
    invoices: Iterable[int], events: Iterable[int], **subscription: Any
) -> tuple[list[Moment], int]:
    """The moments of all pages, and how many pages these are."""
    rows = _rows(invoices, "invoices"), _rows(events, "events")
    shown: list[Moment] = []
    place: Place | None = Place()
    pages = 0
    while place is not None:
        page = _page(*rows, Place.of(place.query), **subscription)
        shown += page.moments
        place, pages = page.following, pages + 1
        assert pages <= sum(map(len, rows)) + 1, "it ends"
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


@pytest.mark.parametrize(("invoices", "events"), [(40, 0), (0, 40), (90, 30), (30, 90), (70, 70)])
def test_a_second_has_any_number_of_moments(invoices: int, events: int) -> None:
    shown, _ = _all([7] * invoices + [3], [9] + [7] * events, start_date=7)
    assert Counter(moment.at for moment in shown) == {
        END + 1: 1,
        9: 1,
        7: invoices + events + 1,
        3: 1,
    }
    rows = [moment.row for moment in shown if moment.row]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("billed", "told"),
    [
        (range(1, 60), range(1, 60)),
        (range(1, 60), range(100, 160)),
        (range(100, 160), range(1, 60)),
    ],
)
def test_what_has_come_since_is_on_no_earlier_page(billed: range, told: range) -> None:
    invoices, events = _rows(billed, "invoices"), _rows(told, "events")
    first = _page(invoices, events, Place())
    assert first.following is not None
    invoices, events = _rows([200] * 9, "fresh") + invoices, _rows([200] * 9, "heard") + events
    second = _page(invoices, events, first.following)
    assert {one.row for one in second.moments}.isdisjoint({one.row for one in first.moments})
    assert max(one.at for one in second.moments) <= min(one.at for one in first.moments)
