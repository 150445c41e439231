"""Totals of days, and the marks of those that changed late."""

from collections.abc import Mapping, Sequence

import pytest

from meterline.core.metering import day_totals
from meterline.core.metering.aggregation import Aggregate
from meterline.store.metering import day_totals as stored_totals
from meterline.store.metering import usage_commits
from meterline.store.metering.usage_commits import Change
from tests.faults.mistakes.mistake import Miscount


def a_late_change_without_a_mark(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage_commits, "mark_late", lambda *_: None)


def a_mark_after_its_change(patch: pytest.MonkeyPatch) -> None:
    commit_many, mark_late = usage_commits.commit_many, stored_totals.mark_late

    def too_late(changes: Sequence[Change]) -> usage_commits.Committed:
        done = commit_many(changes)
        mark_late([change.key for change in changes], int(vars(usage_commits)["time"]()))
        return done

    a_late_change_without_a_mark(patch)
    patch.setattr(usage_commits, "commit_many", too_late)


def days_that_settle_before_changes_are_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(day_totals, "SETTLED_SECONDS", day_totals.LATE_SECONDS - 2 * 3_600)


def marks_that_do_not_ripen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(day_totals, "RIPE_SECONDS", 0)


def totals_that_overwrite_marks(patch: pytest.MonkeyPatch) -> None:
    save_totals = stored_totals.save_totals

    def anyhow(months: Sequence[stored_totals.Month], totals: Mapping[int, Aggregate]) -> None:
        places = [month.place for month in months]
        save_totals([*stored_totals._read_months(places).values()], totals)  # noqa: SLF001 - see above

    patch.setattr(stored_totals, "save_totals", anyhow)


MISTAKES = (
    Miscount(a_late_change_without_a_mark, days=3),
    Miscount(a_mark_after_its_change, days=3, first=238),
    Miscount(days_that_settle_before_changes_are_late, days=3, first=103),
    Miscount(marks_that_do_not_ripen, days=3, first=54),
    Miscount(totals_that_overwrite_marks, days=3, first=76),
)
