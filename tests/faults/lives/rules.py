"""The rules that hold in every life, judged from what was written: versions, in their order."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.access import check_access
from tests.faults.lives.counted import Reckoning, check_corrections
from tests.faults.lives.life import Life
from tests.faults.lives.lines import whole_lines
from tests.faults.lives.money import (
    check_balances,
    check_credits,
    check_invoice,
    check_time_given_back,
)
from tests.faults.lives.offered import Offered
from tests.faults.lives.shop import stamp
from tests.faults.lives.usage import check_lines, check_once, check_thresholds

_ENDED = ("canceled", "incomplete_expired")
_BILLED = ("active", "past_due", "unpaid")
_SPARE_WRITES = 3
"""Of a subscription in one step: the notice of its trial's end, the end of a pause, its own end."""

_WRITES_OF_A_BILL = 8
"""Drafted, final, looked at again, late, given up, and stopped or settled by what ends."""


@dataclass(slots=True)
class Rules:
    """What was known of a life at the last look."""

    life: Life
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    numbers: dict[str, str] = field(default_factory=dict)
    now: int = 0
    reckoning: Reckoning = field(init=False)
    offers: Offered = field(init=False)

    def __post_init__(self) -> None:
        self.reckoning = Reckoning(self.life)
        self.offers = Offered(self.life)

    def look(self) -> None:
        """Judge what has come since the last look: by requests, or by time alone."""
        record, is_time = self.life.shop.record, self.now not in (0, self.life.now)
        self.now = self.life.now
        fresh = {
            one: versions[max(self.seen[one] - 1, 0) :]
            for one, versions in record.versions.items()
            if len(versions) > self.seen[one]
        }
        before = dict(self.seen)
        for one, versions in record.versions.items():
            self.seen[one] = len(versions)
        by_kind: dict[str, dict[str, list[Body]]] = defaultdict(dict)
        for one, versions in fresh.items():
            by_kind[record.kinds[one]][one] = versions
        invoices = by_kind["invoice"]
        for versions in invoices.values():
            for body in versions:
                check_invoice(self.life, body)
        self._check_numbers(invoices)
        finals = list(_made_final(invoices, before))
        check_lines(self.life, finals)
        check_thresholds(self.life, finals)
        check_once(self.life)
        check_balances(self.life)
        check_credits(self.life)
        check_time_given_back(self.life)
        check_access(self.life)
        self._check_nothing_due(is_time=is_time)
        new = [one[0] for key, one in invoices.items() if not before.get(key)]
        check_corrections(self.life, new)
        self.offers.look(invoices, new)
        if not self._is_scheduled():
            self.reckoning.look()
        for versions in by_kind["subscription"].values():
            self._check_end(versions)
            if is_time and not versions[-1]["schedule"] and not versions[0]["schedule"]:
                changes = [
                    v for v in invoices.values() if subscription_of(v[0]) == versions[0]["id"]
                ]
                self._check_writes(versions, changes)
                self._check_periods(versions, new)
        for versions in invoices.values() if is_time else ():
            self._check_writes_of_a_bill(versions)

    def _is_scheduled(self) -> bool:
        """Whether time alone may have changed what a subscription sells."""
        return "subscription_schedule" in self.life.shop.record.kinds.values()

    # -------------------------------------------------------------- due work and ends
    def _check_nothing_due(self, *, is_time: bool) -> None:
        record, now = self.life.shop.record, self.life.now
        clock = record.versions[self.life.clock][-1]
        if clock["status"] != "ready":
            raise self._fault("every clock becomes ready", clock["status"])
        for body in self.life.subscriptions():
            ends = [item["current_period_end"] for item in body["items"]["data"]]
            if body["cancel_at"] is not None and body["cancel_at"] < now + is_time:
                raise self._fault(
                    "what has an end ends", f"{body['id']} {stamp(body['cancel_at'])}"
                )
            if body["status"] in _BILLED and min(ends) <= now:
                raise self._fault("a period that is over is rolled", body["id"])
        for body in self.life.invoices("draft") if is_time else ():
            at = body["automatically_finalizes_at"]
            if body["auto_advance"] and at is not None and at <= now and body["lines"]["data"]:
                raise self._fault("a draft is final in time", body["id"])

    def _check_end(self, versions: list[Body]) -> None:
        """An end comes in its second, and no period of an item runs beyond it."""
        for before, after in pairwise([versions[0], *versions]):
            end = after["cancel_at"]
            for item in _cut_items(before, after) if end is not None else ():
                if item["current_period_end"] > end:
                    text = f"{after['id']} {item['id']}: {span(period(item))} beyond {stamp(end)}"
                    raise self._fault("a period is cut by the end", text)
            if before["status"] in _ENDED or after["status"] not in _ENDED:
                continue
            if end is not None and after["ended_at"] > end:
                raise self._fault("what has an end ends in its second", after["id"])

    def _check_writes(self, versions: list[Body], invoices: list[list[Body]]) -> None:
        """A subscription is written for the instants that fall due, and for what its bills say."""
        rolls = {
            (item["id"], item["current_period_start"])
            for body in versions
            for item in body["items"]["data"]
        }
        pending = {body["next_pending_invoice_item_invoice"] for body in versions}
        first = len(versions[0]["items"]["data"])
        explained = len(rolls) - first + len(pending) + _SPARE_WRITES
        explained += 3 * len(invoices)
        if len(versions) - 1 > explained:
            text = f"{versions[0]['id']}: {len(versions) - 1} writes, {explained} explained"
            raise self._fault("nothing is written without need", text)
        for one, other in pairwise(versions):
            if one == other:
                raise self._fault("nothing is written as it was", one["id"])

    def _check_writes_of_a_bill(self, versions: list[Body]) -> None:
        if len(versions) > _WRITES_OF_A_BILL:
            raise self._fault("nothing is written without need", versions[-1]["id"])

    # -------------------------------------------------------------- periods
    def _check_periods(self, versions: list[Body], new: list[Body]) -> None:
        """Periods follow without gap or overlap, and each is billed once."""
        subscription = versions[0]["id"]
        lines = [
            (line, invoice)
            for invoice in new
            if subscription_of(invoice) == subscription
            and invoice["billing_reason"] == "subscription_cycle"
            for line in whole_lines(invoice["lines"]["data"])
        ]
        for before, after in pairwise(versions):
            former = {item["id"]: item for item in before["items"]["data"]}
            for item in after["items"]["data"]:
                old = former[item["id"]]
                if period(item) != period(old):
                    self._check_roll(before, after, old, item, lines)

    def _check_roll(
        self, before: Body, after: Body, old: Body, new: Body, lines: list[tuple[Body, Body]]
    ) -> None:
        name = f"{before['id']} {new['id']} from {span(period(old))} to {span(period(new))}"
        if period(new)[0] != period(old)[1] and not self._is_reset(before, after):
            raise self._fault("periods follow each other", name)
        if self._is_reset(before, after):
            return
        is_metered = new["price"]["recurring"]["usage_type"] == "metered"
        wanted = period(old) if is_metered else period(new)
        if is_metered and before["status"] == "trialing":
            return
        if is_metered:
            wanted = ((old.get("_") or {}).get("usage_from", wanted[0]), wanted[1])
        billed = [
            line
            for line, _ in lines
            if item_of(line) == new["id"]
            and (line["period"]["start"], line["period"]["end"]) == wanted
            and bool(line["_"]["meter"]) is is_metered
            and "corrects" not in line["_"]
        ]
        if len(billed) != 1:
            times = f"billed {len(billed)} times for {span(wanted)}"
            raise self._fault("each period is billed once", f"{name}: {times}")

    def _is_reset(self, before: Body, after: Body) -> bool:
        """Whether a threshold began a new cycle."""
        return bool(before["billing_cycle_anchor"] != after["billing_cycle_anchor"])

    # -------------------------------------------------------------- numbers
    def _check_numbers(self, invoices: dict[str, list[Body]]) -> None:
        for invoice, versions in invoices.items():
            for body in versions:
                if body["number"] is None or body["status"] == "draft":
                    continue
                holder = self.numbers.setdefault(body["number"], invoice)
                if holder != invoice:
                    raise self._fault("a number is used once", f"{holder} and {invoice}")
            if len({body["number"] for body in versions if body["status"] != "draft"}) > 1:
                raise self._fault("a number stays", invoice)

    def _fault(self, rule: str, text: str) -> BrokenRuleError:
        return BrokenRuleError(rule, self.life.shop.say(text))


