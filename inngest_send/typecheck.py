"""What type a value has, whatever it says of itself.

``isinstance`` asks the value for its ``__class__``, which may be any type (as that of a mock is), or raise.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple, Union


def is_instance(value: object, kind: Union[type, Tuple[type, ...]]) -> bool:
    """Return whether the type of ``value`` is ``kind`` or a subclass of it."""
    return issubclass(type(value), kind)


def qualified_name(value: object) -> str:
    """Return the name of the type of ``value``, with its module unless that is built in."""
    kind = type(value)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"


def exact_str(value: Any) -> str:
    """Return a str, of whatever class, as a plain one; str.__str__ would run the code of the class on PyPy."""
    return "".join((value,))
