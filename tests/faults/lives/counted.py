"""Every event that is counted is billed exactly once over the life of its subscriptions.

A second reckoning of the time that each metered item has to bill: from what was asked and what
became of the subscription, not from what its items remember. Every second of that time stands on
one line or usage item, and what is not billed by right (a change of classic mode or without
proration, an end that bills nothing) on one at most.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.life import Life
from tests.faults.lives.lines import whole_lines
from tests.faults.lives.shop import Cause, stamp
from tests.faults.lives.usage import used

type Span = tuple[int, int]
type Key = tuple[str, str]
"""An item and a meter."""
type Second = tuple[str, str, int]
"""A customer, a meter, and a second."""

_COUNTING = ("active", "past_due", "unpaid", "incomplete")


@dataclass(slots=True)
class Time:
    """The time of a metered item on one meter: since when it counts now, and what it has to bill.

    ``owed`` is time before a trial, which is billed when that is over.
    """

    customer: str
    meter: str
    since: int | None = None
    owed: Span | None = None
    due: list[Span] = field(default_factory=list)
    optional: list[Span] = field(default_factory=list)

    def stop(self, end: int, *, is_due: bool) -> None:
        """Close what was counted so far."""
        if self.since is not None and self.since < end:
            (self.due if is_due else self.optional).append((self.since, end))
        self.since = None

    def go_on(self, at: int, *, is_due: bool = True) -> None:
        """Close what was counted so far, and count on."""
        self.stop(at, is_due=is_due)
        self.since = at

    def settle_owed(self, *, is_due: bool) -> None:
        """Close the time before a trial."""
        if self.owed is not None:
            (self.due if is_due else self.optional).append(self.owed)
        self.owed = None


@dataclass(slots=True)
class Reckoning:
    """The times of all metered items of a life, by item and meter."""

    life: Life
    times: dict[Key, Time] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    began: dict[Second, set[Key]] = field(default_factory=lambda: defaultdict(set))
    stopped: dict[Second, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """The items that began, or stopped, to count in a second."""

    def look(self) -> None:
        """Reckon on with what has come since the last look, and check all that is to be billed."""
        record = self.life.shop.record
        for one, kind in list(record.kinds.items()):
            if kind == "subscription":
                versions, causes = record.versions[one], record.causes[one]
                first = self.seen[one]
                self.seen[one] = len(versions)
                for place in range(first, len(versions)):
                    before = versions[place - 1] if place else None
                    self._follow(before, versions[place], causes[place])
        billed = _billed_spans(self.life)
        for key, time in self.times.items():
            self._check(key, time, sorted(billed.get(key, ())), billed)
        for second, stopped in self.stopped.items():
            began = self.began.get(second, set())
            both = [_uncovered_second(second, one, billed) for one in (stopped - began)]
            if not all(both) and not all(
                _uncovered_second(second, one, billed) for one in (began - stopped)
            ):
                names = ", ".join(one for one, _ in sorted(stopped | began))
                text = f"{names}: {stamp(second[2])} by one that stops and one that begins"
                raise BrokenRuleError("every second is billed once", self.life.shop.say(text))

    # -------------------------------------------------------------- what has to be billed
    def _follow(self, before: Body | None, after: Body, cause: Cause | None) -> None:
        change = _Change(before, after, cause, cause.now if cause else self.life.now)
        old_items = {} if before is None else {item["id"]: item for item in before["items"]["data"]}
        new_items = {item["id"]: item for item in after["items"]["data"]}
        for item_id in dict.fromkeys([*old_items, *new_items]):
            old, new = old_items.get(item_id), new_items.get(item_id)
            meters = dict.fromkeys(filter(None, (_meter(old), _meter(new))))
            for meter in meters:
                key = item_id, meter
                time = self.times.setdefault(key, Time(after["customer"], meter))
                counted = time.since is not None
                change.apply(
                    time,
                    old if _meter(old) == meter else None,
                    new if _meter(new) == meter else None,
                )
                if counted and time.since is None:
                    self.stopped[time.customer, meter, change.now].add(key)
                elif not counted and time.since is not None:
                    self.began[time.customer, meter, time.since].add(key)

    # -------------------------------------------------------------- what was billed
    def _check(
        self,
        key: Key,
        time: Time,
        spans: list[Span],
        billed: dict[Key, list[Span]],
    ) -> None:
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                raise self._fault(key, f"{stamp(start)} before {stamp(end)} twice")
        for wanted in time.due:
            for missing in _uncovered(wanted, spans):
                if not self._is_handed_over(key, time, missing, billed):
                    raise self._fault(key, f"{_said(missing)} not at all")
        expected = sorted([*time.due, *time.optional])
        if time.since is not None:
            expected.append((time.since, self.life.now + 1))
        for span in spans:
            for more in _uncovered(span, expected):
                raise self._fault(key, f"{_said(more)} though it is free")

    def _is_handed_over(
        self,
        key: Key,
        time: Time,
        missing: Span,
        billed: dict[Key, list[Span]],
    ) -> bool:
        """Whether it is one second, which an item has that stopped or began to count in it."""
        if missing[1] - missing[0] != 1:
            return False
        second = time.customer, time.meter, missing[0]
        for one in (self.began.get(second, set()) | self.stopped.get(second, set())) - {key}:
            since = self.times[one].since
            counted = [] if since is None else [(since, self.life.now + 1)]
            its = [*billed.get(one, ()), *counted, *self.times[one].optional]
            if not list(_uncovered(missing, sorted(its))):
                return True
        return False

    def _fault(self, key: Key, text: str) -> BrokenRuleError:
        return BrokenRuleError(
            "every second is billed once", self.life.shop.say(f"{key[0]} on {key[1]}: {text}")
        )


@dataclass(slots=True)
class _Change:
    """A change of a subscription, and what it means for the time of its items."""

    before: Body | None
    after: Body
    cause: Cause | None
    now: int

    def apply(self, time: Time, old: Body | None, new: Body | None) -> None:
        """Reckon with the change of one item; it is None where it has not the meter."""
        counted = _counts(self.before, old)
        counts = _counts(self.after, new)
        if self.before is None:
            if new is not None:
                self._create(time, new)
        elif counted and counts and old and new:
            self._go_on(time, old, new)
        elif counted:
            end, is_due = self._end_of_usage(goes=new is None)
            time.stop(end, is_due=is_due)
        elif counts and new:
            time.settle_owed(is_due=old is not None)
            time.since = self._start(new, added=old is None)
        elif old is not None:
            self._end_free_time(time, goes=new is None)

    # -------------------------------------------------------------- cases
    def _create(self, time: Time, item: Body) -> None:
        params = self.cause.params if self.cause else {}
        past = int(params.get("backdate_start_date", self.now))
        bills_past = self._classic or params.get("proration_behavior") != "none"
        if self.after["status"] in _COUNTING:
            time.since = past if bills_past else int(item["current_period_start"])
        elif past < self.now and bills_past:
            time.owed = past, self.now
            time.settle_owed(is_due=True) if not self._classic else None

    def _go_on(self, time: Time, old: Body, new: Body) -> None:
        if self.cause is None or self._is_restart:
            if _start_of(old) != _start_of(new):
                time.go_on(_start_of(new))
        elif old["price"]["id"] != new["price"]["id"]:
            time.go_on(max(self._at, time.since or 0), is_due=self._bills_cuts)

    def _end_of_usage(self, *, goes: bool) -> tuple[int, bool]:
        """Up to when the usage of an item is billed that stops counting, and whether it is."""
        before, after = self.before or {}, self.after
        if self.cause is None or after["status"] == "incomplete_expired":
            planned = before["cancel_at"] is not None and before["cancel_at"] == after["ended_at"]
            given_up = after["cancellation_details"]["reason"] == "payment_failed"
            is_due = planned and not given_up and after["status"] == "canceled"
            return (int(after["ended_at"]), True) if is_due else (self.now + 1, False)
        if goes and after["status"] in _COUNTING and not self._is_restart:
            return self._at + (self._at == self.now), self._bills_cuts
        return self.now + 1, self._is_billed_by(self.cause)

    def _is_billed_by(self, cause: Cause) -> bool:
        """Whether a request that ends or interrupts a subscription bills its usage."""
        if cause.method == "DELETE":
            return bool(cause.params.get("prorate") or cause.params.get("invoice_now"))
        if cause.path.endswith("/pause"):
            through = (cause.params.get("bill_for") or {}).get("outstanding_usage_through") or {}
            return bool(through.get("type", "now") == "now")
        return self._is_restart or self.after["status"] == "trialing"

    def _start(self, item: Body, *, added: bool) -> int:
        if self.cause is None:
            return _start_of(item)
        was_free = (self.before or {})["status"] not in _COUNTING
        if (added and not was_free) or self.cause.path.endswith("/resume"):
            return self._at
        return self.now

    def _end_free_time(self, time: Time, *, goes: bool) -> None:
        was, now = (self.before or {})["status"], self.after["status"]
        if goes:
            time.settle_owed(is_due=False)
        elif was == "trialing" and now != "trialing":
            cause = self.cause
            ends = cause is not None and cause.method == "DELETE"
            time.settle_owed(is_due=not ends or (cause is not None and self._is_billed_by(cause)))

    # -------------------------------------------------------------- terms of the change
    @property
    def _classic(self) -> bool:
        return bool(self.after["billing_mode"]["type"] == "classic")

    @property
    def _at(self) -> int:
        return int(self.cause.params.get("proration_date", self.now)) if self.cause else self.now

    @property
    def _bills_cuts(self) -> bool:
        params = self.cause.params if self.cause else {}
        return not self._classic and params.get("proration_behavior") != "none"

    @property
    def _is_restart(self) -> bool:
        """Whether a request began a new cycle of all items: in the second of another, if it says
        so.
        """
        params = self.cause.params if self.cause else {}
        return self._begins_now(self.after) and (
            not self._begins_now(self.before or {})
            or bool({"billing_cycle_anchor", "trial_end"} & params.keys())
            or _intervals(self.before or {}) != _intervals(self.after)
        )

    def _begins_now(self, subscription: Body) -> bool:
        starts = {_start_of(item) for item in subscription["items"]["data"]}
        return starts == {self.now} and subscription["billing_cycle_anchor"] == self.now


def _intervals(subscription: Body) -> set[tuple[str, int]]:
    """The intervals of classic mode, which restarts the cycle when they change."""
    if subscription["billing_mode"]["type"] == "flexible":
        return set()
    recurring = [item["price"]["recurring"] for item in subscription["items"]["data"]]
    return {(terms["interval"], terms["interval_count"]) for terms in recurring}


def _billed_spans(life: Life) -> dict[Key, list[Span]]:
    """The spans of usage that lines and usage items bill, by item and meter, whatever became of
    them.
    """
    record = life.shop.record
    spans: dict[Key, list[Span]] = defaultdict(list)
    for versions in list(record.of_kind("invoiceitem")):
        item = versions[-1]
        about = (item["parent"] or {}).get("subscription_details") or {}
        if (item["_"] or {}).get("meter") and about:
            key = about["subscription_item"], item["_"]["meter"]
            spans[key].append((item["period"]["start"], item["period"]["end"]))
    for versions in list(record.of_kind("invoice")):
        for line in whole_lines(versions[-1]["lines"]["data"]):
            about = line["parent"]["subscription_item_details"] or {}
            if line["_"]["meter"] and not about.get("invoice_item") and about:
                key = about["subscription_item"], line["_"]["meter"]
                spans[key].append((line["period"]["start"], line["period"]["end"]))
    return {key: [one for one in its if one[0] < one[1]] for key, its in spans.items()}


def check_corrections(life: Life, new: Iterable[Body]) -> None:
    """With a renewal, each line of its subscription that was final has all usage: by itself, and by
    what corrected it.
    """
    for renewal in new if life.bills_late else ():
        if renewal["billing_reason"] != "subscription_cycle":
            continue
        subscription = (renewal["parent"]["subscription_details"] or {})["subscription"]
        for invoice, line in _final_lines(life, subscription, renewal):
            corrected = sum(_corrections(life, line["id"]), Decimal(0))
            billed = Decimal(line["quantity_decimal"]) + corrected
            span = line["period"]["start"], line["period"]["end"]
            wanted, name = used(life, invoice["customer"], line["_"]["meter"], span)
            if billed != wanted:
                text = f"{invoice['id']} and corrections bill {billed} of {wanted} {name}"
                raise BrokenRuleError("late usage is billed once", life.shop.say(text))


def _final_lines(life: Life, subscription: str, renewal: Body) -> Iterator[tuple[Body, Body]]:
    for invoice in life.invoices("open", "paid", "uncollectible"):
        final_at = invoice["status_transitions"]["finalized_at"]
        if invoice["id"] == renewal["id"] or final_at >= renewal["created"]:
            continue
        for line in whole_lines(invoice["lines"]["data"]):
            if line["_"]["meter"] and line["subscription"] == subscription:
                yield invoice, line


def _corrections(life: Life, line_id: str) -> Iterator[Decimal]:
    for versions in list(life.shop.record.of_kind("invoice")):
        for line in versions[-1]["lines"]["data"]:
            if line["_"].get("corrects") == line_id:
                yield Decimal(line["quantity_decimal"])


def _uncovered_second(second: Second, key: Key, billed: dict[Key, list[Span]]) -> bool:
    at = second[2]
    return bool(list(_uncovered((at, at + 1), sorted(billed.get(key, ())))))


def _uncovered(span: Span, spans: list[Span]) -> Iterator[Span]:
    """The parts of a span that none of others, sorted by their start, covers."""
    start, end = span
    for one, other in spans:
        if other <= start:
            continue
        if one >= end:
            break
        if one > start:
            yield start, one
        start = max(start, other)
    if start < end:
        yield start, end


def _start_of(item: Body) -> int:
    return int(item["current_period_start"])


def _counts(subscription: Body | None, item: Body | None) -> bool:
    return subscription is not None and item is not None and subscription["status"] in _COUNTING


def _meter(item: Body | None) -> str | None:
    meter: str | None = item["price"]["recurring"]["meter"] if item is not None else None
    return meter


def _said(span: Span) -> str:
    return f"{stamp(span[0])} to {stamp(span[1])}"
