"""Tells what a signal handler of the program raised from what the library's own work came to.

Python runs a signal handler between any two instructions of the main thread, and what it raises looks as if it came
from there: a TimeoutError of ``signal.alarm`` as if the network had raised it. Where it was raised does not tell
(gevent's sockets are Python code too). What tells is that its traceback passes through a function that is set as a
handler.

Every ``except`` and ``suppress`` within a call that would take such an exception for one of its own hands it to
``raise_if_from_signal_handler`` first.
"""

from __future__ import annotations

# Not from signal, whose getsignal makes enums of what it is given and returns. That takes 60 times as long, and drops
# a ValueError that another handler raises meanwhile. On Python 3.7 the error of an enum that cannot be made is in a
# reference cycle with the frames of the whole call. And to load it would be a fortieth of the time of an import.
from _signal import NSIG, getsignal  # type: ignore[import-not-found]
from functools import partial
from types import FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any


def raise_if_from_signal_handler(error: BaseException, *, converted: bool = False) -> None:
    """Raise ``error`` again if a signal handler raised it.

    ``converted``: raise also what a handler raised and Python's own code, between here and there, made ``error`` of, as
    http.client makes a BadStatusLine of any ValueError.

    What else it was raised in the context of does not count: the program may handle such an exception while it calls.
    """
    struck = _from_signal_handler(error, converted)
    if struck is not None:
        try:
            raise struck
        finally:
            del error, struck  # break the reference cycle exception > traceback > frame


def _from_signal_handler(error: BaseException, converted: bool) -> BaseException | None:
    """Return what a signal handler raised, be it ``error`` or what that was made of; None where none did."""
    traceback = error.__traceback__
    if traceback is None or traceback.tb_next is None:
        return None  # raised in the caller itself, as by most of its waits: no other function was there
    handlers = _handlers()
    frames = []
    while traceback is not None:
        if traceback.tb_frame.f_code in handlers:
            return error
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    if converted:
        context = error.__context__
        if error.__cause__ is not None:
            return _from_signal_handler(error.__cause__, True)
        if context is not None and context.__traceback__ is not None and context.__traceback__.tb_frame in frames:
            return _from_signal_handler(context, True)
    return None


def _handlers() -> set[CodeType | None]:
    """Return the code of all functions that are set as signal handlers; None stands for what is none."""
    return set(map(_code, map(getsignal, range(1, NSIG))))


def _code(handler: Any) -> CodeType | None:
    """Return what runs when a handler is called: a function, a method, a partial or an object that can be called."""
    while issubclass(type(handler), partial):  # not whatever has a `func`: a mock has one without end
        handler = handler.func
    if type(handler) not in (FunctionType, MethodType):
        handler = getattr(type(handler), "__call__", None)  # noqa: B004
    code: CodeType | None = getattr(handler, "__code__", None)
    return code
