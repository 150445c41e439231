"""What stories of schedules are told with."""

from typing import Any

from tests.integration.stories.stage import Stage


def schedule(stage: Stage, *phases: dict[str, Any], **params: Any) -> Any:
    """A schedule of these phases, from now on."""
    given = {"customer": stage.customer, "start_date": "now", "phases": list(phases), **params}
    return stage.client.v1.subscription_schedules.create(given)


def phase(*prices: str, **params: Any) -> dict[str, Any]:
    return {"items": [{"price": price} for price in prices], **params}


def months(number: int) -> dict[str, Any]:
    return {"duration": {"interval": "month", "interval_count": number}}


def again(stage: Stage, made: Any) -> Any:
    return stage.client.v1.subscription_schedules.retrieve(made.id)


def update(stage: Stage, made: Any, *phases: dict[str, Any], **params: Any) -> Any:
    """An update that passes all phases from the current one on."""
    given = {"phases": list(phases), **params}
    return stage.client.v1.subscription_schedules.update(made.id, given)