def _cut_items(before: Body, after: Body) -> list[Body]:
    """The items whose periods must be cut by the end.

    ``cancel_at_period_end`` credits nothing: it leaves longer periods that run already as they are.
    """
    if after["status"] in _ENDED:
        return []
    running = {item["id"]: period(item) for item in before["items"]["data"]}
    stays = after["cancel_at_period_end"]
    return [
        item
        for item in after["items"]["data"]
        if not (stays and running.get(item["id"]) == period(item))
    ]


def _made_final(invoices: dict[str, list[Body]], before: dict[str, int]) -> Iterator[Body]:
    """The invoices that have become final since the last look, as they were then."""
    for invoice, versions in invoices.items():
        known = versions if before.get(invoice) else [None, *versions]
        for former, body in pairwise(known):
            was_draft = former is None or former["status"] == "draft"
            if body is not None and body["status"] != "draft" and was_draft:
                yield body


def subscription_of(invoice: Body) -> str | None:
    """The subscription that an invoice belongs to."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return details.get("subscription")


def item_of(line: Body) -> str | None:
    """The subscription item that a line bills, if it does so in its own name."""
    details = line["parent"]["subscription_item_details"] or {}
    return None if details.get("invoice_item") else details.get("subscription_item")


def period(item: Body) -> tuple[int, int]:
    """The current period of an item."""
    return int(item["current_period_start"]), int(item["current_period_end"])


def span(bounds: tuple[int, int]) -> str:
    """A period as people write it."""
    return f"{stamp(bounds[0])} to {stamp(bounds[1])}"
