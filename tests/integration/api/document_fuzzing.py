"""Requests made from the OpenAPI document, as whoever has nothing else would make them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from meterline.api.operations import Operation
from tests.integration.api.fuzzing import PREFIXES, Fuzzer

type Schema = Mapping[str, Any]

_LIKELY = ["usd", "eur", "a@example.com", "https://example.com/x", "2026-01-01T00:00:00Z", "*"]


@dataclass(slots=True)
class DocumentFuzzer(Fuzzer):
    """A seeded source of requests that knows of the API what ``document`` says."""

    document: Schema = field(default_factory=dict)

    def _params(self, operation: Operation) -> dict[str, Any]:
        described = self.document["paths"][operation.path][operation.method.lower()]
        if "requestBody" in described:
            [content] = described["requestBody"]["content"].values()
            schema = content["schema"]
        else:
            query = [
                parameter for parameter in described["parameters"] if parameter["in"] == "query"
            ]
            schema = {
                "properties": {param["name"]: param["schema"] for param in query},
                "required": [param["name"] for param in query if param["required"]],
            }
        return self._described_object(schema)

    def _described(self, schema: Schema, name: str) -> Any:
        """A value that the schema allows, or nearly."""
        is_free = not schema.keys() & {"anyOf", "enum", "type"}
        if is_free or self.dice.random() < 0.02:
            return self._nonsense()
        if "anyOf" in schema:
            return self._described(self.dice.choice(schema["anyOf"]), name)
        if "enum" in schema:
            return self.dice.choice(schema["enum"])
        makers: dict[str, Callable[[Schema, str], Any]] = {
            "array": self._described_array,
            "boolean": lambda _, __: self.dice.choice(["true", "false"]),
            "integer": self._described_integer,
            "object": lambda one, _: self._described_object(one),
            "string": self._described_string,
        }
        return makers[schema["type"]](schema, name)

    def _described_object(self, schema: Schema) -> dict[str, Any]:
        if "additionalProperties" in schema and schema["additionalProperties"] is not False:
            free = schema["additionalProperties"]
            return {key: self._described(free, key) for key in (self._word(), "eur")}
        chance = self.dice.choice([0.05, 0.2, 0.5])
        needed = schema.get("required", ())
        return {
            name: self._described(one, name)
            for name, one in schema["properties"].items()
            if self.dice.random() < (0.95 if name in needed else chance)
        }

    def _described_array(self, schema: Schema, name: str) -> list[Any]:
        length = self.dice.choice([schema["minItems"], 1, 2])
        return [self._described(schema["items"], name) for _ in range(length)]

    def _described_integer(self, schema: Schema, _: str) -> str:
        low, high = schema.get("minimum", -10), schema.get("maximum", 10**6)
        within = self.dice.randint(low, high)
        return str(self.dice.choice([low, high, low - 1, high + 1, within, within]))

    def _described_string(self, schema: Schema, name: str) -> str:
        if schema.get("format") == "decimal":
            return f"{self.dice.randint(0, 10**6)}.{self.dice.randint(0, 99)}"
        if name in PREFIXES and self.dice.random() < 0.9:
            return self._id_for(name)
        longest = "x" * (schema.get("maxLength", 10) + self.dice.choice([0, 1]))
        return str(self.dice.choice([self._word(), self._word(), *_LIKELY, longest]))
