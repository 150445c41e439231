"""Values: classes of fields that are set once, which cost little until one is made.

The standard library writes and compiles the methods of a data class when it is defined. That was a
quarter of a function's start, most of it for classes of which the invocation makes none. Here they
are written when the first of them is called; what they do is the same.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import Any, Final, NoReturn, dataclass_transform, overload

_UNSET: Final = object()
"""Stands for a value that its field's factory makes."""


@overload
def frozen[T](cls: type[T], /) -> type[T]: ...


@overload
def frozen[T](*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen[T](
    cls: type[T] | None = None, /, *, kw_only: bool = False
) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class a data class with slots whose objects never change.

    The same as ``dataclass(frozen=True, slots=True)``: ``replace``, ``fields`` and ``asdict`` work,
    and methods that the class has of its own stay.
    """

    def made(cls: type[T]) -> type[T]:
        own = set(vars(cls))
        value = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
        methods = _SHARED | {name: _written_when_called(value, name) for name in _WRITTEN}
        for name in methods.keys() - own:
            setattr(value, name, methods[name])
        return value

    return made if cls is None else made(cls)


_WRITTEN: Final = ("__init__", "__eq__", "__hash__")


def _written_when_called(cls: type[Any], name: str) -> Callable[..., Any]:
    def method(self: object, *args: object, **named: object) -> object:
        return _write(cls)[name](self, *args, **named)

    method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
    vars(method)["is_unwritten"] = True
    return method


def _write(cls: type[Any]) -> dict[str, Callable[..., Any]]:
    """Give a class the methods that it only has the names of so far; all of them are returned."""
    names: dict[str, object] = {"_UNSET": _UNSET}
    source = "\n".join((_init(cls, names), _comparisons(cls)))
    methods: dict[str, Callable[..., Any]] = {}
    # Of the names of fields alone, as the library does.
    exec(source, names, methods)  # noqa: S102 # nosec B102
    for name, method in methods.items():
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        if hasattr(vars(cls)[name], "is_unwritten"):
            setattr(cls, name, method)
    return methods


def _init(cls: type[Any], names: dict[str, object]) -> str:
    """The source of ``__init__``; the names that it uses are added to ``names``."""
    parameters, named, body = list[str](), list[str](), list[str]()
    for one in fields(cls):
        names[f"_set_{one.name}"] = getattr(cls, one.name).__set__
        (named if one.kw_only else parameters).append(f"{one.name}{_default(one, names)}")
        body.append(f" _set_{one.name}(self, {_value(one)})")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    taken = ", ".join(["self", *parameters, *(["*", *named] if named else [])])
    return "\n".join((f"def __init__({taken}):", *(body or [" pass"])))


def _default(one: Field[Any], names: dict[str, object]) -> str:
    if one.default_factory is not MISSING:
        names[f"_make_{one.name}"] = one.default_factory
        return "=_UNSET"
    if one.default is MISSING:
        return ""
    names[f"_default_{one.name}"] = one.default
    return f"=_default_{one.name}"


def _value(one: Field[Any]) -> str:
    if one.default_factory is MISSING:
        return one.name
    return f"_make_{one.name}() if {one.name} is _UNSET else {one.name}"


def _comparisons(cls: type[Any]) -> str:
    compared = [one.name for one in fields(cls) if one.compare]
    equal = " and ".join(f"self.{name} == other.{name}" for name in compared) or "True"
    hashed = "".join(f"self.{name}, " for name in compared)
    return f"""
def __eq__(self, other):
 if self is other: return True
 return {equal} if other.__class__ is self.__class__ else NotImplemented
def __hash__(self): return hash(({hashed}))"""


def _repr(self: Any) -> str:  # noqa: ANN401 - of every class
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_to_set(_self: object, name: str, _value: object) -> NoReturn:
    message = f"cannot assign to field {name!r}"
    raise FrozenInstanceError(message)


def _refuse_to_delete(_self: object, name: str) -> NoReturn:
    message = f"cannot delete field {name!r}"
    raise FrozenInstanceError(message)


def _state(self: Any) -> list[Any]:  # noqa: ANN401 - of every class
    return [getattr(self, one.name) for one in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:  # noqa: ANN401 - of every class
    for one, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


_SHARED: Final[dict[str, Callable[..., Any]]] = {
    "__repr__": _repr,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _set_state,
}
