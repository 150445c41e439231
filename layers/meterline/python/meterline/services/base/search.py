"""Search: objects by the values of their fields, in Stripe's query language.

    email:"amy@example.com" AND metadata["plan"]:'gold' AND -name:"Amy" AND created>1700000000

A query that pins metadata, an e-mail address or an owner down reads only what these find; any other
walks the list of its kind and stops at a bound. Unlike Stripe's index ours is up to date at once.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.numerals import whole_number
from meterline.core.kinds.kind import Search
from meterline.core.kinds.registry import kind_of
from meterline.services.base.context import Context
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import EVERYTHING, Source, Span
from meterline.store.billing.search_terms import indexed_term, metadata_term

MAX_CLAUSES = 10
MAX_EXAMINED = 2_000

_QUOTED = r'"(?:\\.|[^"\\])*+"|\'(?:\\.|[^\'\\])*+\''
_CLAUSE = re.compile(
    rf"""\s*+(?P<minus>-)?(?P<field>[a-z_]++)(?:\[(?P<key>{_QUOTED})\])?
    \s*+(?P<operator>:|~|>=|<=|>|<|=)\s*+
    (?:(?P<text>{_QUOTED})|(?P<bare>-?\d++|true|false|null))\s*+""",
    re.VERBOSE | re.DOTALL,
)
_JOIN = re.compile(r"(AND|OR)\b|(?=-?[a-z_])", re.IGNORECASE)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_MIN_SUBSTRING = 3


@frozen
class Clause:
    """One condition; ``value`` is None for ``null``."""

    field: str
    key: str | None
    operator: str
    value: str | None
    negated: bool

    def holds(self, body: Mapping[str, Any]) -> bool:
        """Whether an object fulfils it."""
        return self._matches(body) != self.negated

    def _matches(self, body: Mapping[str, Any]) -> bool:
        found = body.get(self.field)
        if self.key is not None:
            found = (found or {}).get(self.key)
        if self.operator in _COMPARE:
            number = whole_number(self.value or "")
            return isinstance(found, int) and _COMPARE[self.operator](found, number)
        if self.value is None or found is None:
            return self.value is None and found is None
        if self.operator == "~":
            return self.value.casefold() in str(found).casefold()
        text = str(found).lower() if isinstance(found, bool) else str(found)
        return text.casefold() == self.value.casefold()


@frozen
class Query:
    """Clauses that must all hold, or of which one must (``any_of``)."""

    clauses: tuple[Clause, ...]
    any_of: bool

    def holds(self, body: Mapping[str, Any]) -> bool:
        """Whether an object fulfils it."""
        return (any if self.any_of else all)(clause.holds(body) for clause in self.clauses)

    def pins(self) -> list[Clause]:
        """The clauses that say exactly what a field holds, if every match must fulfil them."""
        if self.any_of and len(self.clauses) > 1:
            return []
        return [c for c in self.clauses if c.operator == ":" and not c.negated and c.value]


def search(ctx: Context, kind: str, text: str, *, after: str | None) -> Iterator[Mapping[str, Any]]:
    """The objects of a kind that fulfil the query, newest first, as they are asked for.

    They follow on the place ``after``, the ``place_of`` one of them. A search that would examine
    too much is refused.
    """
    query = parse_query(kind, text)
    older_than = Cursor(*_place(after)) if after else None
    source = _narrowed(kind, query)
    documents = ctx.store.each(kind, Span(older_than=older_than), source=source)
    for document in islice(documents, MAX_EXAMINED):
        if not document.body.get("deleted") and query.holds(document.body):
            yield document.body
    if next(documents, None) is not None:
        raise BillingError(
            f"This search would examine more than {MAX_EXAMINED} objects for one page. Add a"
            " clause on metadata, on email or on the customer that narrows it down.",
            param="query",
        )


def parse_query(kind: str, text: str) -> Query:
    """The query that ``text`` means; BillingError 400 for what has no meaning."""
    clauses: list[Clause] = []
    joins: set[str] = set()
    position = 0
    while True:
        match = _CLAUSE.match(text, position)
        if match is None:
            raise _unparsable()
        clauses.append(_clause(kind, match))
        if match.end() == len(text):
            break
        join = _JOIN.match(text, match.end())
        if join is None:
            raise _unparsable()
        joins.add((join[1] or "AND").upper())
        position = join.end()
    if len(joins) > 1:
        raise BillingError("A search query cannot mix AND and OR.", param="query")
    if len(clauses) > MAX_CLAUSES:
        raise BillingError(f"A search query has at most {MAX_CLAUSES} clauses.", param="query")
    return Query(tuple(clauses), any_of="OR" in joins)


def _clause(kind: str, match: re.Match[str]) -> Clause:
    field, key = match["field"], match["key"]
    known = searched(kind)
    numeric = match["operator"] in _COMPARE
    allowed = known.numeric if numeric else known.exact | known.numeric
    if field not in allowed or (field == "metadata") != (key is not None):
        raise BillingError(
            f"Field `{field}` is an unsupported search field for resource `{kind}s`.",
            param="query",
        )
    value = match["bare"] if match["text"] is None else _unquoted(match["text"])
    if match["text"] is None and value == "null":
        value = None
    if numeric and whole_number(value or "") is None:
        raise BillingError(f"`{field}` is compared with a whole number.", param="query")
    if match["operator"] == "~" and len(value or "") < _MIN_SUBSTRING:
        raise BillingError(f"Substrings have at least {_MIN_SUBSTRING} characters.", param="query")
    return Clause(
        field=field,
        key=_unquoted(key) if key is not None else None,
        operator=match["operator"],
        value=value,
        negated=match["minus"] is not None,
    )


def _narrowed(kind: str, query: Query) -> Source:
    """What a pin narrows the reading down to."""
    known = searched(kind)
    for pin in query.pins():
        value = pin.value or ""
        if pin.key is not None:
            return Source(terms=[metadata_term(pin.key, value)])
        if pin.field in known.indexed:
            return Source(terms=[indexed_term(pin.field, value)])
        if pin.field == known.owner:
            return Source(parents=[value])
    return EVERYTHING


def searched(kind: str) -> Search:
    """What can be searched for in a kind."""
    found = kind_of(kind).search
    assert found is not None, f"{kind} has no search"  # noqa: S101
    return found


def place_of(body: Mapping[str, Any]) -> str:
    """Where a page starts that comes after an object."""
    return Cursor(int(body["created"]), body["id"]).sort_key


def _place(text: str) -> tuple[int, str]:
    created, _, object_id = text.partition("#")
    return int(created), object_id


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _unparsable() -> BillingError:
    return BillingError(
        "We were unable to parse your search query. Write clauses like "
        'metadata["key"]:"value" AND email:"a@example.com", with all values in quotes.',
        param="query",
    )
