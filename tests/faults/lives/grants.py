"""A ledger of credits beside the product's: what each grant must have left and pay for.

Grants of money and in units of a meter, both as fractions of what they are counted in.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.life import Life

_ENTRY = "billing.credit_balance_transaction"
_GRANT = "billing.credit_grant"


type _Part = tuple[str, int, Fraction]
"""A grant, what it pays of a line, and what that takes of it."""


@dataclass(slots=True)
class Ledger:
    """What is left of each grant, from what was asked and what invoices became final."""

    life: Life
    left: dict[str, Fraction] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    seen: int = 0

    def look(self) -> None:
        """Go on with what was written since the last look, in its order; check the sums."""
        record = self.life.shop.record
        fresh = record.order[self.seen :]
        self.seen = len(record.order)
        for one, place in fresh:
            body, kind = record.versions[one][place], record.kinds[one]
            before = record.versions[one][place - 1] if place else None
            if kind == _GRANT:
                self._granted(before, body)
            elif kind == _ENTRY:
                self._entered(body)
            elif kind == "invoice" and self.left:
                self._billed(before, body)
        if fresh and self.left:
            self._check()

    def _granted(self, before: Body | None, grant: Body) -> None:
        if before is None:
            self.left[grant["id"]] = _counted(grant["amount"])
        elif grant["voided_at"] and not before["voided_at"]:
            self.left[grant["id"]] = Fraction(0)
            self.ended.add(grant["id"])

    def _billed(self, before: Body | None, invoice: Body) -> None:
        """What an invoice takes when it becomes final, and gives back when it is void."""
        was = "draft" if before is None else before["status"]
        if was == "draft" and invoice["status"] in ("open", "paid"):
            wanted = self._wanted(invoice)
            found = [self._taken(line) for line in invoice["lines"]["data"]]
            if found != wanted:
                raise self._fault(
                    "credits pay in their order", f"{invoice['id']}: {found}, not {wanted}"
                )
            for grant, _, taken in (part for parts in found for part in parts):
                self.left[grant] -= taken
        elif invoice["status"] == "void" and was != "void":
            for line in invoice["lines"]["data"]:
                for grant, _, taken in self._taken(line):
                    self.left[grant] += taken

    def _entered(self, entry: Body) -> None:
        """What is booked as expired or void is gone from then on."""
        debit = entry["debit"]
        if debit and debit["type"] in ("credits_expired", "credits_voided"):
            self.ended.add(entry["credit_grant"])

    def _wanted(self, invoice: Body) -> list[list[_Part]]:
        lines = invoice["lines"]["data"]
        meters = self.life.catalogue.meters
        metered = {tag.id: meters[tag.meter] for tag in self.life.catalogue.tags if tag.meter}
        offs = [sum(part["amount"] for part in line["discount_amounts"]) for line in lines]
        bounds = sum(line["amount"] for line in lines) - sum(offs)
        left = dict(self.left)
        wanted: list[list[_Part]] = []
        for line, off in zip(lines, offs, strict=True):
            details = (line["pricing"] or {}).get("price_details") or {}
            parts: list[_Part] = []
            billed = _Billed.of(line, off, bounds)
            meter = metered.get(details.get("price") or "")
            for grant in self._order(invoice) if meter and billed.most > 0 else ():
                unit = (grant["amount"].get("custom_pricing_unit") or {}).get("id")
                if unit not in (None, meter):
                    continue
                paid, taken = (billed.by_units if unit else billed.by_money)(left[grant["id"]])
                if taken > 0:
                    parts.append((grant["id"], paid, taken))
                    left[grant["id"]] -= taken
            bounds -= billed.paid
            wanted.append(parts)
        return wanted

    def _order(self, invoice: Body) -> list[Body]:
        """The grants that may pay for an invoice, in their order."""
        grants = [
            grant
            for grant in self.life.shop.record.latest(_GRANT)
            if grant["customer"] == invoice["customer"]
            and (grant["amount"]["monetary"] or invoice)["currency"] == invoice["currency"]
            and self.left.get(grant["id"], 0) > 0
            and grant["id"] not in self.ended
            and grant["effective_at"] <= invoice["period_end"]
            and (grant["expires_at"] is None or invoice["period_end"] < grant["expires_at"])
        ]
        return sorted(grants, key=_rank)

    def _taken(self, line: Body) -> list[_Part]:
        """What a line of a final invoice says that it took, from the entries that it names."""
        entries = (
            (self.life.shop.record.versions[str(part["credit_balance_transaction"])], part)
            for part in line["pretax_credit_amounts"]
            if part["type"] == "credit_balance_transaction"
        )
        return [
            (entry[-1]["credit_grant"], part["amount"], -_amount(entry[-1]))
            for entry, part in entries
        ]

    def _check(self) -> None:
        """The entries of each grant add up to what it has left, and that is never below zero."""
        sums = dict.fromkeys(self.left, Fraction(0))
        closed = dict.fromkeys(self.left, Fraction(0))
        for entry in self.life.shop.record.latest(_ENTRY):
            amount = _amount(entry)
            sums[entry["credit_grant"]] += amount
            if entry["debit"] and entry["debit"]["type"] != "credits_applied":
                closed[entry["credit_grant"]] -= amount
        for grant, amount in sums.items():
            if grant in self.ended or closed[grant]:
                wanted = self.left[grant] = Fraction(0)
                self.ended.add(grant)
            else:
                wanted = self.left[grant]
                body = self.life.shop.record.versions[grant][0]
                if body["effective_at"] > self.life.now and not amount:
                    continue
            if amount != wanted or amount < 0:
                raise self._fault("a ledger is what is left", f"{grant}: {amount}, not {wanted}")

    def _fault(self, rule: str, text: str) -> BrokenRuleError:
        return BrokenRuleError(rule, self.life.shop.say(text))


@dataclass(slots=True)
class _Billed:
    """A line that is paid for: at most ``most``, and what it bills anew of its meter's units.

    Of a line that gives something back nothing is paid: it leaves no more to pay of the others.
    ``exactly`` is what was paid before it was rounded.
    """

    most: int
    units: Fraction
    of_units: Fraction
    exactly: Fraction = Fraction(0)
    used: Fraction = Fraction(0)

    @classmethod
    def of(cls, line: Body, off: int, most: int) -> "_Billed":
        state = line["_"]
        billed = line["amount"] - (state.get("billed_before") or 0)
        units = Fraction(line["quantity_decimal"]) - Fraction(state.get("quantity_before") or 0)
        bounds = (state.get("explanation") or {}).get("bounds") or {"true_up": 0}
        rest = billed - off
        of_units = Fraction(rest)
        if bounds["true_up"] and billed > 0:
            share = Fraction(max(0, billed - bounds["true_up"]), billed)
            of_units = Fraction(ceil(rest * share - Fraction(1, 2)))
        return cls(max(0, min(rest, most)), units, of_units)

    @property
    def paid(self) -> int:
        return min(self.most, floor(self.exactly + Fraction(1, 2)))

    def by_money(self, left: Fraction) -> tuple[int, Fraction]:
        """What money pays, and what that takes of it."""
        amount = min(int(left), self.most - self.paid)
        self.exactly += amount
        return amount, Fraction(amount)

    def by_units(self, left: Fraction) -> tuple[int, Fraction]:
        """What units pay, and how many of them that takes."""
        before = self.paid
        if before >= self.most or self.units <= 0 or self.of_units <= 0:
            return 0, Fraction(0)
        each = self.of_units / self.units
        most = min(self.units - self.used, (self.most - self.exactly) / each)
        taken = min(left, Fraction(ceil(most * 10**12), 10**12))
        self.used += min(taken, most)
        self.exactly += each * min(taken, most)
        return self.paid - before, taken


def _amount(entry: Body) -> Fraction:
    way: Any = entry["credit"] or entry["debit"]
    amount = _counted(way["amount"])
    return amount if entry["credit"] else -amount


def _counted(amount: Body) -> Fraction:
    return Fraction((amount["monetary"] or amount["custom_pricing_unit"])["value"])


def _rank(grant: Body) -> tuple[Any, ...]:
    expires = grant["expires_at"]
    return (
        grant["priority"],
        float("inf") if expires is None else expires,
        grant["category"] == "paid",
        grant["effective_at"],
        grant["created"],
        grant["id"],
    )
