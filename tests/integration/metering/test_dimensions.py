"""Meters with dimensions: what is accepted, and that each cell is counted by itself, once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from meterline.core.metering.dimensions import MOST_CELLS
from meterline.services.metering import accept, cancel_events, usage_query
from meterline.store.metering import cells
from tests.engines import Engine
from tests.integration.metering.wire import Api, api
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    FakeDirectory,
    all_differences,
    deliver,
    event,
    meter_body,
    sender,
    used,
)
from tests.rights import keeping_to_its_rights

__all__ = ["api"]

METER = meter_body(dimension_payload_keys=["model", "token_type"])
_DAY = 86_400


def directory() -> FakeDirectory:
    return FakeDirectory([METER])


def of(identifier: str, value: int, model: str, token_type: str, **more: Any) -> dict[str, Any]:
    """An event of a cell."""
    made = event(identifier, value, **more)
    made["payload"] |= {"model": model, "token_type": token_type}
    return made


def send(*events: dict[str, Any], key: str = "request-1") -> list[accept.Outcome]:
    by = sender(key, directory=directory())
    return accept.ingest_stream(by, {"events": list(events)})


def part(start: int = 0, end: int = NOW + _DAY, **conditions: str) -> Decimal:
    """The usage of what meets the conditions."""
    wanted = {key: [value] for key, value in conditions.items()}
    found = usage_query.billed_usage(METER, "cus_a", start, end, wanted, livemode=False)
    return found.quantity


def test_usage_is_counted_by_cell_and_adds_up(dynamodb: Engine) -> None:
    send(
        of("e1", 1, "large", "input"),
        of("e2", 20, "large", "output"),
        of("e3", 300, "small", "input", at=NOW - 7_200),
        of("e4", 4_000, "large", "input", customer="cus_b"),
    )
    deliver(dynamodb)
    deliver(dynamodb)
    assert used(meter=METER) == 321
    assert part(model="large") == 21
    assert part(token_type="input") == 301
    assert part(model="large", token_type="input") == 1
    assert part(model="small", token_type="output") == 0
    assert part(NOW - 7_200, NOW - 7_000) == 300
    assert all_differences() == []


def test_ingestion_has_the_rights_that_cells_take(dynamodb: Engine) -> None:
    with keeping_to_its_rights("IngestMeterEventsFunction", dynamodb):
        [first] = send(of("e1", 1, "large", "input"))
        [known] = send(of("e2", 1, "large", "input"), key="request-2")
    assert (first.status, known.status) == ("accepted", "accepted")


def test_a_cancelled_event_leaves_its_cell(dynamodb: Engine) -> None:
    send(of("e1", 1, "large", "input"), of("e2", 20, "large", "output"))
    deliver(dynamodb)
    cancel_events.create_meter_event_adjustment(
        sender(directory=directory()),
        {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e2"}},
    )
    deliver(dynamodb)
    found = part(), part(token_type="input"), part(token_type="output")
    assert [*map(int, found)] == [1, 1, 0]
    assert all_differences() == []


@pytest.mark.parametrize(
    ("payload", "code", "param"),
    [
        ({"model": "large"}, "missing_dimension_payload_keys", "payload[token_type]"),
        ({"model": "", "token_type": "x"}, "missing_dimension_payload_keys", "payload[model]"),
        ({}, "missing_dimension_payload_keys", "payload[model]"),
        ({"model": "m" * 101, "token_type": "x"}, "meter_event_invalid_value", "payload[model]"),
    ],
)
def test_each_dimension_must_be_in_the_payload(
    dynamodb: Engine, payload: dict[str, str], code: str, param: str
) -> None:
    made = event("e1")
    made["payload"] |= payload
    [outcome] = send(made)
    assert outcome.refusal is not None
    assert (str(outcome.refusal.reason), outcome.refusal.param) == (code, param)
    assert dynamodb.scan("meter_events") == []


def _at_the_bound() -> None:
    for start in range(0, MOST_CELLS, 50):
        events = [of(f"c{n}", 1, f"model-{n}", "input") for n in range(start, start + 50)]
        assert all(one.status == "accepted" for one in send(*events, key=f"fill-{start}"))


def test_a_customer_has_at_most_a_hundred_cells_in_a_month(dynamodb: Engine) -> None:
    _at_the_bound()
    known, new, of_another = send(
        of("known", 1, "model-7", "input"),
        of("new", 1, "model-new", "input"),
        of("other", 1, "model-new", "input", customer="cus_b"),
        key="beyond",
    )
    assert (known.status, of_another.status) == ("accepted", "accepted")
    assert new.refusal is not None
    assert str(new.refusal.reason) == "meter_event_dimension_count_too_high"
    assert "at most 100 combinations" in new.refusal.message
    deliver(dynamodb)
    assert used(meter=METER) == MOST_CELLS + 1


def test_another_month_has_room_again(dynamodb: Engine) -> None:  # noqa: ARG001 - stores
    _at_the_bound()
    before = NOW - 32 * _DAY
    [outcome] = send(of("old", 1, "model-new", "input", at=before), key="before")
    assert outcome.status == "accepted"


def test_a_request_that_comes_again_when_there_is_no_room_left_is_answered_as_before(
    dynamodb: Engine,  # noqa: ARG001 - stores
) -> None:
    first = send(of("e1", 1, "large", "input"), key="again")
    for start in range(0, MOST_CELLS + 50, 50):
        send(*[of(f"c{n}", 1, f"m{n}", "x") for n in range(start, start + 50)], key=f"f{start}")
    assert send(of("e1", 1, "large", "input"), key="again")[0].event == first[0].event


def test_cells_that_others_admit_at_once_are_kept(
    dynamodb: Engine,  # noqa: ARG001 - stores
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save, others = cells._save, [of("other", 1, "small", "input")]  # noqa: SLF001 - who is first

    def late(*change: Any) -> bool:
        if others:
            send(others.pop(), key="other")
        return save(*change)

    monkeypatch.setattr(cells, "_save", late)
    send(of("mine", 1, "large", "input"), key="mine")
    found = cells.cells_between(False, METER["id"], "cus_a", HOUR_START, NOW + 1)  # noqa: FBT003
    assert sorted(found.values()) == [("large", "input"), ("small", "input")]


TOKENS = {
    "display_name": "Tokens",
    "event_name": "token-billing-tokens",
    "default_aggregation[formula]": "sum",
    "dimension_payload_keys[0]": "model",
    "dimension_payload_keys[1]": "token_type",
}


def test_the_payload_of_token_metering_is_taken_as_it_comes(
    api: Api, dynamodb: Engine, create: Callable[[dict[str, str]], tuple[int, dict[str, Any]]]
) -> None:
    status, meter = create(TOKENS)
    assert (status, meter["dimension_payload_keys"]) == (200, ["model", "token_type"])
    for token_type, value in (("input", "120"), ("output", "30")):
        fields = {
            "event_name": "token-billing-tokens",
            "payload[stripe_customer_id]": "cus_a",
            "payload[value]": value,
            "payload[model]": "openai/large-1",
            "payload[token_type]": token_type,
        }
        assert api.post("/v1/billing/meter_events", urlencode(fields))[0] == 200
    missing = {name: text for name, text in fields.items() if "model" not in name}
    status, answer = api.post("/v1/billing/meter_events", urlencode(missing))
    error = answer["error"]
    assert (status, error["code"], error["param"], error["type"]) == (
        400,
        "missing_dimension_payload_keys",
        "payload[model]",
        "invalid_request_error",
    )
    assert error["message"] == "Dimension payload keys not found in payload: model."
    deliver(dynamodb)
    assert used(end=NOW + 3 * _DAY, meter=meter) == 150


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"dimension_payload_keys[1]": "model"}, "dimension_payload_keys[1]"),
        ({"dimension_payload_keys[1]": "value"}, "dimension_payload_keys[1]"),
        ({"dimension_payload_keys[0]": "stripe_customer_id"}, "dimension_payload_keys[0]"),
        ({f"dimension_payload_keys[{n}]": f"k{n}" for n in range(6)}, "dimension_payload_keys"),
    ],
)
def test_a_meters_dimensions_are_few_and_other_keys_than_its_own(
    api: Api,  # noqa: ARG001 - the key
    create: Callable[[dict[str, str]], tuple[int, dict[str, Any]]],
    changes: dict[str, str],
    param: str,
) -> None:
    status, answer = create(TOKENS | changes)
    assert (status, answer["error"]["param"]) == (400, param)


def test_a_meters_dimensions_never_change(
    api: Api,  # noqa: ARG001 - the key
    create: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    _, meter = create(TOKENS)
    status, answer = create({"dimension_payload_keys[0]": "region"}, f"/{meter['id']}")
    assert (status, answer["error"]["code"]) == (400, "parameter_unknown")


@pytest.fixture
def create(api: Api) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Creates a meter, or changes one, by its path."""
    return lambda fields, path="": api.catalog_post(f"/v1/billing/meters{path}", urlencode(fields))
