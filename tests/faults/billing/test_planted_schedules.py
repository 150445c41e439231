"""What schedules are proved by proves something only if it notices mistakes: these are planted."""

import pytest

from meterline.services.schedules import phase_params
from meterline.services.schedules.phase_changes import change_phase
from meterline.services.work import due_work
from tests.integration.api.conftest import Api, api
from tests.integration.stories.stage import Stage
from tests.integration.stories.test_schedules_by_hand import (
    RAMP,
    Plan,
    by_hand,
    scheduled,
    stage_of,
    year_of_a_ramp,
)

__all__ = ["api"]

pytestmark = pytest.mark.crashes


def test_a_phase_whose_items_are_left_alone_is_noticed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phase_params, "_changed_items", lambda *_: [])
    assert scheduled(stage_of(api), Plan(0)) != by_hand(stage_of(api), Plan(0))


def test_a_phase_that_is_entered_after_its_renewal_is_noticed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = due_work.WORK["subscription"]
    phases = [work for work in works if work.do is change_phase]
    others = [work for work in works if work.do is not change_phase]
    monkeypatch.setitem(due_work.WORK, "subscription", (*others, *phases))
    assert year_of_a_ramp(Stage(api, "2024-01-01")) != RAMP
