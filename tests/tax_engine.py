"""A tax engine of the deployment's own: what Lambda would call, in this process.

It takes the place of the call on the wire, below the product's client, which prepares its requests
and reads its answers as ever.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from meterline.store.base import clients
from meterline.store.base.settings import settings
from meterline.store.billing.tax_engine import PATIENCE
from tests.factories.taxes import tax

type Question = Mapping[str, Any]
type Line = Mapping[str, Any]


def per_cent(percentage: int) -> Callable[[Line], list[dict[str, Any]]]:
    """An engine's rule: so much on top of each line, in whole minor units, towards zero."""

    def taxes(line: Line) -> list[dict[str, Any]]:
        amount = int(line["amount"])
        share = abs(amount) * percentage // 100
        return [tax(share if amount > 0 else -share, amount, percentage)]

    return taxes


def answer_of(question: Question, taxes: Callable[[Line], list[dict[str, Any]]]) -> dict[str, Any]:
    """A whole answer by a rule for each line."""
    return {
        "invoice": question["invoice"]["id"],
        "currency": question["invoice"]["currency"],
        "lines": [{"id": line["id"], "tax_amounts": taxes(line)} for line in question["lines"]],
    }


@dataclass
class TaxEngine:
    """An engine that answers by a rule, or fails in a way; and what it was asked."""

    taxes: Callable[[Line], list[dict[str, Any]]] = field(default_factory=lambda: per_cent(19))
    answer: Callable[[Question], Any] | None = None
    fails: str | None = None
    questions: list[Question] = field(default_factory=list)

    def keys(self) -> list[str]:
        return [question["key"] for question in self.questions]

    def reached(self, params: Mapping[str, Any], **_: Any) -> tuple[Any, Mapping[str, Any]]:
        """What comes back over the wire."""
        url = "https://lambda.us-east-1.amazonaws.com"
        if self.fails == "slow":
            raise ReadTimeoutError(endpoint_url=url)
        if self.fails == "unreachable":
            raise EndpointConnectionError(endpoint_url=url)
        if self.fails == "throttled":
            error = {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
            return SimpleNamespace(status_code=429), {"Error": error}
        question = json.loads(params["body"])
        self.questions.append(question)
        said = self.answer or (lambda asked: answer_of(asked, self.taxes))
        text = said(question)
        payload = text if isinstance(text, bytes) else json.dumps(text).encode()
        parsed: dict[str, Any] = {"StatusCode": 200, "Payload": io.BytesIO(payload)}
        if self.fails == "died":
            parsed["FunctionError"] = "Unhandled"
        return SimpleNamespace(status_code=200), parsed


@contextmanager
def deployed(fallback: str = "draft") -> Iterator[TaxEngine]:
    """A deployment with a tax engine."""
    engine = TaxEngine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METERLINE_TAX_ENGINE", "taxes")
        patch.setenv("METERLINE_TAX_ENGINE_FALLBACK", fallback)
        settings.cache_clear()
        PATIENCE.until = 0
        events = clients.tax_engine().meta.events
        events.register("before-call.lambda.Invoke", engine.reached, unique_id="tax-engine")
        try:
            yield engine
        finally:
            events.unregister("before-call.lambda.Invoke", unique_id="tax-engine")
            PATIENCE.until = 0
    settings.cache_clear()
