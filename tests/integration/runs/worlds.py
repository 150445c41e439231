"""What happens to the subscriptions of these tests besides what is due."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from meterline.services.base.context import Context
from meterline.services.work import due_work
from meterline.store.base.documents import Document
from tests.factories.objects import listed

DAY = 86_400
HOUR = 3_600

type Do = Callable[[Context, Document], list[Document]]


def with_work(monkeypatch: pytest.MonkeyPatch, kind: str, instead: Callable[[Do], Do]) -> None:
    """Let something else be done ``instead`` of each kind of due work on objects of a kind."""
    works = tuple(replace(work, do=instead(work.do)) for work in due_work.WORK[kind])
    monkeypatch.setitem(due_work.WORK, kind, works)


def told() -> list[str]:
    """The types of all events, newest first."""
    return [event["type"] for box in listed("event") for event in reversed(box["events"])]
