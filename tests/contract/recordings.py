"""Recorded conversations with the real Stripe, played again and compared step by step.

``recorded/*.json`` hold the facts of public recordings: requests, and what the contract fixes of
the answers; each compared step names its source. ``{c.id}`` is the ``id`` of what the step named
``c`` was answered, ``{stamp}`` a word of this run. A value stands for itself, or is one of

    =c.id  =it.created+3600   what an earlier step, or this one, was answered, with seconds added
    =sent+60  ="e"+stamp      the time of the request; texts joined
    ~now                      about the time of the request
    ~id:in_   ~re:-0001$      a text that begins so, that has this pattern somewhere
    ~dec:8000                 a decimal, however it is written
    ~set      ~absent         anything but null; no such field
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.factories.params import form

FOLDER = Path(__file__).with_name("recorded")
MOST_SECONDS_LATE = 120

type Json = Any
type Send = Callable[[str, str, str, dict[str, str]], tuple[int, Json]]
"""Method, target, form body and headers to status and answer."""

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps that belong together, on a test clock that stands at ``clock`` or on the wall clock."""

    name: str
    steps: tuple[dict[str, Any], ...]
    clock: int | None

    @property
    def compared(self) -> list[str]:
        """The ids of the steps whose answers are compared."""
        return [step["id"] for step in self.steps if "expect" in step]


