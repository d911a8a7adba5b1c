"""What type a value has, whatever it says of itself.

``isinstance`` asks the value for its ``__class__``, which may be any type (as that of a mock is), or raise.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_instance(value: object, kind: type | tuple[type, ...]) -> bool:
    """Return whether the type of ``value`` is ``kind`` or a subclass of it."""
    return issubclass(type(value), kind)


def expect(value: object, kind: type, name: str) -> None:
    """Raise TypeError, naming the argument, unless ``value`` is of the built-in type ``kind``. A bool is no int."""
    if not is_instance(value, kind) or (kind is int and is_instance(value, bool)):
        article = "an" if kind is int else "a"
        raise TypeError(f"{name}: expected {article} {kind.__name__}, got {qualified_name(value)}")


def qualified_name(value: object) -> str:
    """Return the name of the type of ``value``, with its module unless that is built in."""
    kind = type(value)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"


def names_of_bases(value: object) -> list[str]:
    """Return the names of the type of ``value`` and of its bases, each with its module: "datetime.datetime".

    By name a type is told without loading its module, and whatever a test has patched in there.
    """
    names = (f"{base.__module__}.{base.__qualname__}" for base in type(value).__mro__)
    return [name.replace("_pydatetime.", "datetime.") for name in names]  # what 3.12 and 3.13 call it in Python


def exact_str(value: Any) -> str:
    """Return a str, of whatever class, as a plain one; str.__str__ would run the code of the class on PyPy."""
    return "".join((value,))
