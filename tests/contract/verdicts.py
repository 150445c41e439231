"""Whether a value keeps to a schema, in a fraction of the time in which jsonschema says why not.

Answers are judged in every test, and nearly all are proper. The keywords are those that our shapes
use; another one is refused, so that none goes unheeded.
"""

from collections.abc import Callable, Mapping
from typing import Any

type Verdict = Callable[[Any], bool]

_TYPES: Mapping[str, Verdict] = {
    "string": lambda value: type(value) is str,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: type(value) is bool,
    "null": lambda value: value is None,
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list,
}
_HEEDED = {"$ref", "additionalProperties", "anyOf", "enum", "items", "properties", "required"}
_SAYS_NOTHING = {"description", "format", "type", "x-version"}


class Verdicts:
    """Verdicts by the definitions of a schema, each made when it is first asked for."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._made: dict[str, Verdict] = {}

    def keeps_to(self, name: str, value: Any) -> bool:
        """Whether a parsed JSON value keeps to the definition of this name."""
        return self._named(name)(value)

    def _named(self, name: str) -> Verdict:
        if name not in self._made:
            self._made[name] = self._later(name)
            self._made[name] = self._verdict(self._definitions[name])
        return self._made[name]

    def _later(self, name: str) -> Verdict:
        """What asks for a verdict when it is due: definitions name each other in circles."""

        def verdict(value: Any) -> bool:
            return self._made[name](value)

        return verdict

    def _verdict(self, schema: Any) -> Verdict:
        if isinstance(schema, bool):
            return lambda _: schema
        unknown = schema.keys() - _HEEDED - _SAYS_NOTHING
        if unknown:
            raise ValueError(f"nobody judges by {sorted(unknown)}")
        asked = [*self._of_any(schema), *self._of_objects(schema), *self._of_lists(schema)]
        if not asked:
            return lambda _: True
        if len(asked) == 1:
            return asked[0]
        return lambda value: all(verdict(value) for verdict in asked)

    def _of_any(self, schema: Mapping[str, Any]) -> list[Verdict]:
        asked: list[Verdict] = []
        if "type" in schema:
            words = schema["type"]
            asked.append(
                _any([_TYPES[word] for word in ([words] if type(words) is str else words)])
            )
        if "enum" in schema:
            asked.append(_one_of(schema["enum"]))
        if "anyOf" in schema:
            asked.append(_any([self._verdict(part) for part in schema["anyOf"]]))
        if "$ref" in schema:
            asked.append(self._named(schema["$ref"].removeprefix("#/$defs/")))
        return asked

    def _of_objects(self, schema: Mapping[str, Any]) -> list[Verdict]:
        fields = {name: self._verdict(part) for name, part in schema.get("properties", {}).items()}
        required = frozenset(schema.get("required", ()))
        others = self._verdict(schema.get("additionalProperties", True))
        if not (fields or required or "additionalProperties" in schema):
            return []

        def verdict(value: Any) -> bool:
            if type(value) is not dict:
                return True
            return required <= value.keys() and all(
                fields.get(name, others)(part) for name, part in value.items()
            )

        return [verdict]

    def _of_lists(self, schema: Mapping[str, Any]) -> list[Verdict]:
        if "items" not in schema:
            return []
        item = self._verdict(schema["items"])
        return [lambda value: type(value) is not list or all(map(item, value))]


def _any(verdicts: list[Verdict]) -> Verdict:
    if len(verdicts) == 1:
        return verdicts[0]
    return lambda value: any(verdict(value) for verdict in verdicts)


def _one_of(values: list[Any]) -> Verdict:
    """Whether a value is one of these; JSON's true is not 1, and 1.0 is."""
    texts = frozenset(value for value in values if type(value) is str)
    others = [value for value in values if type(value) is not str]

    def verdict(value: Any) -> bool:
        if type(value) is str:
            return value in texts
        is_truth = type(value) is bool
        return any(value == other and is_truth is (type(other) is bool) for other in others)

    return verdict
