"""Each request about a schedule takes effect once, whoever repeats it or asks at the same time."""

from collections import Counter
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ReadTimeoutError

from meterline.api import idempotency
from tests.integration.api.conftest import Api, Reply
from tests.integration.api.test_idempotency import Died
from tests.integration.api.test_races import _posts, _statuses
from tests.integration.stories.schedules import months, phase, schedule
from tests.integration.stories.stage import Stage

PATH = "/v1/subscription_schedules"

VERBS = ("create", "from_subscription", "update", "release", "cancel")


class Asked:
    """A request, and what there is of schedules, subscriptions and invoices."""

    def __init__(self, api: Api, verb: str) -> None:
        self.stage = stage = Stage(api, "2024-01-01")
        self.path = PATH
        self.form = self._form(verb)
        stage.until("2024-01-11")

    def _form(self, verb: str) -> dict[str, Any]:
        stage = self.stage
        small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
        if verb == "create":
            plan = {"phases[0][items][0][price]": small}
            return {"customer": stage.customer, "start_date": "now", **plan}
        if verb == "from_subscription":
            return {"from_subscription": stage.subscribe(small).id}
        made = schedule(stage, phase(small, **months(2)))
        self.path = f"{PATH}/{made.id}" + ("" if verb == "update" else f"/{verb}")
        if verb != "update":
            return {}
        return {
            "phases[0][items][0][price]": large,
            "phases[0][start_date]": made.phases[0].start_date,
            "phases[0][duration][interval]": "year",
            "proration_behavior": "always_invoice",
        }

    def send(self, key: str = "once") -> Reply:
        return self.stage.api.ask("POST", self.path, self.form, idempotency_key=key)

    def there(self) -> dict[str, list[Any]]:
        """All that a request can have made or changed, without ids that are drawn."""
        v1 = self.stage.client.v1
        events = Counter(event.type for event in v1.events.list({"limit": 100}).auto_paging_iter())
        return {
            "schedules": sorted(one.status for one in v1.subscription_schedules.list({}).data),
            "subscriptions": sorted(one.status for one in v1.subscriptions.list({"status": "all"})),
            "invoices": self.stage.totals(),
            "events": sorted(events.items()),
        }


@pytest.mark.parametrize("verb", VERBS)
def test_a_request_that_was_cut_off_after_it_took_effect_is_answered_and_not_repeated(
    api: Api, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def die(*_: object) -> None:
        raise Died

    asked = Asked(api, verb)
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", die)
        with pytest.raises(Died):
            asked.send()
    there = asked.there()
    status, headers, body = asked.send()
    assert (status, headers["idempotent-replayed"]) == (200, "true")
    assert asked.send().body == body
    assert asked.there() == there


@pytest.mark.parametrize("verb", VERBS)
def test_a_commit_whose_answer_is_lost_takes_effect_once(
    api: Api, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door
    lost: list[str] = []

    def lose(client: BaseClient, operation: str, arguments: dict[str, Any]) -> object:
        answer = send(client, operation, arguments)
        if operation == "TransactWriteItems" and not lost:
            lost.append(operation)
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return answer

    asked, other = Asked(api, verb), Asked(api, verb)
    assert other.send("other")[0] == 200
    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", lose)
        asked.send()
    assert lost
    assert asked.send()[0] == 200
    assert asked.stage.totals() == other.stage.totals()
    statuses = Counter(asked.there()["schedules"])
    assert {number % 2 for number in statuses.values()} == {0}


@pytest.mark.parametrize(
    ("verb", "statuses"),
    [
        ("from_subscription", {200: 1, 400: 5}),
        ("release", {200: 1, 400: 5}),
        ("cancel", {200: 1, 400: 5}),
        ("update", {200: 6}),
    ],
)
def test_of_requests_that_come_together_each_is_decided_after_the_one_before(
    api: Api, verb: str, statuses: dict[int, int]
) -> None:
    asked = Asked(api, verb)
    answers = _posts(api, asked.path, [asked.form] * 6)
    assert _statuses(answers) == statuses
    there = asked.there()
    assert len(there["schedules"]) == 1
    prorated = [total for _, total in there["invoices"][1:]]
    assert prorated == {"update": [2100], "cancel": [-2100]}.get(verb, [])
