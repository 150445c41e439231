"""What a preview shows is what is billed in the same second."""

from collections.abc import Callable, Iterable
from typing import Any

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.life import Life
from tests.faults.lives.shop import Answer

_PREVIEW = "/v1/invoices/create_preview"


def compare_change(
    life: Life, subscription: str, params: Body, change: Callable[[], Answer]
) -> None:
    """Make a change; what it bills at once must be what its preview has shown."""
    shown = life.shop.look_up(
        _PREVIEW, subscription=subscription, subscription_details=dict(params)
    )
    for made in _made_by(life, change):
        if made["billing_reason"] == "subscription_update":
            _compare(life, shown, made)


def compare_start(life: Life, params: Body, start: Callable[[], Answer]) -> None:
    """Begin a subscription; its first invoice must be what its preview has shown."""
    details = {name: value for name, value in params.items() if name != "customer"}
    shown = life.shop.look_up(_PREVIEW, customer=params["customer"], subscription_details=details)
    made = _made_by(life, start)
    if made:
        _compare(life, shown, made[0])


def compare_end(life: Life, subscription: str, details: Body, end: Callable[[], Answer]) -> None:
    """End, pause or resume a subscription; its invoice must be what its preview has shown."""
    shown = life.shop.look_up(_PREVIEW, subscription=subscription, subscription_details=details)
    for made in _made_by(life, end):
        _compare(life, shown, made)


def _made_by(life: Life, act: Callable[[], Answer]) -> list[Body]:
    """The invoices that an act has made, if it was not refused."""
    known = {invoice["id"] for invoice in life.shop.record.latest("invoice")}
    if act().is_refusal:
        return []
    return [invoice for invoice in life.shop.record.latest("invoice") if invoice["id"] not in known]


def compare_renewal(life: Life, subscription: str, step: Callable[[Life, int], None]) -> None:
    """Let a renewal come; its draft must be what the preview has shown a second before."""
    end = _next_end(life, subscription)
    if end - 1 > life.now:
        step(life, end - 1)
    if life.now != end - 1 or _next_end(life, subscription) != end:
        return
    shown = life.shop.look_up(_PREVIEW, subscription=subscription)
    known = {invoice["id"] for invoice in life.shop.record.latest("invoice")}
    step(life, end)
    made = [versions[0] for versions in life.shop.record.of_kind("invoice")]
    made = [first for first in made if first["id"] not in known]
    own = [first for first in made if _subscription_of(first) == subscription]
    if _take_credits(first for first in made if first not in own):
        return  # of credits that several invoices of a second want, each preview shows all
    for first in own:
        if first["billing_reason"] == "subscription_cycle":
            _compare(life, shown, first)


def _take_credits(invoices: Iterable[Body]) -> bool:
    taken = (part for invoice in invoices for part in invoice["total_pretax_credit_amounts"])
    return any(part["type"] == "credit_balance_transaction" for part in taken)


def _next_end(life: Life, subscription: str) -> int:
    body = life.shop.record.versions[subscription][-1]
    return min(int(item["current_period_end"]) for item in body["items"]["data"])


def _subscription_of(invoice: Body) -> str | None:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return details.get("subscription")


def _compare(life: Life, shown: Answer, billed: Body) -> None:
    if shown.is_refusal:
        text = f"refused: {shown.body['error']['message']}; billed: {_figures(billed)}"
        raise BrokenRuleError("a preview is the bill", life.shop.say(text))
    if _figures(shown.body) != _figures(billed):
        text = f"\n  shown  {_figures(shown.body)}\n  billed {_figures(billed)}"
        raise BrokenRuleError("a preview is the bill", life.shop.say(text))


def _figures(invoice: Body) -> dict[str, Any]:
    return {
        "total": invoice["total"],
        "subtotal": invoice["subtotal"],
        "total_excluding_tax": invoice["total_excluding_tax"],
        "lines": sorted(
            (
                line["amount"],
                str(line["description"]),
                line["period"]["start"],
                line["period"]["end"],
                sum(part["amount"] for part in line["discount_amounts"]),
                sum(part["amount"] for part in line["pretax_credit_amounts"]),
                [tax["amount"] for tax in line["taxes"]],
            )
            for line in invoice["lines"]["data"]
        ),
    }