@cache
def scenarios() -> tuple[Scenario, ...]:
    """All of them, named by file and scenario."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        recording = json.loads(path.read_text())
        for scenario in recording.get("scenarios", []):
            name = f"{path.stem}: {scenario['name']}"
            found.append(Scenario(name, tuple(scenario["steps"]), scenario.get("clock")))
    return tuple(found)


@cache
def _keys() -> dict[str, dict[str, list[str]]]:
    known: dict[str, dict[str, list[str]]] = json.loads((FOLDER / "keys.json").read_text())
    return known


@dataclass
class Player:
    """Plays a scenario through ``send``; ``advance`` lets a test clock arrive."""

    send: Send
    advance: Callable[[str, int], None]
    now: Callable[[], int]
    known: dict[str, Json] = field(default_factory=dict)
    stamp: str = field(default_factory=lambda: str(10**7 + secrets.randbelow(9 * 10**7)))

    def play(self, scenario: Scenario) -> dict[str, list[str]]:
        """What differs, by the id of the step; a step without differences is not in it."""
        if scenario.clock is not None:
            frozen = {"frozen_time": scenario.clock}
            _, clock = self.send("POST", "/v1/test_helpers/test_clocks", urlencode(frozen), {})
            self.known["clock"] = clock
        differences = {}
        for step in scenario.steps:
            if "travel" in step:
                self._travel(step["travel"])
                continue
            sent = self._time()
            status, answer = self._ask(step)
            if "as" in step:
                self.known[step["as"]] = answer
            if "expect" in step:
                while_asked = range(sent, self._time() + 1)
                found = list(self._differences(step["expect"], status, answer, while_asked))
                if found:
                    differences[step["id"]] = found
        return differences

    def _time(self) -> int:
        return int(self.known["clock"]["frozen_time"]) if "clock" in self.known else self.now()

    def _travel(self, when: int | str) -> None:
        arrives = self._value(when, {}, 0)
        self.advance(self.known["clock"]["id"], arrives)
        self.known["clock"]["frozen_time"] = arrives

    def _ask(self, step: dict[str, Any]) -> tuple[int, Json]:
        method, path, given = step["do"]
        text = form(self._filled(given))
        target = self._filled(path)
        if method == "GET":
            target, text = f"{target}?{text}" if text else target, ""
        status, answer = self.send(method, target, text, step.get("headers", {}))
        if "pick" in step and status == _SUCCESS:
            wanted = {path: self._value(value, {}, 0) for path, value in step["pick"].items()}
            answer = next(
                (one for one in answer["data"] if all(_at(one, p) == v for p, v in wanted.items())),
                {},
            )
        return status, answer

    def _filled(self, given: Json) -> Json:
        """A request with what earlier answers said."""
        if isinstance(given, dict):
            return {name: self._filled(value) for name, value in given.items()}
        if isinstance(given, list):
            return [self._filled(value) for value in given]
        return self._value(given, {}, self._time())

    def _value(self, wanted: Json, it: Json, sent: int) -> Json:
        """What a value refers to."""
        if not isinstance(wanted, str):
            return wanted
        if not wanted.startswith("="):
            filled = wanted.replace("{stamp}", self.stamp)
            return re.sub(r"{(\w+\.[^{}]+)}", lambda one: str(self._named(one[1], it)), filled)
        first, *more = re.split(r'([+-])(?=(?:[^"]*"[^"]*")*[^"]*$)', wanted[1:])
        value = self._term(first, it, sent)
        for sign, term in zip(more[::2], more[1::2], strict=True):
            other = self._term(term, it, sent)
            if value is not _ABSENT and other is not _ABSENT:
                value = value + other if sign == "+" else value - other
        return value

    def _term(self, term: str, it: Json, sent: int) -> Json:
        if term.startswith('"'):
            return term.strip('"')
        if term.isdigit():
            return int(term)
        return {"sent": sent, "stamp": self.stamp}.get(term) or self._named(term, it)

    def _named(self, path: str, it: Json) -> Json:
        name, _, rest = path.partition(".")
        return _at(it if name == "it" else self.known.get(name, {}), rest)

    def _differences(self, expected: Json, status: int, it: Json, sent: range) -> Iterator[str]:
        if status != expected.get("status", _SUCCESS):
            told = it.get("error", {}).get("message", "") if isinstance(it, dict) else ""
            yield f"status {status} {told}"
            return
        for name, wanted in expected.get("error", {}).items():
            yield from self._compare(f"error.{name}", wanted, it, sent)
        for path, wanted in expected.get("fields", {}).items():
            yield from self._compare(path, wanted, it, sent)
        for path, name in expected.get("keys", {}).items():
            holder = _at(it, path) if path else it
            yield from _other_keys(path, _keys()[name], holder)

    def _compare(self, path: str, wanted: Json, it: Json, sent: range) -> Iterator[str]:
        found = _at(it, path)
        if not self._fits(wanted, found, it, sent):
            shown = "absent" if found is _ABSENT else json.dumps(found, default=str)
            yield f"{path}: {shown[:150]}, not {str(self._value(wanted, it, sent[0]))[:150]}"

    def _fits(self, wanted: Json, found: Json, it: Json, sent: range) -> bool:
        """Whether it is what was wanted, the request taken at any of these seconds."""
        if isinstance(wanted, dict) and isinstance(found, dict):
            return all(
                self._fits(value, found.get(name, _ABSENT), it, sent)
                for name, value in wanted.items()
            )
        if isinstance(wanted, list) and isinstance(found, list):
            pairs = zip(wanted, found, strict=False)
            return len(wanted) == len(found) and all(
                self._fits(one, other, it, sent) for one, other in pairs
            )
        if isinstance(wanted, str) and wanted.startswith("~"):
            return _matches(wanted[1:], found, sent[0])
        return any(self._value(wanted, it, moment) == found for moment in sent)


_SUCCESS = 200


def _matches(rule: str, found: Json, sent: int) -> bool:
    """Whether a value is what a rule such as ``id:in_`` asks for."""
    name, _, rest = rule.partition(":")
    if name == "absent" or found is _ABSENT or found is None:
        return name == "absent" and found is _ABSENT
    judges: dict[str, Callable[[], bool]] = {
        "now": lambda: isinstance(found, int) and abs(found - sent) <= MOST_SECONDS_LATE,
        "dec": lambda: Decimal(str(found)) == Decimal(rest),
        "id": lambda: str(found).startswith(rest),
        "re": lambda: re.search(rest, str(found)) is not None,
        "set": lambda: True,
    }
    return judges[name]()


def _other_keys(path: str, known: dict[str, list[str]], found: Json) -> Iterator[str]:
    """Fields that are missing, and those that neither the recording nor a newer version has."""
    if not isinstance(found, dict):
        yield f"{path or 'answer'} is no object"
        return
    missing = sorted(set(known["keys"]) - found.keys())
    more = sorted(found.keys() - {*known["keys"], *known["newer"], "meterline"})
    if missing:
        yield f"{path or 'answer'} lacks {', '.join(missing)}"
    if more:
        yield f"{path or 'answer'} has {', '.join(more)} more"


def _at(value: Json, path: str) -> Json:
    """What stands at a path such as ``lines.data[*].amount``; ``_ABSENT`` if nothing does."""
    words = re.findall(r"[^.\[\]]+|\[\d+\]|\[\*\]", path)
    return _walk(value, words)


def _walk(value: Json, words: list[str]) -> Json:
    if not words:
        return value
    word, rest = words[0], words[1:]
    if word == "[*]":
        return [_walk(element, rest) for element in value] if isinstance(value, list) else _ABSENT
    if word.startswith("["):
        index = int(word[1:-1])
        is_there = isinstance(value, list) and index < len(value)
        return _walk(value[index], rest) if is_there else _ABSENT
    return _walk(value[word], rest) if isinstance(value, dict) and word in value else _ABSENT
