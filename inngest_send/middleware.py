"""Hooks around the sending of events, as the official SDK has them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import partial
from types import CoroutineType

from .errors import AsyncUnsupportedError
from .runtime.signals import raise_if_from_signal_handler
from .typecheck import is_instance, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .event import Event

    Factory = Callable[..., object]  # of the client, and None; what a client is, only the client's module knows

_HOOKS = ("before_send_events", "after_send_events")


@dataclass
class SendEventsResult:
    """What a call of ``send`` came to: the ids of the accepted events, and what went wrong, or None."""

    ids: list[str] = field(default_factory=list)
    error: str | None = None


def middleware_list(middleware: Sequence[Factory] | None) -> Sequence[Factory]:
    """Return the argument ``middleware``, an empty list for None. Raises TypeError."""
    if middleware is None:
        return []
    if not is_instance(middleware, (list, tuple)):
        raise TypeError(f"middleware: expected a list of factories, got {qualified_name(middleware)}")
    return middleware


def check_factory(factory: Factory) -> Factory:
    """Return ``factory``. Raises TypeError when it is none, AsyncUnsupportedError when its hooks are coroutines."""
    if not callable(factory):
        raise TypeError(f"middleware: expected a callable (client, raw_request), got {qualified_name(factory)}")
    if _is_async(factory):
        raise AsyncUnsupportedError("middleware: the factory is a coroutine function; it is called synchronously")
    if is_instance(_unwrapped(factory), type):
        _check_hooks(_unwrapped(factory))
    return factory


class Hooks:
    """The middleware of one call."""

    def __init__(self, factories: Sequence[Factory], client: object) -> None:
        self._factories = factories
        self._client = client
        self._entered: list[object] = []

    def before(self, events: list[Event]) -> None:
        """Make one instance of each, and run the before-hooks in order."""
        instances = [factory(self._client, None) for factory in self._factories]
        for factory, instance in zip(self._factories, instances):
            _check_result(instance, factory)
            _check_hooks(instance)
        for instance in instances:
            hook = getattr(instance, "before_send_events", None)
            if hook is not None:
                _check_result(hook(events), hook)
            self._entered.append(instance)

    def after(self, ids: list[str], error: str | None, on_error: Callable[[Exception], None]) -> None:
        """Run the after-hooks in reverse, of those whose before-hook had run; each error goes to ``on_error``."""
        result = None
        for instance in reversed(self._entered):
            try:
                # Made in here, since memory may run out; one for all hooks, and not the list that the call returns.
                result = result or SendEventsResult(list(ids), error)
                hook = getattr(instance, "after_send_events", None)
                if hook is not None:
                    _check_result(hook(result), hook)
            except Exception as err:  # noqa: BLE001  # the events were sent: their ids must not be lost
                raise_if_from_signal_handler(err)
                on_error(err)


def _check_hooks(owner: object) -> None:
    for name in _HOOKS:
        if _is_async(getattr(owner, name, None)):
            raise AsyncUnsupportedError(f"middleware: {name} is a coroutine function; make it a plain one")


def _check_result(result: object, function: object) -> None:
    if _is(inspect.isawaitable, result):
        if is_instance(result, CoroutineType):
            result.close()  # type: ignore[attr-defined]  # else Python warns that nobody awaits it
        name = getattr(function, "__name__", qualified_name(function))
        raise AsyncUnsupportedError(f"middleware: {name} returned an awaitable; make it a plain function")


def _is_async(function: object) -> bool:
    """Return whether calling it gives a coroutine, as far as can be known without calling it."""
    function = _unwrapped(function)
    call = getattr(type(function), "__call__", None)  # noqa: B004  # what an object that is callable runs
    return _is(inspect.iscoroutinefunction, function) or _is(inspect.iscoroutinefunction, call)


def _is(question: Callable[[object], bool], value: object) -> bool:
    """Return what ``inspect`` says, which asks the value for its ``__class__``; that may raise."""
    try:
        return question(value)
    except Exception as err:  # noqa: BLE001  # whatever it is, nobody can await it
        raise_if_from_signal_handler(err)
        return False


def _unwrapped(function: Any) -> Any:
    while is_instance(function, partial):  # inspect does so from Python 3.8 on
        function = function.func
    return function
