"""A ledger of credits beside the product's: what each grant must have left and pay for."""

from dataclasses import dataclass, field
from typing import Any

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.life import Life

_ENTRY = "billing.credit_balance_transaction"
_GRANT = "billing.credit_grant"


@dataclass(slots=True)
class Ledger:
    """What is left of each grant, from what was asked and what invoices became final."""

    life: Life
    left: dict[str, int] = field(default_factory=dict)
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
            self.left[grant["id"]] = grant["amount"]["monetary"]["value"]
        elif grant["voided_at"] and not before["voided_at"]:
            self.left[grant["id"]] = 0
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
            for grant, amount in (part for parts in found for part in parts):
                self.left[grant] -= amount
        elif invoice["status"] == "void" and was != "void":
            for line in invoice["lines"]["data"]:
                for grant, amount in self._taken(line):
                    self.left[grant] += amount

    def _entered(self, entry: Body) -> None:
        """What is booked as expired or void is gone from then on."""
        debit = entry["debit"]
        if debit and debit["type"] in ("credits_expired", "credits_voided"):
            self.ended.add(entry["credit_grant"])

    def _wanted(self, invoice: Body) -> list[list[tuple[str, int]]]:
        lines = invoice["lines"]["data"]
        metered = {tag.id for tag in self.life.catalogue.tags if tag.meter}
        offs = [sum(part["amount"] for part in line["discount_amounts"]) for line in lines]
        bounds = sum(line["amount"] for line in lines) - sum(offs)
        left = dict(self.left)
        wanted: list[list[tuple[str, int]]] = []
        for line, off in zip(lines, offs, strict=True):
            details = (line["pricing"] or {}).get("price_details") or {}
            parts: list[tuple[str, int]] = []
            rest = line["amount"] - off - (line["_"].get("billed_before") or 0)
            for grant in self._order(invoice) if details.get("price") in metered else ():
                part = min(rest, left[grant], bounds)
                if part > 0:
                    parts.append((grant, part))
                    left[grant] -= part
                    rest -= part
                    bounds -= part
            wanted.append(parts)
        return wanted

    def _order(self, invoice: Body) -> list[str]:
        """The grants that may pay for an invoice, in their order."""
        grants = [
            grant
            for grant in self.life.shop.record.latest(_GRANT)
            if grant["customer"] == invoice["customer"]
            and grant["amount"]["monetary"]["currency"] == invoice["currency"]
            and self.left.get(grant["id"], 0) > 0
            and grant["id"] not in self.ended
            and grant["effective_at"] <= invoice["period_end"]
            and (grant["expires_at"] is None or invoice["period_end"] < grant["expires_at"])
        ]
        return [grant["id"] for grant in sorted(grants, key=_rank)]

    def _taken(self, line: Body) -> list[tuple[str, int]]:
        """What a line of a final invoice says that it took, from the entries that it names."""
        entries = (
            (self.life.shop.record.versions[str(part["credit_balance_transaction"])], part)
            for part in line["pretax_credit_amounts"]
            if part["type"] == "credit_balance_transaction"
        )
        return [(entry[-1]["credit_grant"], part["amount"]) for entry, part in entries]

    def _check(self) -> None:
        """The entries of each grant add up to what it has left, and that is never below zero."""
        sums: dict[str, int] = dict.fromkeys(self.left, 0)
        closed: dict[str, int] = dict.fromkeys(self.left, 0)
        for entry in self.life.shop.record.latest(_ENTRY):
            amount = _amount(entry)
            sums[entry["credit_grant"]] += amount
            if entry["debit"] and entry["debit"]["type"] != "credits_applied":
                closed[entry["credit_grant"]] -= amount
        for grant, amount in sums.items():
            if grant in self.ended or closed[grant]:
                wanted = 0
                self.ended.add(grant)
                self.left[grant] = 0
            else:
                wanted = self.left[grant]
                body = self.life.shop.record.versions[grant][0]
                if body["effective_at"] > self.life.now and not amount:
                    continue
            if amount != wanted or amount < 0:
                raise self._fault("a ledger is what is left", f"{grant}: {amount}, not {wanted}")

    def _fault(self, rule: str, text: str) -> BrokenRuleError:
        return BrokenRuleError(rule, self.life.shop.say(text))


def _amount(entry: Body) -> int:
    way: Any = entry["credit"] or entry["debit"]
    amount = int(way["amount"]["monetary"]["value"])
    return amount if entry["credit"] else -amount


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
