"""Private state: what is stored inside an object's body and never shown, under one key of it.

A kind's private state is a frozen dataclass in the room that owns its rules; its fields are the
keys that are stored. This codec alone reads and writes the key they are under. ``docs/glossary.md``
lists all of them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

type Body = dict[str, Any]

_KEY = "_"
_SCALARS = frozenset({str, int, bool, type(None)})
"""The types of most values: with nothing inside."""


class PrivateState:
    """What a kind of object remembers beside what it shows.

    A field that is None is not stored, but for ``STORED_AS_NULL``. Keys that the class does not
    know are left as they are: another release wrote them.
    """

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    STORED_AS_NULL: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def of(cls, body: Mapping[str, object]) -> Self:
        """The private state of an object."""
        stored: Any = body.get(_KEY)
        if not stored:
            return cls()
        return cls(**{name: stored[name] for name in cls.__match_args__ if name in stored})

    def on[B: Mapping[str, Any]](self, body: B) -> B:
        """The object with this private state."""
        whole: Any = body
        before = body.get(_KEY) or {}
        unknown = {name: value for name, value in before.items() if name not in self.__match_args__}
        state = unknown | {
            name: value
            for name in self.__match_args__
            if (value := getattr(self, name)) is not None or name in self.STORED_AS_NULL
        }
        changed: B = whole | {_KEY: state} if state or before else body
        return changed


def is_private(key: str) -> bool:
    """Whether a key of a body holds private state."""
    return key == _KEY


def public(body: Mapping[str, Any]) -> Body:
    """``body`` without private state, at any depth."""
    return {
        key: value if type(value) in _SCALARS else _public_value(value)
        for key, value in body.items()
        if key != _KEY
    }


def with_private_state_of[B: Mapping[str, Any]](body: B, other: Mapping[str, Any]) -> B:
    """An object with all that another one remembers."""
    whole: Any = body
    remembering: B = whole | {_KEY: other.get(_KEY, {})}
    return remembering


def private_value(body: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - what is stored under it
    """One value of an object's private state, or None: for the store, which knows no kinds."""
    return (body.get(_KEY) or {}).get(name)


def _public_value(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return public(value)
    return [_public_value(element) for element in value] if isinstance(value, list) else value
